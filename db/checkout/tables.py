"""Tables of checkout sessions, carts and price lists. Private ones are guarded by row-level security."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, CreatedAt, Key, Meta


class CheckoutPlatform(Base):
    """The customer agent of a shopping platform."""

    __tablename__ = "checkout_platforms"
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"), primary_key=True)
    profile_url: Mapped[str]
    profile: Mapped[Meta]
    webhook_url: Mapped[str | None]
    fetched_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]


class StoreDiscount(Base):
    __tablename__ = "store_discounts"
    discount_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    code: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]
    value: Mapped[int]
    position: Mapped[int]
    active: Mapped[bool]
    created_at: Mapped[CreatedAt]


class ShippingRateRow(Base):
    __tablename__ = "shipping_rates"
    rate_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    option_id: Mapped[str]
    title: Mapped[str]
    service_level: Mapped[str]
    country: Mapped[str | None]
    price_cents: Mapped[int]
    created_at: Mapped[CreatedAt]


class ShippingPromotionRow(Base):
    __tablename__ = "shipping_promotions"
    promotion_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    title: Mapped[str]
    service_level: Mapped[str]
    min_subtotal_cents: Mapped[int | None]
    listing_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    created_at: Mapped[CreatedAt]


class CartRow(Base):
    __tablename__ = "carts"
    cart_id: Mapped[Key]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    buyer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    discount_codes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    canceled_at: Mapped[datetime | None]


class CheckoutRow(Base):
    """The projection of a Checkout process. ``buyer`` and ``fulfillment`` hold personal data."""

    __tablename__ = "checkouts"
    checkout_id: Mapped[Key]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    currency: Mapped[str]
    status: Mapped[str]
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.offer_id"))
    cart_id: Mapped[UUID | None]
    subtotal_cents: Mapped[int]
    discount_cents: Mapped[int]
    fulfillment_cents: Mapped[int]
    total_cents: Mapped[int]
    buyer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    fulfillment: Mapped[dict[str, Any]]
    discounts: Mapped[dict[str, Any]]
    messages: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    attempt: Mapped[int]
    quote_version: Mapped[int]
    shown_version: Mapped[int]
    order_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    scrubbed_at: Mapped[datetime | None]


class CheckoutLine(Base):
    __tablename__ = "checkout_lines"
    checkout_id: Mapped[UUID] = mapped_column(ForeignKey("checkouts.checkout_id"), primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
    title: Mapped[str]
    image_url: Mapped[str | None]
    shipped: Mapped[bool]
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    base_cents: Mapped[int]
    discount_cents: Mapped[int]
    total_cents: Mapped[int]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    refunded_at: Mapped[datetime | None]


class CheckoutPayment(Base):
    """One attempt to complete a session."""

    __tablename__ = "checkout_payments"
    payment_id: Mapped[Key]
    checkout_id: Mapped[UUID] = mapped_column(ForeignKey("checkouts.checkout_id"))
    attempt: Mapped[int]
    handler_id: Mapped[str]
    instrument_id: Mapped[str | None]
    amount_cents: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    failure: Mapped[str | None]
    reference: Mapped[str | None]
    delivery_refunded_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class KnownAddress(Base):
    """Test mode only: where a known customer lives."""

    __tablename__ = "address_book"
    address_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    address: Mapped[dict[str, Any]]


class SimulationItem(Base):
    """Test mode only: the name under which a CSV file knows a listing."""

    __tablename__ = "simulation_items"
    item_id: Mapped[str] = mapped_column(primary_key=True)
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"))
