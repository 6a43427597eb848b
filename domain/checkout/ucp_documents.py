"""Sessions, carts and orders as the Universal Commerce Protocol writes them.

Pure, so that an answer and a webhook of the same order are the same document. Amounts are minor units; discounts
are negative, charges are not. Extensions' members appear only where the extension was negotiated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.checkout import ucp
from domain.checkout.models import Cart, Checkout, Fulfillment, Line, Method, Option, PlacedOrder, Quote
from domain.market.states import OrderStatus

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a document needs besides its subject. ``item_ids``: names of listings that the platform knows them by."""

    base_url: str
    capabilities: frozenset[str]
    payment_handlers: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    item_ids: Mapping[UUID, str] = field(default_factory=dict)

    def head(self, root: str) -> Document:
        return {
            "version": ucp.VERSION,
            "status": "success",
            "capabilities": ucp.relevant_capabilities(self.capabilities, root),
        }


def checkout_document(checkout: Checkout, frame: Frame) -> Document:
    document: Document = {
        "ucp": {**frame.head(ucp.CHECKOUT), "payment_handlers": dict(frame.payment_handlers)},
        "id": str(checkout.checkout_id),
        "status": checkout.status.value,
        **_basket(checkout, frame, checkout.offer_id),
        "currency": checkout.currency,
        "links": _links(frame, checkout.store_id),
        "expires_at": checkout.expires_at.isoformat(),
        # A credential is never kept, and without one an instrument is of no use to anyone.
        "payment": {"instruments": []},
    }
    if checkout.buyer is not None:
        document["buyer"] = _buyer(checkout.buyer.model_dump(exclude_none=True), frame)
    if ucp.FULFILLMENT in frame.capabilities and checkout.fulfillment.methods:
        document["fulfillment"] = _fulfillment(checkout.fulfillment)
    if not checkout.status.over:
        document["continue_url"] = f"{frame.base_url}/stores/{checkout.store_id}"
    if checkout.order is not None:
        document["order"] = {
            "id": str(checkout.order.order_id),
            "permalink_url": _permalink(frame, checkout.order.orders),
        }
    return document


def cart_document(cart: Cart, frame: Frame) -> Document:
    document: Document = {
        "ucp": frame.head(ucp.CART),
        "id": str(cart.cart_id),
        **_basket(cart, frame, None),
        "currency": cart.currency,
        "links": _links(frame, cart.store_id),
        "continue_url": f"{frame.base_url}/stores/{cart.store_id}",
        "expires_at": cart.expires_at.isoformat(),
    }
    if cart.buyer is not None:
        document["buyer"] = _buyer(cart.buyer.model_dump(exclude_none=True), frame)
    return document


def order_document(checkout: Checkout, frame: Frame) -> Document:
    """The order that a completed session became, as it stands now. ``checkout.order`` must be there."""
    assert checkout.order is not None
    placed = {order.line_id: order for order in checkout.order.orders}
    return {
        "ucp": frame.head(ucp.ORDER),
        "id": str(checkout.order.order_id),
        "checkout_id": str(checkout.checkout_id),
        "permalink_url": _permalink(frame, checkout.order.orders),
        "line_items": [_ordered(line, placed[line.line_id], frame, checkout.offer_id) for line in checkout.lines],
        "fulfillment": {
            "expectations": _expectations(checkout),
            "events": [event for line in checkout.lines for event in _events(line, placed[line.line_id])],
        },
        "adjustments": [refund for line in checkout.lines for refund in _refunds(line, placed[line.line_id])],
        "currency": checkout.currency,
        "totals": _totals(checkout),
    }


def _basket(quoted: Quote, frame: Frame, offer_id: UUID | None) -> Document:
    basket: Document = {
        "line_items": [
            {
                "id": line.line_id,
                "item": _item(line, frame, offer_id),
                "quantity": line.quantity,
                "totals": _line_totals(line),
            }
            for line in quoted.lines
        ],
        "totals": _totals(quoted),
    }
    messages = [notice.model_dump(exclude_none=True) for notice in quoted.notices]
    if messages:
        # Only errors have a severity.
        basket["messages"] = [
            {name: value for name, value in message.items() if name != "severity" or message["type"] == "error"}
            for message in messages
        ]
    if ucp.DISCOUNT in frame.capabilities and (quoted.discounts.codes or quoted.discounts.applied):
        basket["discounts"] = _discounts(quoted)
    return basket


def _item(line: Line, frame: Frame, offer_id: UUID | None) -> Document:
    item: Document = {
        "id": str(offer_id) if offer_id else frame.item_ids.get(line.listing_id, str(line.listing_id)),
        "title": line.title,
        "price": line.unit_price_cents,
    }
    return item | ({"image_url": line.image_url} if line.image_url else {})


def _line_totals(line: Line) -> list[Document]:
    discount = [{"type": "discount", "amount": -line.discount_cents}] if line.discount_cents else []
    return [
        {"type": "subtotal", "amount": line.base_cents},
        *discount,
        {"type": "total", "amount": line.total_cents},
    ]


