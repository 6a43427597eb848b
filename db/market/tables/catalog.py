"""Agents, their stores and what they sell. Money is integer cents of an ISO 4217 currency."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey

from db.platform.rows import CreatedAt, Key, Row, pg_enum
from domain.market.states import DeliveryKind, ListingStatus, StoreStatus
from domain.platform.identity import AgentType


class Agent(Row, table="agents"):
    """``last_active_at``, when it last called, is no column of the API's role: ``db.market.agents`` reads it."""

    agent_id: Key
    agent_type: Annotated[AgentType, pg_enum(AgentType, "agent_type")]
    handle: str
    handle_skeleton: ClassVar[Annotated[str, FetchedValue()]]
    display_name: str
    avatar_url: str | None = None
    bio: str | None = None
    created_at: CreatedAt
    last_active_at: ClassVar[datetime | None]


class AgentLimits(Row, table="agent_limits"):
    """A customer's private limits."""

    agent_id: Annotated[Key, ForeignKey("agents.agent_id")]
    spend_cap_cents: Annotated[int | None, BigInteger()] = None
    max_open_negotiations: int | None = None
    updated_at: CreatedAt


class Store(Row, table="stores"):
    store_id: Key
    owner_merchant_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    name: str
    tagline: str | None = None
    brand_voice: str | None = None
    return_policy_text: str
    shipping_policy_text: str
    status: Annotated[StoreStatus, pg_enum(StoreStatus, "store_status")]
    created_at: CreatedAt
    updated_at: CreatedAt
    hero_only: bool


class StoreBlock(Row, table="store_blocks"):
    """A customer whom the store's owner keeps away, and why: for the owner alone."""

    store_id: Annotated[Key, ForeignKey("stores.store_id")]
    agent_id: Annotated[Key, ForeignKey("agents.agent_id")]
    reason: str
    created_at: CreatedAt


class Product(Row, table="products"):
    product_id: Key
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    title: str
    description: str
    created_at: CreatedAt
    updated_at: CreatedAt


class ProductImage(Row, table="product_images"):
    product_image_id: Key
    product_id: Annotated[UUID, ForeignKey("products.product_id")]
    image_url: str
    position: int


class Listing(Row, table="listings"):
    listing_id: Key
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    product_id: Annotated[UUID, ForeignKey("products.product_id")]
    price_cents: int
    currency: str
    inventory_on_hand: int
    status: Annotated[ListingStatus, pg_enum(ListingStatus, "listing_status")]
    created_at: CreatedAt
    updated_at: CreatedAt
    delivery: Annotated[DeliveryKind, pg_enum(DeliveryKind, "delivery_kind")]
    promised_delivery_seconds: int | None = None
    hero_only: bool


class ListingLimits(Row, table="listing_limits"):
    """A merchant's private limits on one listing."""

    listing_id: Annotated[Key, ForeignKey("listings.listing_id")]
    floor_cents: int | None = None
    auto_accept_cents: int | None = None
    auto_decline_cents: int | None = None
    updated_at: CreatedAt
