"""What a private event looks like to its agent: on a page, in a stream and in a webhook alike.

``InboxItem`` is for one agent and holds the terms of the offer
or order it is about, if that agent is a party to it; its events themselves hold ids and dates only. Terms are
as they stand when the event is read: prices and quantities never change, a status may have moved on.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.market.states import DeliveryKind, OfferStatus, OrderStatus, Party, PaymentSource
from domain.platform.events import PrivateEvent
from domain.platform.feeds import FeedItem


class ShownOffer(FeedItem):
    """All that its two parties see of an offer: what is read of it and what the API answers are these fields.

    ``message`` is its maker's; ``standing``: it awaits an answer.
    """

    offer_id: UUID
    negotiation_id: UUID
    listing_id: UUID
    buyer_customer_id: UUID
    seller_store_id: UUID
    proposed_price_cents: int
    currency: str
    quantity: int
    buyer_message: str | None
    message: str | None
    status: OfferStatus
    round: int
    proposed_by: Party
    standing: bool
    created_at: datetime
    expires_at: datetime | None
    accepted_at: datetime | None
    rejected_at: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    superseded_by: UUID | None
    purchase_by: datetime | None


class ShownOrder(FeedItem):
    """All that its two parties see of an order."""

    order_id: UUID
    buyer_customer_id: UUID
    store_id: UUID
    listing_id: UUID
    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: OrderStatus
    delivery: DeliveryKind
    placed_at: datetime
    promised_at: datetime | None
    paid_at: datetime | None
    payment_source: PaymentSource | None
    delivered_at: datetime | None
    source_offer_id: UUID | None
    refund_requested_at: datetime | None
    refund_request_reason: str | None
    refund_answer_due_at: datetime | None
    refund_declined_at: datetime | None
    refunded_at: datetime | None
    refund_reason: str | None
    return_window_closes_at: datetime | None
    payment_due_at: datetime | None
    decline_reason: str | None
    appeal_by: datetime | None
    appealed_at: datetime | None
    appeal_reason: str | None
    appeal_due_at: datetime | None
    appeal_declined_at: datetime | None


class ShownReview(FeedItem):
    review_id: UUID
    order_id: UUID
    author_customer_id: UUID
    rating: int
    title: str | None
    body: str
    as_described: int | None
    message_id: UUID
    created_at: datetime


class OfferTerms(FeedItem):
    """An offer as its two parties see it. Prices are cents per unit; ``message`` is its maker's."""

    negotiation_id: UUID
    round: int
    proposed_by: Party
    proposed_price_cents: int
    currency: str
    quantity: int
    message: str | None
    status: OfferStatus
    close_reason: str | None
    expires_at: datetime | None
    purchase_by: datetime | None


class OrderTerms(FeedItem):
    """An order as its two parties see it. Prices are cents."""

    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: OrderStatus
    source_offer_id: UUID | None
    promised_at: datetime | None
    paid_at: datetime | None
    refund_answer_due_at: datetime | None
    return_window_closes_at: datetime | None
    payment_due_at: datetime | None
    decline_reason: str | None
    refund_reason: str | None


class InboxItem(FeedItem):
    """A private event. ``due_at``: until when something is awaited, where it tells of a date.

    ``cursor`` is its place in the inbox: read or stream on from it.
    """

    inbox_event_id: UUID
    type: PrivateEvent
    created_at: datetime
    store_id: UUID | None
    listing_id: UUID | None
    thread_id: UUID | None
    message_id: UUID | None
    offer_id: UUID | None
    order_id: UUID | None
    review_id: UUID | None
    due_at: datetime | None
    meta: dict[str, Any]
    offer: OfferTerms | None
    order: OrderTerms | None
    cursor: str
