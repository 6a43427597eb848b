"""A session's life: every command in every state, and what an order of one weighs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.checkout import errors
from domain.checkout import sessions as rules
from domain.checkout.models import Discounts, Fulfillment, Line, PaymentChoice, Quote, Totals
from domain.checkout.payments import MARKET_HANDLER
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.sessions import SessionState
from domain.checkout.states import CheckoutStatus, PaymentStatus
from domain.market.orders import paid_cents
from domain.market.states import InteractionType
from domain.market.trust import review_weight_cents
from domain.platform.errors import DomainError

NOW = datetime(2026, 4, 8, 12, tzinfo=UTC)
POLICY = CheckoutPolicy(session_seconds=3_600)
LISTING = UUID(int=1)
OPEN = SessionState(CheckoutStatus.READY_FOR_COMPLETE, NOW + timedelta(hours=1), shown=True)
PAYS = PaymentChoice(handler_id="card")
HANDLERS = ("card", MARKET_HANDLER)


def priced(cents: int, *, shipped: bool = False) -> Quote:
    line = Line(
        line_id="a", listing_id=LISTING, title="A lamp", shipped=shipped, quantity=1,
        unit_price_cents=cents, base_cents=cents, total_cents=cents,
    )  # fmt: skip
    totals = Totals(subtotal_cents=cents, discount_cents=0, fulfillment_cents=0, total_cents=cents)
    return Quote(lines=(line,), fulfillment=Fulfillment(), discounts=Discounts(), totals=totals)


def complete(state=OPEN, seen=1_000, now_costs=1_000, payment=PAYS, handlers=HANDLERS, total=None, now=NOW, **options):
    return rules.decide_complete(state, priced(seen), priced(now_costs, **options), payment, handlers, total, now)


def code_of(doing) -> str:
    with pytest.raises(DomainError) as refused:
        doing()
    return refused.value.code


def test_a_completion_needs_all_of_it():
    assert complete() == "card"
    assert complete(payment=None) == MARKET_HANDLER
    assert code_of(lambda: complete(now_costs=999)) == errors.PRICE_CHANGED.code
    assert code_of(lambda: complete(total=999)) == errors.PRICE_CHANGED.code
    assert code_of(lambda: complete(replace(OPEN, shown=False))) == errors.PRICE_CHANGED.code
    assert code_of(lambda: complete(shipped=True)) == errors.FULFILLMENT_MISSING.code
    assert code_of(lambda: complete(payment=None, handlers=("card",))) == errors.PAYMENT_MISSING.code
    assert code_of(lambda: complete(handlers=(MARKET_HANDLER,))) == errors.PAYMENT_HANDLER_UNKNOWN.code


@pytest.mark.parametrize("status", CheckoutStatus)
def test_every_command_in_every_state(status: CheckoutStatus):
    state = replace(OPEN, status=status)
    expected = None
    if status.over:
        expected = errors.CHECKOUT_OVER.code
    elif status is CheckoutStatus.COMPLETE_IN_PROGRESS:
        expected = errors.CHECKOUT_BUSY.code
    for doing in (
        lambda: rules.decide_update(state, NOW, changes_items=True),
        lambda: rules.decide_cancel(state, NOW),
        lambda: complete(state),
    ):
        if expected is None:
            doing()
        else:
            assert code_of(doing) == expected
    late = state.expires_at
    assert rules.is_expired(state, late) == (expected is None)
    assert (rules.next_deadline(state) is None) == (expected is not None)
    if expected is None:
        assert code_of(lambda: rules.decide_cancel(state, late)) == errors.CHECKOUT_EXPIRED.code


def test_what_an_offer_sells_is_fixed_and_its_hold_bounds_the_session():
    state = replace(OPEN, sells_offer=True)
    rules.decide_update(state, NOW, changes_items=False)
    assert code_of(lambda: rules.decide_update(state, NOW, changes_items=True)) == errors.ITEMS_FIXED.code
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(days=1)
    assert rules.expiry(NOW, POLICY, soon) == soon
    assert rules.expiry(NOW, POLICY, later) == rules.expiry(NOW, POLICY) == NOW + timedelta(hours=1)


@given(st.integers(0, 20), st.none() | st.integers(0, 20), st.integers(1, 20))
def test_an_agents_own_limit_only_lowers_the_cap(open_sessions, own, cap):
    policy = CheckoutPolicy(max_open_sessions=cap)
    allowed = open_sessions < min(cap, cap if own is None else own)
    if allowed:
        rules.check_may_open(open_sessions, own, policy)
    else:
        assert code_of(lambda: rules.check_may_open(open_sessions, own, policy)) == errors.TOO_MANY_OPEN.code


@given(st.booleans(), st.none() | st.sampled_from(PaymentStatus))
def test_a_session_proves_an_interaction_only_for_a_platform_that_pays(platform, payment):
    found = rules.evidence_of_session([LISTING, LISTING], for_platform=platform, payment=payment)
    if platform and payment is PaymentStatus.AUTHORIZED:
        assert [(proof.type, proof.listing_id) for proof in found] == [(InteractionType.CHECKOUT_SESSION, LISTING)]
    else:
        assert found == []


@given(st.integers(0, 100_000), st.none() | st.integers(0, 200_000), st.integers(1, 5_000))
def test_a_review_weighs_what_was_charged(total, charged, full):
    paid = paid_cents(total, charged)
    assert 0 <= paid <= total
    weight = review_weight_cents(paid, charged is not None, full)
    assert weight <= min(full, total if charged is None else min(charged, total))
    if charged == 0:
        # A gift of one's own, bought with one's own code, buys no trust.
        assert weight == 0


class Life(RuleBasedStateMachine):
    """A session under any sequence of commands and of time: closed once, and completed at most once."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.state, self.completed = NOW, replace(OPEN), 0

    def _try(self, doing, status: CheckoutStatus) -> None:
        try:
            doing()
        except DomainError:
            return
        assert not self.state.status.over
        self.state = replace(self.state, status=status)

    @rule(minutes=st.integers(0, 50))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule()
    def update(self):
        self._try(lambda: rules.decide_update(self.state, self.now, changes_items=True), CheckoutStatus.INCOMPLETE)

    @rule()
    def cancel(self):
        self._try(lambda: rules.decide_cancel(self.state, self.now), CheckoutStatus.CANCELED)

    @rule()
    def begin(self):
        self._try(lambda: complete(self.state, now=self.now), CheckoutStatus.COMPLETE_IN_PROGRESS)

    @rule(succeeds=st.booleans())
    def finish(self, succeeds):
        if self.state.status is CheckoutStatus.COMPLETE_IN_PROGRESS:
            ends = CheckoutStatus.COMPLETED if succeeds else CheckoutStatus.READY_FOR_COMPLETE
            self.completed += succeeds
            self.state = replace(self.state, status=ends)

    @rule()
    def settle(self):
        if rules.is_expired(self.state, self.now):
            assert not self.state.status.over
            self.state = replace(self.state, status=CheckoutStatus.CANCELED)

    @invariant()
    def completed_at_most_once_and_always_awaited(self):
        assert self.completed == (self.state.status is CheckoutStatus.COMPLETED)
        open_ = not self.state.status.over and self.state.status is not CheckoutStatus.COMPLETE_IN_PROGRESS
        assert (rules.next_deadline(self.state) is not None) == open_


TestLife = Life.TestCase


@given(st.booleans(), st.booleans())
def test_delivery_is_paid_back_when_nothing_was_or_will_be_delivered(all_refunded, any_delivered):
    gives = rules.gives_back_delivery(all_refunded=all_refunded, any_delivered=any_delivered)
    assert gives == (all_refunded and not any_delivered)