def _totals(quoted: Quote) -> list[Document]:
    totals = quoted.totals
    found = [{"type": "subtotal", "display_text": "Subtotal", "amount": totals.subtotal_cents}]
    if totals.discount_cents:
        found.append({"type": "discount", "display_text": "Discount", "amount": -totals.discount_cents})
    if totals.fulfillment_cents or any(_chosen(method) for method in quoted.fulfillment.methods):
        found.append({"type": "fulfillment", "display_text": "Delivery", "amount": totals.fulfillment_cents})
    return [*found, {"type": "total", "display_text": "Total", "amount": totals.total_cents}]


def _discounts(quoted: Quote) -> Document:
    places = {line.line_id: index for index, line in enumerate(quoted.lines)}
    return {
        "codes": list(quoted.discounts.codes),
        "applied": [
            {
                "code": applied.code,
                "title": applied.title,
                "amount": applied.amount_cents,
                "priority": applied.priority,
                "method": "across",
                "allocations": [
                    {"path": f"$.line_items[{places[part.line_id]}]", "amount": part.amount_cents}
                    for part in applied.allocations
                ],
            }
            for applied in quoted.discounts.applied
        ],
    }


def _fulfillment(fulfillment: Fulfillment) -> Document:
    methods = []
    for method in fulfillment.methods:
        document: Document = {"id": method.id, "type": method.type, "line_item_ids": list(method.line_ids)}
        if method.destinations:
            document["destinations"] = [place.model_dump(exclude_none=True) for place in method.destinations]
        if method.selected_destination_id:
            document["selected_destination_id"] = method.selected_destination_id
        if method.groups:
            document["groups"] = [
                {
                    "id": group.id,
                    "line_item_ids": list(group.line_ids),
                    "options": [_option(option) for option in group.options],
                    **({"selected_option_id": group.selected_option_id} if group.selected_option_id else {}),
                }
                for group in method.groups
            ]
        methods.append(document)
    return {"methods": methods}


def _option(option: Option) -> Document:
    return {"id": option.id, "title": option.title, "totals": [{"type": "total", "amount": option.price_cents}]}


def _chosen(method: Method) -> Option | None:
    for group in method.groups:
        for option in group.options:
            if option.id == group.selected_option_id:
                return option
    return None


def _buyer(buyer: Document, frame: Frame) -> Document:
    return {
        name: value for name, value in buyer.items() if name != "consent" or ucp.BUYER_CONSENT in frame.capabilities
    }


def _links(frame: Frame, store_id: UUID) -> list[Document]:
    page = f"{frame.base_url}/stores/{store_id}"
    return [{"type": "refund_policy", "url": page}, {"type": "shipping_policy", "url": page}]


def _permalink(frame: Frame, orders: Sequence[PlacedOrder]) -> str:
    """The public page of the first of the market's orders."""
    return f"{frame.base_url}/orders/{orders[0].order_id}"


def _ordered(line: Line, order: PlacedOrder, frame: Frame, offer_id: UUID | None) -> Document:
    given_up = order.status is OrderStatus.REFUNDED and order.delivered_at is None
    total = 0 if given_up else line.quantity
    fulfilled = total if order.delivered_at is not None else 0
    status = "removed" if given_up else "fulfilled" if fulfilled else "processing"
    return {
        "id": line.line_id,
        "item": _item(line, frame, offer_id),
        "quantity": {"original": line.quantity, "total": total, "fulfilled": fulfilled},
        "totals": _line_totals(line),
        "status": status,
    }


def _expectations(checkout: Checkout) -> list[Document]:
    """What was promised: one per method, and one for what needs no delivery."""
    lines = {line.line_id: line for line in checkout.lines}
    found: list[Document] = []
    for method in checkout.fulfillment.methods:
        goods = [lines[key] for key in method.line_ids if key in lines and lines[key].shipped]
        option = _chosen(method)
        if not goods or option is None:
            continue
        place = next((d for d in method.destinations if d.id == method.selected_destination_id), None)
        found.append(
            {
                "id": f"expectation_{method.id}",
                "line_items": [{"id": line.line_id, "quantity": line.quantity} for line in goods],
                "method_type": method.type,
                "destination": place.model_dump(exclude_none=True, exclude={"id"}) if place else {},
                "description": option.title,
            }
        )
    at_once = [{"id": line.line_id, "quantity": line.quantity} for line in checkout.lines if not line.shipped]
    if at_once:
        found.append(
            {
                "id": "expectation_digital",
                "line_items": at_once,
                "method_type": "digital",
                "destination": {},
                "description": "Delivered at once",
                "fulfillable_on": "now",
            }
        )
    return found


def _events(line: Line, order: PlacedOrder) -> list[Document]:
    """The market records one thing of a delivery: when the seller handed the goods over."""
    if order.delivered_at is None:
        return []
    return [
        {
            "id": f"delivery_{order.order_id}",
            "occurred_at": order.delivered_at.isoformat(),
            "type": "shipped" if line.shipped else "delivered",
            "line_items": [{"id": line.line_id, "quantity": line.quantity}],
            "description": "Handed over by the seller" if line.shipped else "Delivered at once",
        }
    ]


def _refunds(line: Line, order: PlacedOrder) -> list[Document]:
    if order.refunded_at is None:
        return []
    return [
        {
            "id": f"refund_{order.order_id}",
            "type": "refund",
            "occurred_at": order.refunded_at.isoformat(),
            "status": "completed",
            "line_items": [{"id": line.line_id, "quantity": -line.quantity}],
            "totals": [{"type": "total", "amount": -line.total_cents}],
        }
    ]
