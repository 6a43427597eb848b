"""Negotiation's decisions one by one: bounds, expiry, turns, endings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import negotiation as rules
from domain.market.negotiation import BuyerStanding, ListingView, MerchantLimits, NegotiationState, OfferView
from domain.market.policy import MarketPolicy
from domain.market.states import CloseReason, ListingStatus, OfferStatus, Party, StoreStatus
from domain.platform.errors import DomainError
from domain.platform.numbers import LEAST_SECONDS

BUYER, SELLER = UUID(int=1), UUID(int=2)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = MarketPolicy()
OPEN = ListingView(1_000, 10, ListingStatus.ACTIVE, StoreStatus.ACTIVE)
FREE, NO_LIMITS = BuyerStanding(), MerchantLimits()
prices = st.integers(-5, 1_500)


def offer_id(round_number: int) -> UUID:
    return uuid5(BUYER, str(round_number))


def chain(*given_prices: int, quantity: int = 1, listing: ListingView = OPEN) -> NegotiationState:
    """Alternating offers, the buyer's first; the last one stands."""
    offers = tuple(
        OfferView(
            offer_id(number),
            number,
            Party.BUYER if number % 2 else Party.SELLER,
            price,
            quantity,
            OfferStatus.PROPOSED if number == len(given_prices) else OfferStatus.CANCELLED,
            T0 + timedelta(hours=48),
            listing.price_cents,
        )
        for number, price in enumerate(given_prices, 1)
    )
    return NegotiationState(BUYER, SELLER, offers)


def put(state: NegotiationState, **changes: object) -> NegotiationState:
    return replace(state, offers=(*state.offers[:-1], replace(state.latest, **changes)))


def refused(call, *arguments: object) -> str | None:
    try:
        call(*arguments)
    except DomainError as error:
        return error.code
    return None


@settings(deadline=None)
@given(prices, st.integers(1, 20))
def test_a_first_offer_is_between_one_and_the_list_price_and_within_stock(price: int, quantity: int):
    code = refused(rules.decide_first_offer, OPEN, FREE, price, quantity, POLICY)
    if not 1 <= price <= 1_000:
        assert code == "offer.price_out_of_range"
    else:
        assert code == ("listing.sold_out" if quantity > 10 else None)


@settings(deadline=None)
@given(st.integers(0, 12), st.none() | st.integers(0, 12))
def test_the_smaller_cap_on_open_negotiations_holds(already: int, own: int | None):
    policy = MarketPolicy(max_open_negotiations=8)
    buyer = BuyerStanding(open_negotiations=already, max_open_negotiations=own)
    cap = 8 if own is None else min(own, 8)
    code = refused(rules.decide_first_offer, OPEN, buyer, 500, 1, policy)
    assert code == ("negotiation.too_many_open" if already >= cap else None)


@pytest.mark.parametrize(
    ("listing", "code"),
    [
        (replace(OPEN, status=ListingStatus.PAUSED), "listing.not_active"),
        (replace(OPEN, status=ListingStatus.SOLD_OUT, stock=0), "listing.sold_out"),
        (replace(OPEN, store_status=StoreStatus.CLOSED), "store.closed"),
        (replace(OPEN, store_status=StoreStatus.PAUSED), "store.closed"),
    ],
)
def test_nothing_is_offered_where_nothing_is_sold(listing: ListingView, code: str):
    assert refused(rules.decide_first_offer, listing, FREE, 500, 1, POLICY) == code
    arguments = (chain(500), Party.SELLER, offer_id(1), 700, listing, NO_LIMITS, FREE, T0, POLICY)
    assert refused(rules.decide_counter, *arguments) == code


@settings(deadline=None)
@given(st.none() | st.floats(-10, 10 * 24 * 3600))
def test_an_offer_expires_when_it_says_or_by_the_default(seconds: float | None):
    limit = POLICY.offer_expiry_max_seconds
    if seconds is not None and not LEAST_SECONDS <= seconds <= limit:
        assert refused(rules.expiry, T0, seconds, POLICY) == "offer.expiry_out_of_range"
    else:
        wanted = POLICY.offer_expiry_seconds if seconds is None else seconds
        assert rules.expiry(T0, seconds, POLICY) == T0 + timedelta(seconds=wanted)


@settings(deadline=None)
@given(st.integers(1, 1_000), prices)
def test_a_sellers_first_counter_lies_between_the_bid_and_the_list_price(bid: int, price: int):
    arguments = (chain(bid), Party.SELLER, offer_id(1), price, OPEN, NO_LIMITS, FREE, T0, POLICY)
    assert refused(rules.decide_counter, *arguments) == (None if bid < price < 1_000 else "offer.price_out_of_range")


@settings(deadline=None)
@given(st.integers(1, 998), st.integers(2, 999), prices)
def test_a_buyers_counter_lies_between_its_last_bid_and_the_ask(bid: int, ask: int, price: int):
    state = chain(bid, max(ask, bid + 1))
    arguments = (state, Party.BUYER, offer_id(2), price, OPEN, NO_LIMITS, FREE, T0, POLICY)
    allowed = bid < price < state.latest.price_cents
    assert refused(rules.decide_counter, *arguments) == (None if allowed else "offer.price_out_of_range")


@settings(deadline=None)
@given(st.integers(1, 1_000), prices)
def test_a_fallen_list_price_bounds_the_next_counter(list_price: int, price: int):
    low = replace(OPEN, price_cents=list_price)
    for state, by in ((chain(300), Party.SELLER), (chain(300, 900), Party.BUYER)):
        arguments = (state, by, state.latest.offer_id, price, low, NO_LIMITS, FREE, T0, POLICY)
        if refused(rules.decide_counter, *arguments) is None:
            assert price < list_price if by is Party.SELLER else price <= list_price


