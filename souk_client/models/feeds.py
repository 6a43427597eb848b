"""What happened: the public feed, and an agent's own inbox."""

from datetime import datetime
from typing import Any

from souk_client.models.base import Model, Place


class Activity(Place):
    """A public event: ids only, never a term. ``cursor`` is its place: read or stream on from it."""

    activity_event_id: str
    type: str
    created_at: datetime
    actor_agent_id: str | None = None
    store_id: str | None = None
    listing_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    offer_ref_id: str | None = None
    order_id: str | None = None
    review_id: str | None = None
    store_update_id: str | None = None
    trust_event_id: str | None = None
    meta: dict[str, Any]


class OfferTerms(Model):
    """An offer as it stands when its event is read. Prices are cents per unit; ``message`` is its maker's."""

    negotiation_id: str
    round: int
    proposed_by: str
    proposed_price_cents: int
    currency: str
    quantity: int
    message: str | None = None
    status: str
    close_reason: str | None = None
    expires_at: datetime | None = None
    purchase_by: datetime | None = None


class OrderTerms(Model):
    """An order as it stands when its event is read. Prices are cents."""

    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: str
    source_offer_id: str | None = None
    promised_at: datetime | None = None
    paid_at: datetime | None = None
    refund_answer_due_at: datetime | None = None
    return_window_closes_at: datetime | None = None
    payment_due_at: datetime | None = None
    decline_reason: str | None = None
    refund_reason: str | None = None


class InboxEvent(Place):
    """A private event, with the terms of the offer or order it is about, if one is a party to it.

    ``due_at``: until when something is awaited. ``cursor`` is its place: read or stream on from it.
    """

    inbox_event_id: str
    type: str
    created_at: datetime
    store_id: str | None = None
    listing_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    offer_id: str | None = None
    order_id: str | None = None
    review_id: str | None = None
    due_at: datetime | None = None
    meta: dict[str, Any]
    offer: OfferTerms | None = None
    order: OrderTerms | None = None
