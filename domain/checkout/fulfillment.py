"""How goods reach their buyer: destinations, options and what they cost.

A platform chooses among what the server offers: a choice that is not on offer is dropped, and an option's
price is the store's. One group per method. A store without shipping rates includes delivery in its prices;
pickup is not offered.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from domain.checkout.addresses import COUNTRY
from domain.checkout.models import (
    Destination,
    Fulfillment,
    FulfillmentChoice,
    Group,
    Method,
    MethodChoice,
    Option,
    PriceList,
    ShippingRate,
)

STANDARD = "standard"
INCLUDED = Option(id=STANDARD, title="Standard delivery, included", service_level=STANDARD, price_cents=0)


def merge_choice(
    now: Fulfillment, choice: FulfillmentChoice | None, line_ids: Sequence[str], known: Sequence[Destination]
) -> Fulfillment:
    """What the session's methods become by a choice. ``known``: where its buyer is known to live."""
    methods = list(now.methods)
    if choice is not None:
        by_id = {method.id: method for method in now.methods}
        methods = []
        for number, wanted in enumerate(choice.methods, 1):
            taken = {method.id for method in methods}
            before = by_id.get(wanted.id) if wanted.id else next(iter(now.methods), None)
            if before is not None and before.id in taken:
                before = None
            key = wanted.id or (before.id if before else f"method_{number}")
            if key not in taken:
                methods.append(_merge_method(key, before, wanted, line_ids, known))
    kept = [m.model_copy(update={"line_ids": tuple(k for k in m.line_ids if k in line_ids)}) for m in methods]
    if len(kept) == 1 and (choice is None or not kept[0].line_ids):
        # The lines may have changed: the only method delivers them all.
        kept = [kept[0].model_copy(update={"line_ids": tuple(line_ids)})]
    return Fulfillment(methods=tuple(kept))


def _merge_method(
    key: str, before: Method | None, wanted: MethodChoice, line_ids: Sequence[str], known: Sequence[Destination]
) -> Method:
    renamed: dict[str, str] = {}
    if wanted.destinations is not None:
        destinations = _identify(wanted.destinations, known, renamed)
    elif before is not None and before.destinations:
        destinations = before.destinations
    else:
        destinations = tuple(known) if wanted.type == "shipping" else ()
    selected = wanted.selected_destination_id or (before.selected_destination_id if before else None)
    selected = renamed.get(selected or "", selected)
    if all(destination.id != selected for destination in destinations):
        selected = None
    lines = tuple(k for k in wanted.line_ids if k in line_ids) if wanted.line_ids is not None else ()
    return Method(
        id=key,
        type=wanted.type,
        line_ids=lines or tuple(line_ids),
        destinations=destinations,
        selected_destination_id=selected,
        groups=_groups(before, wanted),
    )


def _identify(
    given: Sequence[Destination], known: Sequence[Destination], renamed: dict[str, str]
) -> tuple[Destination, ...]:
    """An address that is known already keeps its id; a new one without an id gets one."""
    found: list[Destination] = []
    for number, destination in enumerate(given, 1):
        same = next((address for address in known if _same_place(address, destination)), None)
        key = same.id if same else destination.id or f"destination_{number}"
        if destination.id:
            renamed[destination.id] = key
        if all(other.id != key for other in found):
            found.append(destination.model_copy(update={"id": key}))
    return tuple(found)


def _same_place(known: Destination, given: Destination) -> bool:
    places = ("street_address", "address_locality", "address_region", "postal_code", "address_country")
    return all(getattr(known, name) == getattr(given, name) for name in places)


def _groups(before: Method | None, wanted: MethodChoice) -> tuple[Group, ...]:
    """The one group, with the option that is wanted now or was wanted before."""
    old = before.groups[0] if before and before.groups else None
    if wanted.groups is None:
        return (old,) if old else ()
    chosen = next((group for group in wanted.groups if group.selected_option_id), None)
    first = next(iter(wanted.groups), None)
    key = (first.id if first else None) or (old.id if old else "group_1")
    return (Group(id=key, line_ids=(), selected_option_id=chosen.selected_option_id if chosen else None),)


def list_options(country: str | None, prices: PriceList, subtotal: int, listing_ids: Sequence[UUID]) -> list[Option]:
    """What the store offers to a country, cheapest first; empty without a country or where it does not deliver."""
    if not country:
        return []
    if not prices.rates:
        return [INCLUDED]
    by_level: dict[str, ShippingRate] = {}
    for rate in sorted(prices.rates, key=lambda r: (r.price_cents, r.option_id)):
        if rate.country is not None and rate.country.upper() != country.strip().upper():
            continue
        best = by_level.get(rate.service_level)
        if best is None or (best.country is None and rate.country is not None):
            by_level[rate.service_level] = rate
    found = []
    for level, rate in by_level.items():
        free = any(
            promotion.service_level == level
            and (
                (promotion.min_subtotal_cents is not None and subtotal >= promotion.min_subtotal_cents)
                or any(listing in promotion.listing_ids for listing in listing_ids)
            )
            for promotion in prices.promotions
        )
        title = f"{rate.title} (Free)" if free and rate.price_cents else rate.title
        price = 0 if free else rate.price_cents
        found.append(Option(id=rate.option_id, title=title, service_level=level, price_cents=price))
    return sorted(found, key=lambda option: (option.price_cents, option.id))


def delivery_countries(prices: PriceList, countries: Iterable[str]) -> list[str]:
    """Those of the countries that the store delivers to."""
    return [country for country in countries if list_options(country, prices, 0, ())]


def price_methods(
    wanted: Fulfillment, listings: Mapping[str, UUID], prices: PriceList, subtotal: int
) -> tuple[Fulfillment, int]:
    """The methods with today's options, and what the selected ones cost together, in cents."""
    cost = 0
    methods = []
    for method in wanted.methods:
        place = next((d for d in method.destinations if d.id == method.selected_destination_id), None)
        options: list[Option] = []
        known = all(problem.field != COUNTRY for problem in method.address_problems)
        if method.type == "shipping" and place is not None and known:
            found = [listings[key] for key in method.line_ids if key in listings]
            options = list_options(place.address_country, prices, subtotal, found)
        groups: tuple[Group, ...] = ()
        if place is not None or method.groups:
            old = method.groups[0] if method.groups else None
            selected = next((o for o in options if old and o.id == old.selected_option_id), None)
            cost += selected.price_cents if selected else 0
            # While there is nowhere to send to, a wish for an option is kept.
            wish = old.selected_option_id if old and place is None else None
            groups = (
                Group(
                    id=old.id if old else "group_1",
                    line_ids=method.line_ids,
                    options=tuple(options),
                    selected_option_id=selected.id if selected else wish,
                ),
            )
        methods.append(method.model_copy(update={"groups": groups}))
    return Fulfillment(methods=tuple(methods)), cost


def delivered_lines(fulfillment: Fulfillment) -> set[str]:
    """The lines whose way is settled: a destination that can be sent to, and an option the store offers there."""
    return {
        line
        for method in fulfillment.methods
        if not method.address_problems
        for group in method.groups
        if any(option.id == group.selected_option_id for option in group.options)
        for line in method.line_ids
    }
