"""Goods go to addresses that their country's post would take, and a country is a code or nothing."""

import re

import pytest

from db.checkout.countries import COUNTRIES, rules_for, rules_of
from domain.checkout.addresses import check_address, check_destinations
from domain.checkout.fulfillment import delivered_lines, price_methods
from domain.checkout.models import Buyer, Destination, Fulfillment, Group, Method, PriceList, ShippingRate

HOME = Destination(
    id="home", full_name="Amina Idris", street_address="1 Bazaar Lane", address_locality="Springfield",
    address_region="IL", postal_code="62704", address_country="US",
)  # fmt: skip
RATES = PriceList(
    rates=(
        ShippingRate(option_id="std", title="Standard", service_level="standard", price_cents=500),
        ShippingRate(option_id="hk", title="Far", service_level="standard", country="HK", price_cents=9_000),
    )
)


def wrong(buyer: Buyer | None = None, **changes: str | None) -> list[str]:
    place = HOME.model_copy(update=changes)
    return [problem.field for problem in check_address(place, buyer, rules_for([place.address_country]))]


def test_countries_are_those_of_iso_3166() -> None:
    assert len(COUNTRIES) == 249
    assert {"US", "GB", "HK", "TW", "PR", "GU", "AX", "SJ"} <= COUNTRIES.keys()
    assert COUNTRIES.keys().isdisjoint({"UK", "EU", "XK", "ZZ", "AC"})


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_country_has_rules_that_its_own_example_meets(country: str) -> None:
    rules = rules_of(country)
    assert "street_address" in rules.required
    if rules.postal_pattern and rules.postal_example:
        assert re.fullmatch(rules.postal_pattern, rules.postal_example)


@pytest.mark.parametrize(
    "country", [None, "", " ", "HKG", "Hong Kong", "UK", "EU", "XK", "ZZ", "U", "USA", "840", "u s", "US\n!"]
)
def test_what_is_no_country_is_named_and_never_priced(country: str | None) -> None:
    assert wrong(address_country=country) == ["address_country"]
    (told,) = check_address(HOME.model_copy(update={"address_country": country}), None, rules_for([country]))
    assert "ISO 3166-1 alpha-2" in told.content
    assert not country or country.strip() == "" or country not in told.content.split("such as")[0]
    assert priced(country) == ([], 0, set())


def priced(country: str | None) -> tuple[list[str], int, set[str]]:
    """The options there, their cost when the first is chosen, and what is ready to go."""
    place = HOME.model_copy(update={"address_country": country})
    if (country or "").strip().upper() == "HK":
        place = place.model_copy(update={"postal_code": None, "address_region": None, "address_locality": "Hong Kong"})
    method = Method(
        id="m", type="shipping", line_ids=("a",), destinations=(place,), selected_destination_id="home",
        groups=(Group(id="g", line_ids=("a",), selected_option_id="hk"),),
    )  # fmt: skip
    checked = check_destinations(Fulfillment(methods=(method,)), None, rules_for([country]))
    found, cost = price_methods(checked, {}, RATES, 1)
    return [option.id for option in found.methods[0].groups[0].options], cost, delivered_lines(found)


@pytest.mark.parametrize("country", ["HK", "hk", " Hk "])
def test_a_code_counts_in_any_case_and_has_its_own_rate(country: str) -> None:
    assert priced(country) == (["hk"], 9_000, {"a"})


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"street_address": None}, ["street_address"]),
        ({"street_address": " "}, ["street_address"]),
        ({"address_locality": None}, ["address_locality"]),
        ({"address_region": None}, ["address_region"]),
        ({"address_region": "Illinois"}, []),
        ({"address_region": "Bavaria"}, ["address_region"]),
        ({"postal_code": None}, ["postal_code"]),
        ({"postal_code": "627"}, ["postal_code"]),
        ({"postal_code": "62704-1234"}, []),
        ({"full_name": None}, ["full_name"]),
        ({"address_country": "DE", "address_region": None, "postal_code": "10115"}, []),
        ({"address_country": "DE", "address_region": None}, []),
        ({"address_country": "DE", "postal_code": "M5V 2H1"}, ["postal_code"]),
        ({"address_country": "GB", "address_region": None, "postal_code": "ec1y 8sy"}, []),
        ({"address_country": "AE", "address_region": "Dubai", "address_locality": None, "postal_code": None}, []),
        ({"address_country": "AE", "address_region": None, "address_locality": None}, ["address_region"]),
    ],
)  # fmt: skip
def test_each_country_demands_its_own(changes: dict[str, str | None], fields: list[str]) -> None:
    assert wrong(**changes) == fields


def test_the_buyers_name_is_a_name() -> None:
    assert wrong(Buyer(first_name="Amina"), full_name=None) == []
    assert wrong(Buyer(email="amina@example.com", full_name=" "), full_name=None) == ["full_name"]
