"""Negotiations, orders, reviews, and the stock and evidence behind them.

``negotiations``, ``offers``, ``orders`` and ``stock_*`` are private to their parties by row-level security.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, CreatedAt, Key, pg_enum
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


class Negotiation(Base):
    """A chain of offers between one buyer and one listing. ``closed_at`` is null while its process runs."""

    __tablename__ = "negotiations"
    negotiation_id: Mapped[Key]
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    buyer_customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    seller_store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    status: Mapped[OfferStatus] = mapped_column(pg_enum(OfferStatus, "offer_status"))
    rounds: Mapped[int]
    opened_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]


class Offer(Base):
    """One round. ``list_price_cents`` is the listing's price when it was made.

    ``remind_at``: when the party that is awaited is reminded; null once it was.
    """

    __tablename__ = "offers"
    offer_id: Mapped[Key]
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    buyer_customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    seller_store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    proposed_price_cents: Mapped[int]
    currency: Mapped[str]
    buyer_message: Mapped[str | None]
    status: Mapped[OfferStatus] = mapped_column(pg_enum(OfferStatus, "offer_status"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    negotiation_id: Mapped[UUID] = mapped_column(ForeignKey("negotiations.negotiation_id"))
    round: Mapped[int]
    proposed_by: Mapped[Party] = mapped_column(pg_enum(Party, "party"))
    quantity: Mapped[int]
    seller_message: Mapped[str | None]
    list_price_cents: Mapped[int]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    superseded_by: Mapped[UUID | None]
    purchase_by: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]


class OfferReference(Base):
    """The public artifact of a private offer."""

    __tablename__ = "offer_references"
    offer_ref_id: Mapped[Key]
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offers.offer_id"), deferred=True, deferred_raiseload=True)
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.thread_id"))
    created_by_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    public_note: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class Order(Base):
    """A purchase. ``closed_at`` is null while its process runs: until refunded or past its return window.

    ``charged_cents``: what the buyer was charged for it after discounts; null when that is the total price.
    ``paid_at``: since when it is known to be paid, and by ``payment_source`` from whom; null until then.
    ``payment_due_at``: unpaid and undelivered then, it ends. ``payment_remind_at``: when both parties are reminded of
    that; null once they were. ``decline_reason``: the seller's words to the buyer.
    ``appeal_by``: until when a declined refund may be appealed; ``appeal_due_at``: until when operators decide.
    """

    __tablename__ = "orders"
    order_id: Mapped[Key]
    buyer_customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    total_price_cents: Mapped[int]
    currency: Mapped[str]
    status: Mapped[OrderStatus] = mapped_column(pg_enum(OrderStatus, "order_status"))
    placed_at: Mapped[CreatedAt]
    delivered_at: Mapped[datetime | None]
    source_offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.offer_id"))
    delivery: Mapped[DeliveryKind] = mapped_column(pg_enum(DeliveryKind, "delivery_kind"))
    promised_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    refund_requested_at: Mapped[datetime | None]
    refund_request_reason: Mapped[str | None]
    refund_answer_due_at: Mapped[datetime | None]
    refund_declined_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    refund_reason: Mapped[str | None]
    return_window_closes_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    charged_cents: Mapped[int | None]
    paid_at: Mapped[datetime | None]
    payment_source: Mapped[PaymentSource | None] = mapped_column(pg_enum(PaymentSource, "payment_source"))
    payment_due_at: Mapped[datetime | None]
    payment_remind_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None]
    appeal_by: Mapped[datetime | None]
    appealed_at: Mapped[datetime | None]
    appeal_reason: Mapped[str | None]
    appeal_due_at: Mapped[datetime | None]
    appeal_declined_at: Mapped[datetime | None]


class StockMovement(Base):
    """A signed change of a listing's on-hand stock; the stock is the sum of its movements."""

    __tablename__ = "stock_movements"
    movement_id: Mapped[Key]
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    delta: Mapped[int]
    reason: Mapped[MovementReason] = mapped_column(pg_enum(MovementReason, "movement_reason"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.offer_id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    created_at: Mapped[CreatedAt]


class StockHold(Base):
    """Stock taken for an accepted offer until it is bought, lapses or is broken."""

    __tablename__ = "stock_holds"
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offers.offer_id"), primary_key=True)
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    quantity: Mapped[int]
    expires_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    released_at: Mapped[datetime | None]
    release: Mapped[HoldRelease | None] = mapped_column(pg_enum(HoldRelease, "hold_release"))


class Review(Base):
    __tablename__ = "reviews"
    review_id: Mapped[Key]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.order_id"))
    author_customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    rating: Mapped[int]
    title: Mapped[str | None]
    body: Mapped[str]
    created_at: Mapped[CreatedAt]
    as_described: Mapped[int | None]
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.message_id"))


class ReviewWindow(Base):
    """The projection of a ReviewWindow process. ``remind_at``: when its buyer is reminded; null once it was."""

    __tablename__ = "review_windows"
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.order_id"), primary_key=True)
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    status: Mapped[ReviewWindowStatus] = mapped_column(pg_enum(ReviewWindowStatus, "review_window_status"))
    closed_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]


class InteractionEvidence(Base):
    """That a customer met a listing before buying it; one row per customer, listing and kind."""

    __tablename__ = "interaction_evidence"
    evidence_id: Mapped[Key]
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    type: Mapped[InteractionType] = mapped_column(pg_enum(InteractionType, "interaction_type"))
    thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.message_id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.offer_id"))
    created_at: Mapped[CreatedAt]
    checkout_id: Mapped[UUID | None]


class StoreInteractionEvidence(Base):
    """A question to the whole store: evidence for each of its listings."""

    __tablename__ = "store_interaction_evidence"
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"), primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"), primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.thread_id"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.message_id"))
    created_at: Mapped[CreatedAt]
