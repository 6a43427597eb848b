"""Offers, orders and reviews."""

from typing import Literal

from souk_client.calls import CSV, EXPORT_SIZE, PAGE_SIZE, Call, PageCall, file, get, listed, post
from souk_client.models import Offer, Order, Review

Role = Literal["buyer", "seller"]


def make_offer(
    listing_id: str,
    proposed_price_cents: int,
    *,
    quantity: int | None = None,
    buyer_message: str | None = None,
    expires_in_seconds: float | None = None,
    key: str | None = None,
) -> Call[Offer]:
    """Propose a price for one piece; ``quantity`` is 1 by default."""
    return post(
        "/v1/offers",
        Offer,
        key,
        listing_id=listing_id,
        proposed_price_cents=proposed_price_cents,
        quantity=quantity,
        buyer_message=buyer_message,
        expires_in_seconds=expires_in_seconds,
    )


def counter_offer(
    offer_id: str,
    proposed_price_cents: int,
    *,
    message: str | None = None,
    expires_in_seconds: float | None = None,
    key: str | None = None,
) -> Call[Offer]:
    """Answer the other side's offer with another price; the answer is the new offer."""
    return post(
        f"/v1/offers/{offer_id}/counter",
        Offer,
        key,
        proposed_price_cents=proposed_price_cents,
        message=message,
        expires_in_seconds=expires_in_seconds,
    )


def accept_offer(offer_id: str, *, round: int | None = None, key: str | None = None) -> Call[Offer]:
    """Agree. ``round``: the round you have seen, so that nobody accepts what it has not seen."""
    return post(f"/v1/offers/{offer_id}/accept", Offer, key, round=round)


def reject_offer(offer_id: str, *, round: int | None = None, key: str | None = None) -> Call[Offer]:
    """Decline the other side's offer and end the negotiation."""
    return post(f"/v1/offers/{offer_id}/reject", Offer, key, round=round)


def withdraw_offer(offer_id: str, *, round: int | None = None, key: str | None = None) -> Call[Offer]:
    """Take one's own offer back, or an agreed price that is not used: its stock returns.

    A seller who withdraws an agreed price pays with trust, a buyer does not.
    """
    return post(f"/v1/offers/{offer_id}/withdraw", Offer, key, round=round)


def offer(offer_id: str) -> Call[Offer]:
    """One offer, for its two parties."""
    return get(f"/v1/offers/{offer_id}", Offer)


def offers(
    *,
    role: Role | None = None,
    status: Literal["PROPOSED", "ACCEPTED", "REJECTED", "EXPIRED", "CANCELLED"] | None = None,
    listing_id: str | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Offer]:
    """Offers one is a party of, newest first."""
    return listed("/v1/offers", Offer, limit, role=role, status=status, listing_id=listing_id)


def buy(
    listing_id: str | None = None,
    *,
    quantity: int | None = None,
    expected_unit_price_cents: int | None = None,
    expected_currency: str | None = None,
    offer_id: str | None = None,
    key: str | None = None,
) -> Call[Order]:
    """Buy a listing at its list price, or at the price of an accepted offer (``offer_id`` alone).

    ``expected_unit_price_cents`` is the list price you have seen (``Listing.price_cents``): at another one the order is
    refused with ``order.price_changed``. Without it, it is refused for a while after the price rose.
    """
    return post(
        "/v1/orders",
        Order,
        key,
        listing_id=listing_id,
        quantity=quantity,
        expected_unit_price_cents=expected_unit_price_cents,
        expected_currency=expected_currency,
        offer_id=offer_id,
    )


def order(order_id: str) -> Call[Order]:
    """One order, for its two parties."""
    return get(f"/v1/orders/{order_id}", Order)


def orders(
    *,
    role: Role | None = None,
    status: Literal["PLACED", "DELIVERED", "REFUNDED"] | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Order]:
    """Orders one is a party of, newest first."""
    return listed("/v1/orders", Order, limit, role=role, status=status)


def export_orders(
    *,
    role: Role | None = None,
    status: Literal["PLACED", "DELIVERED", "REFUNDED"] | None = None,
    limit: int = EXPORT_SIZE,
    cursor: str | None = None,
) -> Call[str]:
    """The same as a CSV file. After ``limit`` rows go on with the ``cursor`` of the last one."""
    return file("/v1/orders.csv", CSV, role=role, status=status, limit=limit, cursor=cursor)


def confirm_payment(order_id: str, *, key: str | None = None) -> Call[Order]:
    """A merchant says that it has the money for an order."""
    return post(f"/v1/orders/{order_id}/payment", Order, key)


def deliver(order_id: str, *, payment_received: bool | None = None, key: str | None = None) -> Call[Order]:
    """A merchant says that a shipped order has arrived; with ``payment_received`` also that it has the money."""
    return post(f"/v1/orders/{order_id}/deliver", Order, key, payment_received=payment_received)


def decline_order(order_id: str, reason: str, *, key: str | None = None) -> Call[Order]:
    """A merchant does not deliver, and says why. It costs trust where the order is paid, nothing where it is not."""
    return post(f"/v1/orders/{order_id}/decline", Order, key, reason=reason)


def cancel_order(order_id: str, *, key: str | None = None) -> Call[Order]:
    """A buyer takes an order back before it is delivered."""
    return post(f"/v1/orders/{order_id}/cancel", Order, key)


def request_refund(order_id: str, *, reason: str | None = None, key: str | None = None) -> Call[Order]:
    """A buyer asks for the money back, while the return window is open."""
    return post(f"/v1/orders/{order_id}/refund-request", Order, key, reason=reason)


def decide_refund(
    order_id: str, *, approve: bool, goods_returned: bool | None = None, key: str | None = None
) -> Call[Order]:
    """A merchant grants or declines a refund; ``goods_returned`` puts the goods back in stock."""
    return post(f"/v1/orders/{order_id}/refund-decision", Order, key, approve=approve, goods_returned=goods_returned)


def appeal_refund(order_id: str, reason: str, *, key: str | None = None) -> Call[Order]:
    """A buyer takes a declined refund to the operators, once and before ``appeal_by``."""
    return post(f"/v1/orders/{order_id}/appeal", Order, key, reason=reason)


def post_review(
    order_id: str,
    rating: int,
    body: str,
    *,
    title: str | None = None,
    as_described: int | None = None,
    key: str | None = None,
) -> Call[Review]:
    """Judge a delivered order, once: ``rating`` and ``as_described`` from 1 to 5."""
    return post(
        "/v1/reviews",
        Review,
        key,
        order_id=order_id,
        rating=rating,
        body=body,
        title=title,
        as_described=as_described,
    )


def review(review_id: str) -> Call[Review]:
    """One review."""
    return get(f"/v1/reviews/{review_id}", Review)
