"""Histories of trust facts as folds make them: unpaid facts are counted, a refund takes back what stands."""

from typing import Any

from domain.market.policy import MarketPolicy
from domain.market.trust import (
    REVERSED_BY_REFUND,
    PolicyField,
    RecordedTrustEvent,
    TrustComponent,
    TrustReason,
    TrustState,
    component_score,
    record_fact,
    reversal_inputs,
)

C, R = TrustComponent, TrustReason
V0 = MarketPolicy().trust_full_weight_cents  # type: ignore[call-arg,unused-ignore]
Fact = tuple[TrustReason, dict[str, Any]]


class History:
    """A store's facts so far, its state and its rows."""

    def __init__(self, state: TrustState | None = None) -> None:
        self.state = state or TrustState.genesis()
        self.rows: list[RecordedTrustEvent] = []
        self.facts = 0
        self.unpaid = 0
        self.standing: list[tuple[TrustReason, list[RecordedTrustEvent]]] = []
        """Reversible facts that no refund has taken back."""

    def tell(self, reason: TrustReason, inputs: dict[str, Any]) -> list[RecordedTrustEvent]:
        """Fold a fact. ``{"pick": n}`` refunds the order behind one of those that stand, if any does."""
        if reason is R.ORDER_REFUNDED and "pick" in inputs:
            if not self.standing:
                return []
            of, brought = self.standing.pop(inputs["pick"] % len(self.standing))
            since = [row.source_event_id for row in self.rows if row.reason is R.TIME_DECAY]
            before = [row.source_event_id for row in self.rows
                      if row.reason is R.TIME_DECAY and row.sequence < brought[0].sequence]  # fmt: skip
            inputs = reversal_inputs(of, brought, len({*since} - {*before}))
        if inputs.get("paid") is False:
            inputs = inputs | {"earlier_unpaid": self.unpaid}
        self.state, new = record_fact(self.state, f"fact-{self.facts}", reason, inputs, len(self.rows) + 1)
        self.facts += 1
        self.rows += new
        if new and inputs.get("paid") is False:
            self.unpaid += 1
        if new and reason in REVERSED_BY_REFUND:
            self.standing.append((reason, new))
        return new


def tell(facts: list[Fact], state: TrustState | None = None) -> tuple[TrustState, list[RecordedTrustEvent]]:
    history = History(state)
    for reason, inputs in facts:
        history.tell(reason, inputs)
    return history.state, history.rows


def review(rating: int = 5, earlier: int = 0, cents: int = V0, told: int | None = None, *, paid: bool = True) -> Fact:
    return R.REVIEW_POSTED, {
        "rating": rating,
        "as_described": told,
        "weight_cents": cents,
        "full_weight_cents": V0,
        "earlier_reviews": earlier,
        "paid": paid,
    }


def broken(earlier: int = 0, *, paid: bool = True, record: int = 0) -> Fact:
    return R.OFFER_BROKEN, {"paid": paid, "buyer_record": record, "earlier_broken": earlier}


def resolved(earlier: int = 0, same_edit: int = 0) -> Fact:
    return R.PRODUCT_COPY_UPDATED, {"resolves_challenge": True, "earlier_resolved": earlier, "same_edit": same_edit}


def misled(reason: TrustReason, earlier: int = 0, *, paid: bool = True, recently: bool = False) -> Fact:
    """A change of price or copy under buyers who wait."""
    why = {"raised": True, "open_commitments": True} if reason is R.PRICE_UPDATED else {"undelivered_orders": True}
    return reason, {**why, "penalised_recently": recently, "paid": paid, "earlier_penalties": earlier}


def policy(present: bool, *names: PolicyField) -> Fact:
    return R.POLICY_UPDATED, {"fields": {name.value: present for name in names or PolicyField}}


def refund(pick: int = 0) -> Fact:
    """The order behind one of the facts that stand is paid back."""
    return R.ORDER_REFUNDED, {"pick": pick}


def score(state: TrustState, component: TrustComponent) -> int:
    return component_score(state.evidence[component])
