"""Activity of the StoreTrust process: one transaction folds all that is pending.

The profile's lock serialises folds, so what depends on their order — how many earlier reviews by the same
buyer, whether a penalty is recent — is counted here, recorded in the event's inputs, and never changes.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from activities.market.signatures import TrustActivities
from activities.market.trust_history import FoldHistory
from db import locks
from db.market import trust
from db.market.tables import TrustEvent, TrustFact, TrustProfile
from db.platform import writes
from db.platform.database import Database
from db.platform.events import notify, record_event
from db.platform.ids import new_id
from db.platform.outages import listen
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market.commands import StoreTrustStart, TrustFold
from domain.market.policy import MarketPolicy
from domain.market.processes import MARKET_PARTS
from domain.market.states import ActivityType, InboxType
from domain.market.trust import RecordedTrustEvent, TrustComponent, TrustReason, TrustState, overall_score, record_fact

_BATCH = 500
_DECAYS = UUID("6f1f0b9e-6a0b-5d0e-9a52-7a1d6c1d7f10")


class PostgresTrustActivities(TrustActivities):
    """The real one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fold_trust(self, start: StoreTrustStart) -> TrustFold:
        async with self._database.transaction() as transaction:
            silence = await listen(transaction, MARKET_PARTS)
            profile = await locks.lock_trust_profile(transaction, start.store_id)
            if profile is None:
                raise errors.STORE_NOT_FOUND.error()
            read = await trust.read_fold(transaction, start.store_id, _BATCH)
            held = silence.holds(read.now)
            if _is_due(read, profile):
                if not held:
                    await self._look_at_questions(transaction, start.store_id, read)
                profile = self._decay(transaction, profile, start.policy, read.now)
                await writes.send(transaction)
                read = await trust.read_fold(transaction, start.store_id, _BATCH)
            state = await self._fold(transaction, profile, read, start.policy)
            deadlines = [profile.decay_due_at] + ([read.next_reply] if read.next_reply and not held else [])
            if held:
                deadlines.append(silence.look_again_at(read.now))
            return TrustFold(
                store_id=start.store_id,
                facts=len(read.pending),
                overall_milli=overall_score(state),
                more=len(read.pending) == _BATCH,
                deadline=min(deadlines),
            )

    async def _look_at_questions(self, transaction: Transaction, store_id: UUID, read: trust.Reading) -> None:
        """Miss those past their deadline; remind the owner of those before it, once."""
        for question in await locks.lock_due_questions(transaction, store_id, read.now):
            about: dict[str, Any] = {
                "store_id": store_id,
                "thread_id": question.thread_id,
                "message_id": question.question_message_id,
            }
            if read.now < question.due_at:
                writes.change(transaction, question, remind_at=None)
                notify(transaction, read.owner_id, InboxType.QUESTION_DUE_SOON, **about, due_at=question.due_at)
                continue
            writes.change(transaction, question, remind_at=None, missed_at=read.now)
            trust.insert_fact(
                transaction,
                store_id=store_id,
                source_event_id=question.question_message_id,
                reason=TrustReason.REPLY_MISSED,
                inputs={},
                occurred_at=read.now,
                subject_agent_id=question.customer_id,
                linked_thread_id=question.thread_id,
            )
            notify(transaction, question.customer_id, InboxType.QUESTION_MISSED, **about)

    def _decay(
        self, transaction: Transaction, profile: TrustProfile, policy: MarketPolicy, now: datetime
    ) -> TrustProfile:
        """One TIME_DECAY fact per period passed, each with its own source, so none is folded twice."""
        while profile.decay_due_at <= now:
            trust.insert_fact(
                transaction,
                store_id=profile.store_id,
                source_event_id=uuid5(_DECAYS, f"{profile.store_id}/{profile.decay_due_at.isoformat()}"),
                reason=TrustReason.TIME_DECAY,
                inputs={},
                occurred_at=profile.decay_due_at,
            )
            next_due = profile.decay_due_at + timedelta(seconds=policy.trust_decay_seconds)
            profile = writes.change(transaction, profile, decay_due_at=next_due)
        return profile

    async def _fold(
        self, transaction: Transaction, profile: TrustProfile, read: trust.Reading, policy: MarketPolicy
    ) -> TrustState:
        """Fold the facts that wait, in their order. Returns the state they lead to."""
        state = trust.state_of(profile)
        if not read.pending:
            return state
        before, sequence = overall_score(state), profile.sequence
        last: UUID | None = None
        history = FoldHistory(transaction, policy, read.unpaid)
        for pending in read.pending:
            fact = pending.fact
            inputs = await history.inputs(pending)
            state, rows = record_fact(state, fact.source_event_id, fact.reason, inputs, sequence + 1)
            history.note(fact, rows)
            sequence += len(rows)
            for row in rows:
                last = new_id()
                writes.insert(transaction, TrustEvent, **_event(last, fact, row, profile.folds + 1, read.now))
        for fact, subject in history.subjects:
            writes.change(transaction, fact, subject_agent_id=subject, folded_at=read.now)
        told = {fact.fact_id for fact, _ in history.subjects}
        others = [pending.fact.fact_id for pending in read.pending if pending.fact.fact_id not in told]
        if others:
            writes.change_all(transaction, TrustFact, others, folded_at=read.now)
        if last is None:
            return state
        writes.change(
            transaction, profile, sequence=sequence, folds=profile.folds + 1, **trust.state_values(state, read.now)
        )
        record_event(transaction, ActivityType.TRUST_UPDATED, store_id=profile.store_id, trust_event_id=last)
        notify(
            transaction,
            read.owner_id,
            InboxType.TRUST_MOVED,
            store_id=profile.store_id,
            meta={"overall_before_milli": before, "overall_after_milli": overall_score(state)},
        )
        return state


def _is_due(read: trust.Reading, profile: TrustProfile) -> bool:
    return profile.decay_due_at <= read.now or (read.next_reply is not None and read.next_reply <= read.now)


def _event(trust_event_id: UUID, fact: TrustFact, row: RecordedTrustEvent, fold: int, now: datetime) -> dict[str, Any]:
    """A trust event's columns."""

    def moved(component: TrustComponent) -> float:
        return (row.component_after - row.component_before) / 1000 if component is row.component else 0.0

    return {
        "trust_event_id": trust_event_id,
        "store_id": fact.store_id,
        "timestamp": now,
        "reason": fact.reason,
        "delta_overall": (row.score_after - row.score_before) / 1000,
        "delta_product_satisfaction": moved(TrustComponent.PRODUCT),
        "delta_claim_accuracy": moved(TrustComponent.CLAIM),
        "delta_support_responsiveness": moved(TrustComponent.SUPPORT),
        "delta_policy_clarity": moved(TrustComponent.POLICY),
        "linked_thread_id": fact.linked_thread_id,
        # Where its review names it in public; that an order came from an offer is private.
        "linked_order_id": fact.linked_order_id if fact.linked_review_id is not None else None,
        "linked_review_id": fact.linked_review_id,
        "sequence": row.sequence,
        "fold": fold,
        "fact_id": fact.fact_id,
        "source_event_id": fact.source_event_id,
        "component": row.component,
        "delta_r": row.dr,
        "delta_s": row.ds,
        "formula_version": row.formula_version,
        "inputs": dict(row.inputs),
        "component_before_milli": row.component_before,
        "component_after_milli": row.component_after,
        "overall_before_milli": row.score_before,
        "overall_after_milli": row.score_after,
    }
