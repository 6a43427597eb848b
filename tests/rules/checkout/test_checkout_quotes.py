"""Quotes: never negative, they add up to the cent, equal for equal inputs, and no choice of a platform is a price."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.checkout import errors
from domain.checkout.discounts import apply_discounts, share
from domain.checkout.fulfillment import INCLUDED, delivered_lines, list_options, merge_choice
from domain.checkout.models import (
    Destination,
    DiscountRule,
    Fulfillment,
    FulfillmentChoice,
    Goods,
    GroupChoice,
    ItemChoice,
    MethodChoice,
    PriceList,
    Quote,
    ShippingPromotion,
    ShippingRate,
)
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.quotes import is_complete, name_lines, quote, same_price, status_of
from domain.checkout.states import CheckoutStatus, DiscountKind
from domain.market.errors import AMOUNT_TOO_LARGE, LISTING_NOT_FOUND
from domain.platform.errors import DomainError

LISTINGS = [uuid5(UUID(int=0), str(n)) for n in range(4)]
POLICY = CheckoutPolicy()

cents = st.integers(0, 100_000)
rules = st.lists(
    st.builds(
        DiscountRule,
        code=st.sampled_from(["A", "b", "C", "d"]),
        title=st.just("A discount"),
        kind=st.sampled_from(DiscountKind),
        value=st.integers(1, 100),
        position=st.integers(1, 3),
    ),
    max_size=4,
    unique_by=lambda rule: rule.code,
)
codes = st.lists(st.sampled_from(["a", "B", "c", "D", "nobody"]), max_size=5)
items = st.lists(
    st.builds(ItemChoice, listing_id=st.sampled_from(LISTINGS), quantity=st.integers(1, 20)), min_size=1, max_size=5
)
goods = st.tuples(*(cents for _ in LISTINGS)).map(
    lambda prices: {
        key: Goods(listing_id=key, title="Goods", unit_price_cents=price, shipped=bool(n % 2), discountable=n != 3)
        for n, (key, price) in enumerate(zip(LISTINGS, prices, strict=True))
    }
)
rates = st.lists(
    st.builds(
        ShippingRate,
        option_id=st.sampled_from(["std", "exp", "slow"]),
        title=st.just("A way"),
        service_level=st.sampled_from(["standard", "express"]),
        country=st.sampled_from([None, "US", "CA"]),
        price_cents=cents,
    ),
    max_size=4,
    unique_by=lambda rate: rate.option_id,
)
promotions = st.lists(st.builds(ShippingPromotion, title=st.just("Free"), min_subtotal_cents=cents), max_size=2)
choices = st.builds(
    lambda country, option: FulfillmentChoice(
        methods=(
            MethodChoice(
                destinations=(Destination(id="d", address_country=country),),
                selected_destination_id="d",
                groups=(GroupChoice(selected_option_id=option),) if option else None,
            ),
        )
    ),
    st.sampled_from([None, "US", "us", "CA", "DE"]),
    st.sampled_from([None, "std", "exp", "standard", "free-of-charge"]),
)


def quoted(chosen, goods, choice, codes, prices) -> Quote:
    named = name_lines(chosen, POLICY)
    shipped = [item.line_id for item in named if goods[item.listing_id].shipped]
    return quote(named, goods, merge_choice(Fulfillment(), choice, shipped, ()), codes, prices)


@given(items, goods, choices, codes, rules, rates, promotions)
def test_a_quote_adds_up_and_is_never_negative(chosen, goods, choice, codes, rules, rates, promotions):
    prices = PriceList(rates=rates, promotions=promotions, discounts=rules)
    found = quoted(chosen, goods, choice, codes, prices)
    totals = found.totals
    assert totals.total_cents == totals.subtotal_cents - totals.discount_cents + totals.fulfillment_cents >= 0
    assert totals.subtotal_cents == sum(line.base_cents for line in found.lines)
    assert totals.discount_cents == sum(line.discount_cents for line in found.lines)
    assert totals.discount_cents == sum(applied.amount_cents for applied in found.discounts.applied)
    for applied in found.discounts.applied:
        assert applied.amount_cents == sum(part.amount_cents for part in applied.allocations) > 0
    for line in found.lines:
        assert line.base_cents == line.unit_price_cents * line.quantity
        assert 0 <= line.total_cents == line.base_cents - line.discount_cents
        # What an accepted offer sells has its price.
        assert goods[line.listing_id].discountable or line.discount_cents == 0
    known = {(INCLUDED.id, 0)} | {(rate.option_id, price) for rate in rates for price in (0, rate.price_cents)}
    for method in found.fulfillment.methods:
        for group in method.groups:
            assert {(option.id, option.price_cents) for option in group.options} <= known


@given(items, goods, choices, codes, rules, rates)
def test_equal_inputs_give_equal_quotes(chosen, goods, choice, codes, rules, rates):
    """Also when the codes come in another order, or what was quoted is quoted again."""
    prices = PriceList(rates=rates, discounts=rules)
    first = quoted(chosen, goods, choice, codes, prices)
    assert quoted(chosen, goods, choice, codes, prices) == first
    assert quoted(chosen, goods, choice, codes[::-1], prices).totals == first.totals
    again = quote(name_lines(chosen, POLICY), goods, first.fulfillment, codes, prices)
    assert same_price(first, again)
    assert again.fulfillment == first.fulfillment


@given(items, goods, choices, codes, rules)
def test_ready_exactly_when_everything_has_its_way(chosen, goods, choice, codes, rules):
    found = quoted(chosen, goods, choice, codes, PriceList(discounts=rules))
    settled = delivered_lines(found.fulfillment)
    assert is_complete(found) == all(line.line_id in settled for line in found.lines if line.shipped)
    assert (status_of(found) is CheckoutStatus.INCOMPLETE) == any(n.type == "error" for n in found.notices)


@given(st.lists(cents, min_size=1, max_size=6), st.data())
def test_shares_are_whole_and_complete(weights, data):
    amount = data.draw(st.integers(0, sum(weights)))
    shares = share(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= part <= weight for part, weight in zip(shares, weights, strict=True))


def test_no_message_of_a_platform_can_hold_an_amount():
    """A price that a client sends is not a price that is ignored: it does not fit."""
    for field in ("unit_price_cents", "price", "total_cents", "title"):
        with pytest.raises(ValidationError):
            ItemChoice.model_validate({"listing_id": str(LISTINGS[0]), field: 1})
    with pytest.raises(ValidationError):
        GroupChoice.model_validate({"selected_option_id": "std", "options": [{"id": "std", "price_cents": 0}]})


def test_codes_apply_once_in_the_stores_order():
    ten = DiscountRule(code="TEN", title="10%", kind=DiscountKind.PERCENTAGE, value=10)
    five = DiscountRule(code="FIVE", title="5.00", kind=DiscountKind.FIXED_AMOUNT, value=500, position=2)
    taken = apply_discounts({"a": 1_000, "b": 2_001}, ["five", "ten", "Ten", "nobody"], [five, ten])
    assert [(applied.code, applied.amount_cents) for applied in taken.applied] == [("TEN", 300), ("FIVE", 500)]
    assert (dict(taken.by_line), taken.unknown) == ({"a": 267, "b": 533}, (3,))
    whole = DiscountRule(code="ALL", title="A gift", kind=DiscountKind.PERCENTAGE, value=100)
    assert dict(apply_discounts({"a": 7}, ["ALL", "FIVE"], [whole, five]).by_line) == {"a": 7}


def test_a_rate_of_the_country_comes_before_one_of_everywhere():
    prices = PriceList(
        rates=(
            ShippingRate(option_id="std", title="Standard", service_level="standard", price_cents=500),
            ShippingRate(option_id="us", title="Express", service_level="express", country="US", price_cents=1_500),
            ShippingRate(option_id="intl", title="Express", service_level="express", price_cents=1_000),
        ),
        promotions=(ShippingPromotion(title="Free", min_subtotal_cents=10_000, listing_ids=(LISTINGS[0],)),),
    )

    def offered(country, subtotal, *listings):
        return [(o.id, o.price_cents) for o in list_options(country, prices, subtotal, listings)]

    assert offered("us", 9_999) == [("std", 500), ("us", 1_500)]
    assert offered("DE", 10_000) == [("std", 0), ("intl", 1_000)]
    assert offered("DE", 1, LISTINGS[0]) == [("std", 0), ("intl", 1_000)]
    assert offered(None, 10_000) == []
    assert list_options("DE", PriceList(), 1, ()) == [INCLUDED]
    only_us = PriceList(rates=prices.rates[1:2])
    assert list_options("DE", only_us, 1, ()) == []


def test_known_addresses_are_offered_and_recognised():
    home = Destination(id="addr_1", street_address="1 Bazaar Lane", address_country="US")
    found = merge_choice(Fulfillment(), FulfillmentChoice(methods=(MethodChoice(id="m"),)), ["a"], (home,))
    assert [place.id for place in found.methods[0].destinations] == ["addr_1"]
    same = home.model_copy(update={"id": "mine"})
    new = Destination(street_address="2 Bazaar Lane", address_country="US")
    choice = FulfillmentChoice(
        methods=(MethodChoice(id="m", destinations=(same, new), selected_destination_id="mine"),)
    )
    method = merge_choice(found, choice, ["a"], (home,)).methods[0]
    assert ([place.id for place in method.destinations], method.selected_destination_id) == (
        ["addr_1", "destination_2"],
        "addr_1",
    )


def test_lines_are_named_once():
    two = [ItemChoice(listing_id=LISTINGS[0], line_id="line_1"), ItemChoice(listing_id=LISTINGS[1])]
    assert [item.line_id for item in name_lines(two, POLICY)] == ["line_1", "line_2"]
    for wrong, code in (
        ([], errors.CHECKOUT_EMPTY),
        (two[:1] * 2, errors.LINE_TWICE),
        (two[1:] * 51, errors.TOO_MANY_LINES),
    ):
        with pytest.raises(DomainError) as refused:
            name_lines(wrong, POLICY)
        assert refused.value.code == code.code


def test_what_cannot_be_priced_is_refused():
    gold = Goods(listing_id=LISTINGS[0], title="Gold", unit_price_cents=2_000_000_000, shipped=False)
    line = ItemChoice(listing_id=LISTINGS[0])
    for chosen, shelf, code in (
        ([line, line], {LISTINGS[0]: gold}, AMOUNT_TOO_LARGE),
        ([line.model_copy(update={"quantity": 2})], {LISTINGS[0]: gold}, AMOUNT_TOO_LARGE),
        ([line], {}, LISTING_NOT_FOUND),
    ):
        with pytest.raises(DomainError) as refused:
            quote(name_lines(chosen, POLICY), shelf, Fulfillment(), [], PriceList())
        assert refused.value.code == code.code
