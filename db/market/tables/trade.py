"""Negotiations, orders, reviews, and the stock and evidence behind them.

``negotiations``, ``offers``, ``orders`` and ``stock_*`` are private to their parties by row-level security.
"""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey

from db.platform.rows import CreatedAt, Key, Row, pg_enum
from domain.market.states import (
    DeliveryKind,
    HoldRelease,
    InteractionType,
    MovementReason,
    OfferStatus,
    OrderStatus,
    Party,
    PaymentSource,
    ReviewWindowStatus,
)


class Negotiation(Row, table="negotiations"):
    """A chain of offers between one buyer and one listing. ``closed_at`` is null while its process runs."""

    negotiation_id: Key
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    buyer_customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    seller_store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    status: Annotated[OfferStatus, pg_enum(OfferStatus, "offer_status")]
    rounds: int
    opened_at: CreatedAt
    closed_at: datetime | None = None
    close_reason: str | None = None


class Offer(Row, table="offers"):
    """One round. ``list_price_cents`` is the listing's price when it was made.

    ``remind_at``: when the party that is awaited is reminded; null once it was.
    """

    offer_id: Key
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    buyer_customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    seller_store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    proposed_price_cents: int
    currency: str
    buyer_message: str | None = None
    status: Annotated[OfferStatus, pg_enum(OfferStatus, "offer_status")]
    created_at: CreatedAt
    expires_at: datetime | None = None
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    negotiation_id: Annotated[UUID, ForeignKey("negotiations.negotiation_id")]
    round: int
    proposed_by: Annotated[Party, pg_enum(Party, "party")]
    quantity: int
    seller_message: str | None = None
    list_price_cents: int
    closed_at: datetime | None = None
    close_reason: str | None = None
    superseded_by: UUID | None = None
    purchase_by: datetime | None = None
    remind_at: datetime | None = None


class OfferReference(Row, table="offer_references"):
    """The public artifact of a private offer."""

    offer_ref_id: Key
    offer_id: ClassVar[Annotated[UUID, ForeignKey("offers.offer_id")]]
    thread_id: Annotated[UUID, ForeignKey("threads.thread_id")]
    created_by_agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    public_note: str | None = None
    created_at: CreatedAt


class Order(Row, table="orders"):
    """A purchase. ``closed_at`` is null while its process runs: until refunded or past its return window.

    ``charged_cents``: what the buyer was charged for it after discounts; null when that is the total price.
    ``paid_at``: since when it is known to be paid, and by ``payment_source`` from whom; null until then.
    ``payment_due_at``: unpaid and undelivered then, it ends. ``payment_remind_at``: when both parties are reminded of
    that; null once they were. ``decline_reason``: the seller's words to the buyer.
    ``appeal_by``: until when a declined refund may be appealed; ``appeal_due_at``: until when operators decide.
    """

    order_id: Key
    buyer_customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: Annotated[OrderStatus, pg_enum(OrderStatus, "order_status")]
    placed_at: CreatedAt
    delivered_at: datetime | None = None
    source_offer_id: Annotated[UUID | None, ForeignKey("offers.offer_id")] = None
    delivery: Annotated[DeliveryKind, pg_enum(DeliveryKind, "delivery_kind")]
    promised_at: datetime | None = None
    remind_at: datetime | None = None
    reminded_at: datetime | None = None
    refund_requested_at: datetime | None = None
    refund_request_reason: str | None = None
    refund_answer_due_at: datetime | None = None
    refund_declined_at: datetime | None = None
    refunded_at: datetime | None = None
    refund_reason: str | None = None
    return_window_closes_at: datetime | None = None
    closed_at: datetime | None = None
    charged_cents: int | None = None
    paid_at: datetime | None = None
    payment_source: Annotated[PaymentSource | None, pg_enum(PaymentSource, "payment_source")] = None
    payment_due_at: datetime | None = None
    payment_remind_at: datetime | None = None
    decline_reason: str | None = None
    appeal_by: datetime | None = None
    appealed_at: datetime | None = None
    appeal_reason: str | None = None
    appeal_due_at: datetime | None = None
    appeal_declined_at: datetime | None = None


class StockMovement(Row, table="stock_movements"):
    """A signed change of a listing's on-hand stock; the stock is the sum of its movements."""

    movement_id: Key
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    delta: int
    reason: Annotated[MovementReason, pg_enum(MovementReason, "movement_reason")]
    offer_id: Annotated[UUID | None, ForeignKey("offers.offer_id")] = None
    order_id: Annotated[UUID | None, ForeignKey("orders.order_id")] = None
    created_at: CreatedAt


class StockHold(Row, table="stock_holds"):
    """Stock taken for an accepted offer until it is bought, lapses or is broken."""

    offer_id: Annotated[Key, ForeignKey("offers.offer_id")]
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    quantity: int
    expires_at: datetime
    created_at: CreatedAt
    released_at: datetime | None = None
    release: Annotated[HoldRelease | None, pg_enum(HoldRelease, "hold_release")] = None


class Review(Row, table="reviews"):
    review_id: Key
    order_id: Annotated[UUID, ForeignKey("orders.order_id")]
    author_customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    rating: int
    title: str | None = None
    body: str
    created_at: CreatedAt
    as_described: int | None = None
    message_id: Annotated[UUID, ForeignKey("messages.message_id")]


class ReviewWindow(Row, table="review_windows"):
    """The projection of a ReviewWindow process. ``remind_at``: when its buyer is reminded; null once it was."""

    order_id: Annotated[Key, ForeignKey("orders.order_id")]
    opened_at: datetime
    closes_at: datetime
    status: Annotated[ReviewWindowStatus, pg_enum(ReviewWindowStatus, "review_window_status")]
    closed_at: datetime | None = None
    remind_at: datetime | None = None


class InteractionEvidence(Row, table="interaction_evidence"):
    """That a customer met a listing before buying it; one row per customer, listing and kind."""

    evidence_id: Key
    customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    listing_id: Annotated[UUID, ForeignKey("listings.listing_id")]
    type: Annotated[InteractionType, pg_enum(InteractionType, "interaction_type")]
    thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None
    message_id: Annotated[UUID | None, ForeignKey("messages.message_id")] = None
    offer_id: Annotated[UUID | None, ForeignKey("offers.offer_id")] = None
    created_at: CreatedAt
    checkout_id: UUID | None = None


class StoreInteractionEvidence(Row, table="store_interaction_evidence"):
    """A question to the whole store: evidence for each of its listings."""

    customer_id: Annotated[Key, ForeignKey("agents.agent_id")]
    store_id: Annotated[Key, ForeignKey("stores.store_id")]
    thread_id: Annotated[UUID, ForeignKey("threads.thread_id")]
    message_id: Annotated[UUID, ForeignKey("messages.message_id")]
    created_at: CreatedAt
