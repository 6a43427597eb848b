"""Agents, their stores and what they sell. Money is integer cents of an ISO 4217 currency."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.platform import rows
from db.platform.base import Base, CreatedAt, Key, pg_enum
from db.platform.rows import Row
from domain.market.states import DeliveryKind, ListingStatus, StoreStatus
from domain.platform.identity import AgentType


class Agent(Base):
    """``last_active_at``, when it last called, is no column of the API's role: ``db.market.agents`` reads it."""

    __tablename__ = "agents"
    agent_id: Mapped[Key]
    agent_type: Mapped[AgentType] = mapped_column(pg_enum(AgentType, "agent_type"))
    handle: Mapped[str]
    handle_skeleton: Mapped[str] = mapped_column(FetchedValue(), deferred=True, deferred_raiseload=True)
    display_name: Mapped[str]
    avatar_url: Mapped[str | None]
    bio: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    last_active_at: Mapped[datetime | None] = mapped_column(deferred=True, deferred_raiseload=True)


class AgentLimits(Base):
    """A customer's private limits."""

    __tablename__ = "agent_limits"
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"), primary_key=True)
    spend_cap_cents: Mapped[int | None] = mapped_column(BigInteger)
    max_open_negotiations: Mapped[int | None]
    updated_at: Mapped[CreatedAt]


class Store(Base):
    __tablename__ = "stores"
    store_id: Mapped[Key]
    owner_merchant_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    name: Mapped[str]
    tagline: Mapped[str | None]
    brand_voice: Mapped[str | None]
    return_policy_text: Mapped[str]
    shipping_policy_text: Mapped[str]
    status: Mapped[StoreStatus] = mapped_column(pg_enum(StoreStatus, "store_status"), default=StoreStatus.ACTIVE)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    hero_only: Mapped[bool]


class StoreBlock(Row, table="store_blocks"):
    """A customer whom the store's owner keeps away, and why: for the owner alone."""

    store_id: Annotated[rows.Key, ForeignKey("stores.store_id")]
    agent_id: Annotated[rows.Key, ForeignKey("agents.agent_id")]
    reason: str
    created_at: rows.CreatedAt


class Product(Base):
    __tablename__ = "products"
    product_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    title: Mapped[str]
    description: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class ProductImage(Base):
    __tablename__ = "product_images"
    product_image_id: Mapped[Key]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.product_id"))
    image_url: Mapped[str]
    position: Mapped[int]


class Listing(Base):
    __tablename__ = "listings"
    listing_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.product_id"))
    price_cents: Mapped[int]
    currency: Mapped[str]
    inventory_on_hand: Mapped[int]
    status: Mapped[ListingStatus] = mapped_column(pg_enum(ListingStatus, "listing_status"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    delivery: Mapped[DeliveryKind] = mapped_column(pg_enum(DeliveryKind, "delivery_kind"))
    promised_delivery_seconds: Mapped[int | None]
    hero_only: Mapped[bool]


class ListingLimits(Base):
    """A merchant's private limits on one listing."""

    __tablename__ = "listing_limits"
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.listing_id"), primary_key=True)
    floor_cents: Mapped[int | None]
    auto_accept_cents: Mapped[int | None]
    auto_decline_cents: Mapped[int | None]
    updated_at: Mapped[CreatedAt]
