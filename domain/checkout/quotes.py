"""What the server asks for a basket. The only place where a session's amounts are made.

A quote is a pure function of goods, price list, codes and choices: equal inputs give equal quotes, and nothing
a platform sends is an amount.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.checkout import errors
from domain.checkout.discounts import apply_discounts
from domain.checkout.fulfillment import delivered_lines, price_methods
from domain.checkout.models import Discounts, Fulfillment, Goods, ItemChoice, Line, Notice, PriceList, Quote, Totals
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.states import CheckoutStatus
from domain.market.errors import AMOUNT_TOO_LARGE, LISTING_NOT_FOUND
from domain.market.negotiation import MAX_CENTS, total_price


def name_lines(items: Sequence[ItemChoice], policy: CheckoutPolicy) -> tuple[ItemChoice, ...]:
    """The lines with an id each. Raises checkout.empty, checkout.too_many_lines, checkout.line_twice."""
    if not items:
        raise errors.CHECKOUT_EMPTY.error()
    if len(items) > policy.max_lines:
        raise errors.TOO_MANY_LINES.error()
    given = [item.line_id for item in items if item.line_id is not None]
    if len(set(given)) != len(given):
        raise errors.LINE_TWICE.error()
    taken = set(given)
    named = []
    number = 0
    for item in items:
        key = item.line_id
        while key is None:
            number += 1
            key = f"line_{number}" if f"line_{number}" not in taken else None
        named.append(item.model_copy(update={"line_id": key}))
    return tuple(named)


def _base_lines(items: Sequence[ItemChoice], goods: Mapping[UUID, Goods]) -> list[tuple[Line, bool]]:
    lines = []
    for item in items:
        article = goods.get(item.listing_id)
        if article is None:
            raise LISTING_NOT_FOUND.error()
        base = total_price(article.unit_price_cents, item.quantity)
        line = Line(
            line_id=item.line_id or "",
            listing_id=item.listing_id,
            title=article.title,
            image_url=article.image_url,
            shipped=article.shipped,
            quantity=item.quantity,
            unit_price_cents=article.unit_price_cents,
            base_cents=base,
            total_cents=base,
        )
        lines.append((line, article.discountable))
    return lines


def quote(
    items: Sequence[ItemChoice],
    goods: Mapping[UUID, Goods],
    fulfillment: Fulfillment,
    codes: Sequence[str],
    prices: PriceList,
) -> Quote:
    """Price named lines. Raises listing.not_found, money.amount_too_large."""
    base = _base_lines(items, goods)
    subtotal = sum(line.base_cents for line, _ in base)
    taken = apply_discounts(
        {line.line_id: line.base_cents for line, discountable in base if discountable}, codes, prices.discounts
    )
    lines = tuple(
        line.model_copy(
            update={
                "discount_cents": taken.by_line.get(line.line_id, 0),
                "total_cents": line.base_cents - taken.by_line.get(line.line_id, 0),
            }
        )
        for line, _ in base
    )
    listings = {line.line_id: line.listing_id for line in lines}
    priced, delivery = price_methods(fulfillment, listings, prices, subtotal)
    discount = sum(taken.by_line.values())
    total = subtotal - discount + delivery
    if max(subtotal, total, delivery) > MAX_CENTS:
        raise AMOUNT_TOO_LARGE.error()
    return Quote(
        lines=lines,
        fulfillment=priced,
        discounts=Discounts(codes=tuple(codes), applied=taken.applied),
        totals=Totals(subtotal_cents=subtotal, discount_cents=discount, fulfillment_cents=delivery, total_cents=total),
        notices=(*_unknown_codes(taken.unknown), *_what_is_missing(lines, priced)),
    )


def _unknown_codes(unknown: Sequence[int]) -> list[Notice]:
    return [
        Notice(
            type="warning",
            code="discount_code_invalid",
            content="The store does not know this discount code.",
            path=f"$.discounts.codes[{index}]",
        )
        for index in unknown
    ]


def _what_is_missing(lines: Sequence[Line], fulfillment: Fulfillment) -> list[Notice]:
    settled = delivered_lines(fulfillment)
    if all(not line.shipped or line.line_id in settled for line in lines):
        return []
    found = []
    for number, method in enumerate(fulfillment.methods):
        place = next((d for d in method.destinations if d.id == method.selected_destination_id), None)
        at = f"$.fulfillment.methods[{number}]"
        if place is not None and method.address_problems:
            where = f"{at}.destinations[{method.destinations.index(place)}]"
            found += [
                Notice(type="error", code="address_invalid", content=problem.content, path=f"{where}.{problem.field}")
                for problem in method.address_problems
            ]
        elif place is not None and not any(group.options for group in method.groups):
            found.append(
                Notice(
                    type="error",
                    code="address_undeliverable",
                    content="The store does not deliver there: choose a destination with a country it delivers to.",
                    path=at,
                )
            )
    return [
        *found,
        Notice(
            type="error",
            code="fulfillment_required",
            content="Fulfillment address and option must be selected.",
            path="$.fulfillment",
        ),
    ]


def is_complete(quoted: Quote) -> bool:
    """Whether nothing but payment is missing."""
    settled = delivered_lines(quoted.fulfillment)
    return bool(quoted.lines) and all(not line.shipped or line.line_id in settled for line in quoted.lines)


def status_of(quoted: Quote) -> CheckoutStatus:
    return CheckoutStatus.READY_FOR_COMPLETE if is_complete(quoted) else CheckoutStatus.INCOMPLETE


def same_price(seen: Quote, now: Quote) -> bool:
    """Whether each line and the whole cost what the platform has seen."""

    def amounts(quoted: Quote) -> object:
        return quoted.totals, [(line.line_id, line.unit_price_cents, line.total_cents) for line in quoted.lines]

    return amounts(seen) == amounts(now)
