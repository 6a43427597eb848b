"""What only the order of folding tells of a fact: what was folded before it, in earlier folds and in this one.

Read under the profile's lock and recorded in the event's inputs, where it never changes.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.market import trust, trust_history
from db.market.tables import TrustFact
from db.platform.transactions import Transaction
from domain.market.policy import MarketPolicy
from domain.market.trust import RecordedTrustEvent, TrustReason, reversal_inputs

_COUNTED_AS = {
    TrustReason.REVIEW_POSTED: "earlier_reviews",
    TrustReason.OFFER_HONORED: "earlier_honored",
    TrustReason.OFFER_BROKEN: "earlier_broken",
    **dict.fromkeys(trust.QUESTION_REASONS, "earlier_questions"),
}


def _counted_as(fact: TrustFact) -> str | None:
    """The input that counts earlier facts of the kind about the same customer."""
    if fact.reason is TrustReason.PRODUCT_COPY_UPDATED:
        return "earlier_resolved" if "resolves_challenge" in fact.inputs else None
    return _COUNTED_AS.get(fact.reason)


def _concerns_buyers(inputs: dict[str, Any]) -> bool:
    return bool(inputs.get("undelivered_orders") or (inputs.get("raised") and inputs.get("open_commitments")))


class FoldHistory:
    """Of one fold. ``subjects``: facts of changes, and the buyer whom each was found to wrong."""

    def __init__(self, transaction: Transaction, policy: MarketPolicy, unpaid: int) -> None:
        self._step = transaction
        self._cooldown = timedelta(seconds=policy.trust_penalty_cooldown_seconds)
        self._unpaid = unpaid
        self._folded: Counter[tuple[str, UUID]] = Counter()
        self._penalties: dict[tuple[UUID | None, TrustReason], datetime] = {}
        self._brought: dict[UUID, list[RecordedTrustEvent]] = {}
        self._decays: list[int] = []
        self._wronged: UUID | None = None
        self.subjects: list[tuple[TrustFact, UUID]] = []

    async def inputs(self, pending: trust.Pending) -> dict[str, Any]:
        """What was known when the fact was written, and what its place among the others adds."""
        fact = pending.fact
        if fact.reason is TrustReason.ORDER_REFUNDED:
            return await self._reversal(fact)
        inputs = dict(fact.inputs)
        counted = _counted_as(fact)
        if counted is not None:
            now_folded = self._folded[counted, fact.subject_agent_id] if fact.subject_agent_id else 0
            inputs[counted] = pending.earlier + now_folded
        self._wronged = None
        if _concerns_buyers(inputs):
            inputs["penalised_recently"] = await self._penalised(fact)
            inputs |= await self._whom_it_wrongs(fact)
        if inputs.get("paid") is False:
            inputs["earlier_unpaid"] = self._unpaid
        return inputs

    def note(self, fact: TrustFact, rows: list[RecordedTrustEvent]) -> None:
        """The fact is folded, into these rows."""
        self._brought[fact.fact_id] = rows
        counted = _counted_as(fact)
        if counted is not None and fact.subject_agent_id is not None:
            self._folded[counted, fact.subject_agent_id] += 1
        if not rows:
            return
        self._unpaid += rows[0].inputs.get("paid") is False
        if fact.reason is TrustReason.TIME_DECAY:
            self._decays.append(rows[0].sequence)
        if any(row.ds > 0 for row in rows):
            key = (fact.listing_id, fact.reason)
            self._penalties[key] = max(fact.occurred_at, self._penalties.get(key, fact.occurred_at))
        if self._wronged is not None:
            self._folded[fact.reason, self._wronged] += 1
            self.subjects.append((fact, self._wronged))
            self._wronged = None

    async def _penalised(self, fact: TrustFact) -> bool:
        """Whether this listing's price or copy already cost the store a penalty within the cooldown."""
        since = fact.occurred_at - self._cooldown
        latest = self._penalties.get((fact.listing_id, fact.reason))
        if latest is not None and latest > since:
            return True
        return await trust_history.was_penalised(self._step, fact.listing_id, fact.reason, since)

    async def _whom_it_wrongs(self, fact: TrustFact) -> dict[str, Any]:
        """Of the buyers who had paid and waited, the one who was wronged least often: nobody shields the others."""
        found = [
            (earlier + self._folded[fact.reason, buyer], place, buyer)
            for place, (buyer, earlier) in enumerate(await trust_history.buyers_waiting(self._step, fact))
        ]
        if not found:
            return {"paid": False, "earlier_penalties": 0}
        earlier, _, self._wronged = min(found)
        return {"paid": True, "earlier_penalties": earlier}

    async def _reversal(self, fact: TrustFact) -> dict[str, Any]:
        """What the reversed fact brought, where its rows are, and how often that has faded since."""
        reversed_id = UUID(fact.inputs["fact"])
        rows = self._brought.get(reversed_id)
        if rows is None:
            rows = await trust_history.list_brought(self._step, reversed_id)
        first = rows[0].sequence if rows else 0
        decays = sum(sequence > first for sequence in self._decays)
        if rows and reversed_id not in self._brought:
            decays += await trust_history.count_decays(self._step, fact.store_id, first)
        return reversal_inputs(TrustReason(fact.inputs["of"]), rows, decays)
