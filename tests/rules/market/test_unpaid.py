"""What a buyer may have of a listing without having paid: a share, together, and never less than one unit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import unpaid as rules
from domain.market.policy import MarketPolicy
from domain.market.unpaid import Unpaid
from domain.platform.errors import DomainError
from tests.rules.market.test_negotiation import OPEN, refused

POLICY = MarketPolicy()
few = st.integers(0, 40)


@given(stock=few, held=few, lapsed=few, quantity=st.integers(1, 40), share=st.floats(0.01, 1))
def test_the_bound_holds_whatever_was_taken_before(stock: int, held: int, lapsed: int, quantity: int, share: float):
    policy, unpaid = MarketPolicy(unpaid_share=share), Unpaid(held_units=held, lapsed_units=lapsed)
    listing = replace(OPEN, stock=stock)
    code = refused(rules.check_unpaid_units, listing, unpaid, quantity, policy)
    within = held + lapsed + quantity <= max(1, int((stock + held) * share))
    assert code == (None if within else "order.unpaid_units")
    assert rules.fits_unpaid(listing, unpaid, quantity, policy) == within


@given(stock=st.integers(1, 10_000), orders=st.lists(st.integers(1, 3_000), max_size=30))
def test_many_small_orders_take_no_more_than_one_large_one(stock: int, orders: list[int]):
    """Whatever is ordered one after the other, half of the stock stays for others; the last unit can be had."""
    held = 0
    for quantity in orders:
        if quantity <= stock - held and rules.fits_unpaid(
            replace(OPEN, stock=stock - held), Unpaid(held_units=held), quantity, POLICY
        ):
            held += quantity
    assert held <= max(1, stock // 2)


def test_a_unit_is_always_to_be_had_and_the_refusal_says_the_bound():
    assert rules.fits_unpaid(replace(OPEN, stock=1), Unpaid(), 1, POLICY)
    with pytest.raises(DomainError) as caught:
        rules.check_unpaid_units(replace(OPEN, stock=6), Unpaid(held_units=4, lapsed_units=1), 1, POLICY)
    assert caught.value.details == {"allowed": 5, "counted": 5}
    assert "At most 5 units" in caught.value.message


@given(few)
def test_orders_that_are_owed_for_are_counted(owed: int):
    code = refused(rules.check_unpaid_orders, Unpaid(orders=owed), MarketPolicy(max_unpaid_orders=8))
    assert code == (None if owed < 8 else "order.too_many_unpaid")
