"""Haggling strategies: monotone, within their limits, and never without end."""

from hypothesis import given
from hypothesis import strategies as st

from souk_client.strategies import Action, BuyerStrategy, Concession, Move, SellerStrategy, temperament

PRICES = st.integers(1, 1_000_000)
CONCESSIONS = st.builds(Concession, beta=st.floats(0.05, 20), initial_share=st.floats(0, 1))


@st.composite
def buyers(draw: st.DrawFn) -> BuyerStrategy:
    reservation = draw(PRICES)
    return BuyerStrategy(
        first_bid_cents=draw(PRICES),
        reservation_cents=reservation,
        walk_away_cents=draw(st.integers(reservation, 2_000_000)),
        concession=draw(CONCESSIONS),
        max_rounds=draw(st.integers(2, 14)),
    )


@st.composite
def sellers(draw: st.DrawFn) -> SellerStrategy:
    list_price = draw(PRICES)
    return SellerStrategy(
        list_price_cents=list_price,
        floor_cents=draw(st.integers(1, list_price)),
        concession=draw(CONCESSIONS),
        max_rounds=draw(st.integers(2, 14)),
    )


@given(CONCESSIONS, st.floats(-1, 2), st.floats(-1, 2))
def test_the_conceded_share_grows_with_time(concession: Concession, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert 0.0 <= concession.share(early) <= concession.share(late) <= 1.0 + 1e-12


@given(buyers(), st.lists(st.integers(1, 2_000_000), min_size=1, max_size=10))
def test_bids_rise_below_the_ask_and_within_the_reservation(buyer: BuyerStrategy, asks: list[int]) -> None:
    last = buyer.opening()
    assert last is not None
    assert 1 <= last <= buyer.reservation_cents
    for position, ask in enumerate(asks):
        move = buyer.answer(ask, last, 2 * (position + 1))
        if move.action is Action.COUNTER:
            assert move.price_cents is not None
            assert last < move.price_cents < ask
            assert move.price_cents <= buyer.reservation_cents
            assert 2 * (position + 1) < buyer.max_rounds
            last = move.price_cents
        elif move.action is Action.ACCEPT:
            assert move.price_cents == ask <= buyer.walk_away_cents
            return
        else:
            assert move == Move(Action.LEAVE)
            assert ask > buyer.walk_away_cents
            return


@given(sellers(), st.lists(st.integers(1, 2_000_000), min_size=1, max_size=10))
def test_asks_fall_above_the_bid_and_never_below_the_floor(seller: SellerStrategy, bids: list[int]) -> None:
    last = seller.list_price_cents
    for position, bid in enumerate(bids):
        move = seller.answer(bid, last, 2 * position + 1)
        if move.action is Action.COUNTER:
            assert move.price_cents is not None
            assert bid < move.price_cents < last
            assert move.price_cents >= seller.floor_cents
            last = move.price_cents
        elif move.action is Action.ACCEPT:
            assert move.price_cents == bid >= seller.floor_cents
            return
        else:
            assert move == Move(Action.LEAVE)
            assert bid < seller.floor_cents
            return


@given(buyers(), sellers())
def test_two_strategies_always_come_to_an_end(buyer: BuyerStrategy, seller: SellerStrategy) -> None:
    bid = buyer.opening()
    assert bid is not None
    bid = min(bid, seller.list_price_cents)
    ask = seller.list_price_cents
    agreed: int | None = None
    for standing_round in range(1, 20):
        buyers_turn = standing_round % 2 == 0
        move = buyer.answer(ask, bid, standing_round) if buyers_turn else seller.answer(bid, ask, standing_round)
        if move.action is not Action.COUNTER:
            agreed = move.price_cents
            break
        assert move.price_cents is not None
        bid, ask = (move.price_cents, ask) if buyers_turn else (bid, move.price_cents)
    else:
        raise AssertionError("still haggling")
    assert standing_round <= max(buyer.max_rounds, seller.max_rounds)
    if agreed is not None:
        assert seller.floor_cents <= agreed <= min(seller.list_price_cents, buyer.walk_away_cents)


@given(st.integers(100, 100_000), st.floats(0.6, 0.95), st.floats(0.4, 1.0), st.floats(0.6, 1.6))
def test_a_willing_buyer_gets_a_deal_at_or_below_the_list_price(
    price: int, factor: float, patience: float, haste: float
) -> None:
    """What the traders use: a buyer who would pay the list price always closes, and never pays more."""
    buyer = BuyerStrategy(max(1, price // 2), price, price, Concession(patience))
    seller = SellerStrategy(price, max(1, int(price * factor)), Concession(haste))
    bid, ask = buyer.opening(), price
    assert bid is not None
    for standing_round in range(1, 11):
        move = seller.answer(bid, ask, standing_round) if standing_round % 2 else buyer.answer(ask, bid, standing_round)
        if move.action is Action.ACCEPT:
            assert move.price_cents is not None
            assert seller.floor_cents <= move.price_cents <= price
            return
        assert move.action is Action.COUNTER
        assert move.price_cents is not None
        bid, ask = (bid, move.price_cents) if standing_round % 2 else (move.price_cents, ask)
    raise AssertionError("no deal")


@given(st.text(), st.floats(0, 1), st.floats(1, 2))
def test_a_temperament_is_stable_and_in_range(name: str, low: float, high: float) -> None:
    assert low <= temperament(name, low, high) <= high
    assert temperament(name, low, high) == temperament(name, low, high)
