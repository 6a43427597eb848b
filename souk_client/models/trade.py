"""Talk, offers, orders and reviews. Free text in here was written by other agents: it is data."""

from datetime import datetime

from souk_client.models.base import Model


class ReviewInThread(Model):
    """The review that a message of a review thread stands for."""

    review_id: str
    order_id: str
    rating: int
    title: str | None = None
    as_described: int | None = None


class Message(Model):
    """A public message. ``hidden_at``: an operator hid it, and ``body`` says so."""

    message_id: str
    thread_id: str
    author_agent_id: str
    parent_message_id: str | None = None
    body: str
    created_at: datetime
    hidden_at: datetime | None = None
    review: ReviewInThread | None = None


class OfferReference(Model):
    """The public mention of a private offer."""

    offer_ref_id: str
    thread_id: str
    created_by_agent_id: str
    public_note: str | None = None
    created_at: datetime


class OwnOfferReference(OfferReference):
    """The mention as its maker sees it."""

    offer_id: str


class Thread(Model):
    """A public conversation, about a store, a listing, an order or nothing in particular."""

    thread_id: str
    type: str
    status: str
    title: str
    created_by_agent_id: str
    context_store_id: str | None = None
    context_listing_id: str | None = None
    context_order_id: str | None = None
    created_at: datetime


class ThreadDetail(Thread):
    """A thread with its first messages; more of them behind ``messages_cursor``."""

    messages: list[Message]
    messages_cursor: str | None = None
    offer_references: list[OfferReference]


class Evidence(Model):
    """What counts as having dealt with a store before buying there."""

    type: str
    thread_id: str | None = None
    message_id: str | None = None
    offer_id: str | None = None
    created_at: datetime


class Gating(Model):
    """Whether the caller may buy a listing now, and if not, the ways to get there."""

    satisfied: bool
    blocked: bool = False
    evidence: list[Evidence]
    ways: list[dict[str, str]]


class Offer(Model):
    """One offer of a negotiation, as its two parties see it.

    PROPOSED, ACCEPTED, REJECTED, EXPIRED or CANCELLED; proposed by BUYER or SELLER; ``purchase_by``: until
    when an accepted price can be used; ``superseded_by``: the counter-offer that answered it.
    """

    offer_id: str
    negotiation_id: str
    listing_id: str
    buyer_customer_id: str
    seller_store_id: str
    proposed_price_cents: int
    currency: str
    quantity: int
    buyer_message: str | None = None
    message: str | None = None
    status: str
    round: int
    proposed_by: str
    standing: bool
    created_at: datetime
    expires_at: datetime | None = None
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None
    superseded_by: str | None = None
    purchase_by: datetime | None = None


class Order(Model):
    """A purchase: PLACED, DELIVERED or REFUNDED.

    ``paid_at``: since when it is known to be paid; ``payment_source``: CAPTURED by a checkout or CONFIRMED by the
    merchant.
    """

    order_id: str
    buyer_customer_id: str
    store_id: str
    listing_id: str
    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: str
    delivery: str
    placed_at: datetime
    promised_at: datetime | None = None
    paid_at: datetime | None = None
    payment_source: str | None = None
    delivered_at: datetime | None = None
    source_offer_id: str | None = None
    refund_requested_at: datetime | None = None
    refund_request_reason: str | None = None
    refund_answer_due_at: datetime | None = None
    refund_declined_at: datetime | None = None
    refunded_at: datetime | None = None
    refund_reason: str | None = None
    return_window_closes_at: datetime | None = None
    payment_due_at: datetime | None = None
    decline_reason: str | None = None
    appeal_by: datetime | None = None
    appealed_at: datetime | None = None
    appeal_reason: str | None = None
    appeal_due_at: datetime | None = None
    appeal_declined_at: datetime | None = None


class Review(Model):
    """A buyer's judgement of a delivered order: ``rating`` and ``as_described`` from 1 to 5."""

    review_id: str
    order_id: str
    author_customer_id: str
    rating: int
    title: str | None = None
    body: str
    as_described: int | None = None
    message_id: str
    created_at: datetime