def test_the_round_cap():
    policy = MarketPolicy(max_rounds=3)
    assert (
        refused(rules.decide_counter, chain(100, 900), Party.BUYER, offer_id(2), 200, OPEN, NO_LIMITS, FREE, T0, policy)
        is None
    )
    full = chain(100, 900, 200)
    arguments = (full, Party.SELLER, offer_id(3), 800, OPEN, NO_LIMITS, FREE, T0, policy)
    assert refused(rules.decide_counter, *arguments) == "negotiation.rounds_exhausted"
    assert rules.decide_accept(full, Party.SELLER, offer_id(3), 3, OPEN, NO_LIMITS, FREE, T0) is None


@settings(deadline=None)
@given(st.integers(-3_600, 3_600))
def test_the_clock_decides_whether_an_offer_can_still_be_answered(seconds: int):
    state = chain(500)
    now = state.latest.expires_at + timedelta(seconds=seconds)
    expected = None if seconds < 0 else "offer.expired"
    assert refused(rules.decide_accept, state, Party.SELLER, offer_id(1), 1, OPEN, NO_LIMITS, FREE, now) == expected
    assert refused(rules.decide_reject, state, Party.SELLER, offer_id(1), now) == expected
    assert refused(rules.decide_withdraw, state, Party.BUYER, offer_id(1), now) == expected
    counter = (state, Party.SELLER, offer_id(1), 700, OPEN, NO_LIMITS, FREE, now, POLICY)
    assert refused(rules.decide_counter, *counter) == expected
    closing = rules.decide_due(state, OPEN, now)
    assert closing == (None if seconds < 0 else rules.Closing(OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED))


def test_an_accept_names_the_offer_and_the_round_it_has_seen():
    state = chain(300, 900, 400)
    for seen, code in ((1, "offer.round_mismatch"), (2, "offer.round_mismatch"), (4, "offer.round_mismatch")):
        arguments = (state, Party.SELLER, offer_id(3), seen, OPEN, NO_LIMITS, FREE, T0)
        assert refused(rules.decide_accept, *arguments) == code
    for superseded in (1, 2):
        arguments = (state, Party.SELLER, offer_id(superseded), superseded, OPEN, NO_LIMITS, FREE, T0)
        assert refused(rules.decide_accept, *arguments) == "offer.not_open"


@settings(deadline=None)
@given(
    st.integers(1, 1_500),
    st.integers(0, 10),
    st.sampled_from(ListingStatus),
    st.sampled_from(StoreStatus),
    st.integers(1, 1_000),
    st.integers(1, 5),
)
def test_what_ends_an_offer_is_public_whatever_its_price_and_quantity(
    price: int, stock: int, status: ListingStatus, store: StoreStatus, bid: int, quantity: int
):
    state, listing = chain(bid, quantity=quantity), ListingView(price, stock, status, store)
    closing = rules.decide_due(state, listing, T0)
    assert closing == rules.decide_due(chain(500), listing, T0)
    sells = store is StoreStatus.ACTIVE and status is ListingStatus.ACTIVE and price >= OPEN.price_cents
    assert (closing is None) == sells
    accept = (rules.decide_accept, state, Party.SELLER, offer_id(1), 1, listing, NO_LIMITS, FREE, T0)
    if closing is not None:
        assert closing.status is OfferStatus.CANCELLED
        assert not closing.returns_stock
        assert rules.decide_accept(*accept[1:]) == closing
    elif stock < quantity:
        # Nothing public comes of it: the offer stands.
        assert refused(*accept) == "listing.sold_out"
    else:
        assert rules.decide_accept(*accept[1:]) is None


def test_a_hold_lapses_unless_it_was_spent_broken_or_released_before():
    held = put(chain(500), status=OfferStatus.ACCEPTED, purchase_by=T0 + timedelta(hours=24))
    before, after = T0 + timedelta(hours=23), T0 + timedelta(hours=24)
    assert rules.decide_due(held, OPEN, before) is None
    lapsed = rules.decide_due(held, OPEN, after)
    assert lapsed == rules.Closing(OfferStatus.EXPIRED, CloseReason.NOT_PURCHASED, returns_stock=True)
    assert rules.decide_due(replace(held, spent=True), OPEN, after) is None
    broken = rules.decide_withdraw(held, Party.SELLER, offer_id(1), before)
    assert broken == rules.Closing(OfferStatus.CANCELLED, CloseReason.BROKEN_BY_SELLER, returns_stock=True)
    assert refused(rules.decide_withdraw, held, Party.SELLER, offer_id(1), after) == "order.purchase_window_passed"
    released = rules.decide_withdraw(held, Party.BUYER, offer_id(1), before)
    assert released == rules.Closing(OfferStatus.CANCELLED, CloseReason.RELEASED_BY_BUYER, returns_stock=True)
    assert refused(rules.decide_withdraw, held, Party.BUYER, offer_id(1), after) == "order.purchase_window_passed"
    spent = replace(held, spent=True)
    assert refused(rules.decide_withdraw, spent, Party.SELLER, offer_id(1), before) == "offer.not_open"
    # A hold outlives the listing: what was promised is sold.
    assert rules.decide_due(held, replace(OPEN, status=ListingStatus.PAUSED), before) is None


def test_a_total_never_exceeds_what_a_column_holds():
    assert rules.total_price(rules.MAX_CENTS, 1) == rules.MAX_CENTS
    assert refused(rules.total_price, rules.MAX_CENTS // 2 + 1, 2) == "money.amount_too_large"


def test_parties():
    state = chain(1)
    assert (state.party_of(BUYER), state.party_of(SELLER), state.party_of(UUID(int=3))) == (
        Party.BUYER,
        Party.SELLER,
        None,
    )
