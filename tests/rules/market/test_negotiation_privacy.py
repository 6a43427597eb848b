"""Private limits stay private: what one party is answered never depends on the other's limits."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import negotiation as rules
from domain.market.negotiation import BuyerStanding, MerchantLimits, NegotiationState
from domain.market.policy import MarketPolicy
from domain.market.states import CloseReason, Party
from domain.platform.errors import DomainError
from tests.rules.market.test_negotiation import FREE, NO_LIMITS, OPEN, T0, chain

POLICY = MarketPolicy(max_rounds=4)
cents = st.none() | st.integers(1, 1_200)
limits = st.builds(MerchantLimits, floor_cents=cents, auto_accept_cents=cents, auto_decline_cents=cents)
buyers = st.builds(
    BuyerStanding, committed_cents=st.integers(0, 2_000), spend_cap_cents=st.none() | st.integers(0, 3_000)
)
chains = st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True).map(
    lambda found: chain(*_converging(sorted(found)))
)
hours = st.sampled_from([0, 47, 48, 90])


def _converging(ascending: list[int]) -> list[int]:
    """Bids from below, asks from above, in the order in which they are made."""
    prices = []
    while ascending:
        prices.append(ascending.pop(0))
        if ascending:
            prices.append(ascending.pop())
    return prices


def answer_of(decide: Callable[[], object]) -> object:
    """All that a party is told: the outcome, or every word of the refusal."""
    try:
        return decide()
    except DomainError as error:
        return error.code, error.kind, error.message, error.details


def answers(
    state: NegotiationState, by: Party, price: int, merchant: MerchantLimits, buyer: BuyerStanding, after: int
) -> list[object]:
    """What each command of ``by`` is answered in this state."""
    now, standing = T0 + timedelta(hours=after), state.latest
    return [
        answer_of(
            lambda: rules.decide_counter(state, by, standing.offer_id, price, OPEN, merchant, buyer, now, POLICY)
        ),
        answer_of(
            lambda: rules.decide_accept(state, by, standing.offer_id, standing.round, OPEN, merchant, buyer, now)
        ),
        answer_of(lambda: rules.decide_reject(state, by, standing.offer_id, now)),
        answer_of(lambda: rules.decide_withdraw(state, by, standing.offer_id, now)),
    ]


@settings(deadline=None)
@given(chains, st.integers(-2, 1_100), buyers, limits, hours)
def test_a_buyer_is_answered_alike_whatever_the_merchants_limits(
    state: NegotiationState, price: int, buyer: BuyerStanding, merchant: MerchantLimits, after: int
):
    told = answers(state, Party.BUYER, price, merchant, buyer, after)
    assert told == answers(state, Party.BUYER, price, NO_LIMITS, buyer, after)


@settings(deadline=None)
@given(chains, st.integers(-2, 1_100), buyers, limits, hours)
def test_a_merchant_is_answered_alike_whatever_the_buyers_limits(
    state: NegotiationState, price: int, buyer: BuyerStanding, merchant: MerchantLimits, after: int
):
    told = answers(state, Party.SELLER, price, merchant, buyer, after)
    assert told == answers(state, Party.SELLER, price, merchant, FREE, after)


@settings(deadline=None)
@given(st.integers(1, 1_000), limits)
def test_a_limit_of_the_merchants_own_is_enforced_on_the_merchant(bid: int, merchant: MerchantLimits):
    told = answers(chain(bid), Party.SELLER, bid + 1, merchant, FREE, 0)
    if merchant.floor_cents is not None and bid < merchant.floor_cents:
        assert told[1][0] == "limits.below_floor"
        assert str(merchant.floor_cents) not in told[1][2]
    else:
        assert told[1] is None


@settings(deadline=None)
@given(st.integers(1, 998), buyers)
def test_a_spend_cap_of_the_buyers_own_is_enforced_on_the_buyer(bid: int, buyer: BuyerStanding):
    state = chain(bid, 999)
    over = buyer.spend_cap_cents is not None and buyer.committed_cents + 999 > buyer.spend_cap_cents
    told = answers(state, Party.BUYER, bid, NO_LIMITS, buyer, 0)[1]
    assert told[0] == "limits.spend_cap" if over else told is None


def test_no_reason_an_offer_ends_for_speaks_of_a_limit():
    words = ("floor", "threshold", "auto", "limit", "cap", "budget", "spend")
    assert not [reason for reason in CloseReason for word in words if word in reason.lower()]
