"""Whether goods can be sent to an address: what its country demands is there and has the country's form.

Which countries there are, and what each demands, is data (``db/checkout/countries.py``). A country is an ISO 3166-1
alpha-2 code in any case; nothing else is guessed at, because the country selects the price of delivery. No sentence
here repeats what was sent.
"""

import re
from collections.abc import Mapping

from domain.checkout.models import AddressProblem, Buyer, Destination, Fulfillment, Method, Part

FORM = "an ISO 3166-1 alpha-2 code, such as US, GB or HK"
COUNTRY = "address_country"


class CountryRules(Part):
    """What addresses in one country demand. ``regions`` are casefolded codes and names; empty where any will do."""

    country: str
    name: str
    required: tuple[str, ...] = ()
    postal_pattern: str | None = None
    postal_example: str | None = None
    regions: frozenset[str] = frozenset()


def normal_country(text: str | None) -> str:
    """As countries are named here; whether there is such a one is another question."""
    return (text or "").strip().upper()


def country_of(place: Destination, countries: Mapping[str, CountryRules]) -> CountryRules | None:
    return countries.get(normal_country(place.address_country))


def check_address(
    place: Destination, recipient: Buyer | None, countries: Mapping[str, CountryRules], *, whole: bool = True
) -> tuple[AddressProblem, ...]:
    """What keeps goods from being sent there; with ``whole`` false only the country is looked at."""
    rules = country_of(place, countries)
    if rules is None:
        given = _said(place.address_country)
        content = f"This is no country: give {FORM}." if given else f"The country is missing: give {FORM}."
        return (AddressProblem(field=COUNTRY, content=content),)
    if not whole:
        return ()
    found = [
        AddressProblem(field=name, content=f"An address in {rules.name} needs this.")
        for name in rules.required
        if not _said(getattr(place, name)) and not _stands_for_region(name, place, rules)
    ]
    code, region = _said(place.postal_code), _said(place.address_region)
    if code and rules.postal_pattern and not re.fullmatch(rules.postal_pattern, code.upper()):
        like = f", such as {rules.postal_example}" if rules.postal_example else ""
        found.append(AddressProblem(field="postal_code", content=f"This is no postal code of {rules.name}{like}."))
    if region and rules.regions and region.casefold() not in rules.regions:
        found.append(AddressProblem(field="address_region", content=f"This is no region of {rules.name}."))
    if not any(_has_name(person) for person in (place, recipient)):
        found.append(
            AddressProblem(
                field="full_name",
                content="Say for whom it is: full_name, or first_name and last_name, of the destination or the buyer.",
            )
        )
    return tuple(found)


def _said(text: str | None) -> str:
    return (text or "").strip()


def _stands_for_region(name: str, place: Destination, rules: CountryRules) -> bool:
    """Where a country's addresses need a region and no locality, one that names a locality is as good."""
    only_region = name == "address_region" and "address_locality" not in rules.required
    return only_region and bool(_said(place.address_locality))


def _has_name(person: Destination | Buyer | None) -> bool:
    return person is not None and any(map(_said, (person.full_name, person.first_name, person.last_name)))


def check_destinations(
    wanted: Fulfillment, buyer: Buyer | None, countries: Mapping[str, CountryRules], *, whole: bool = True
) -> Fulfillment:
    """The methods with their countries in the normal form, and what is wrong with the destination each has chosen."""

    def checked(method: Method) -> Method:
        places = tuple(
            place.model_copy(update={COUNTRY: rules.country}) if (rules := country_of(place, countries)) else place
            for place in method.destinations
        )
        chosen = next((place for place in places if place.id == method.selected_destination_id), None)
        ships = chosen is not None and method.type == "shipping"
        problems = check_address(chosen, buyer, countries, whole=whole) if chosen is not None and ships else ()
        return method.model_copy(update={"destinations": places, "address_problems": problems})

    return Fulfillment(methods=tuple(checked(method) for method in wanted.methods))
