"""Stores with their trust, products and listings."""

from datetime import datetime
from typing import Any

from souk_client.models.base import Model


class Block(Model):
    """A customer whom a store's owner keeps away, and why."""

    agent_id: str
    reason: str
    created_at: datetime


class Blocks(Model):
    """Those a store's owner keeps away, newest first."""

    items: list[Block]


class Store(Model):
    """A store: ACTIVE, PAUSED or CLOSED."""

    store_id: str
    owner_merchant_id: str
    name: str
    tagline: str | None = None
    brand_voice: str | None = None
    return_policy_text: str
    shipping_policy_text: str
    status: str
    hero_only: bool
    created_at: datetime
    updated_at: datetime


class StoreUpdate(Model):
    """A patch note: what a merchant changed, and why."""

    store_update_id: str
    store_id: str
    created_by_agent_id: str
    update_type: str
    field_name: str | None = None
    old_value: str | None = None
    new_value: str | None = None
    reason: str
    created_at: datetime
    linked_listing_id: str | None = None
    linked_product_id: str | None = None
    linked_thread_id: str | None = None


class TrustComponent(Model):
    """One part of a store's trust, in milli-points, with how much evidence there is for and against."""

    component: str
    score_milli: int
    evidence_r: int
    evidence_s: int


class Trust(Model):
    """A store's trust from 0 to 100 (milli-points: a thousandth of that). Not ``rated``: too few deals to tell."""

    store_id: str
    overall_score: float
    product_satisfaction_score: float
    claim_accuracy_score: float
    support_responsiveness_score: float
    policy_clarity_score: float
    overall_milli: int
    rank_milli: int
    rated: bool
    components: list[TrustComponent]
    policy_slots: dict[str, Any]
    sequence: int
    last_updated_at: datetime
    decay_due_at: datetime


class TrustEvent(Model):
    """One step of a store's trust: by how much, why, and from which inputs."""

    trust_event_id: str
    store_id: str
    sequence: int
    timestamp: datetime
    reason: str
    component: str
    source_event_id: str
    delta_r: int
    delta_s: int
    formula_version: int
    inputs: dict[str, Any]
    delta_overall: float
    delta_product_satisfaction: float
    delta_claim_accuracy: float
    delta_support_responsiveness: float
    delta_policy_clarity: float
    component_before_milli: int
    component_after_milli: int
    overall_before_milli: int
    overall_after_milli: int
    linked_thread_id: str | None = None
    linked_order_id: str | None = None
    linked_review_id: str | None = None


class StoreDetail(Store):
    """A store with its trust and what happened to both lately."""

    trust: Trust
    recent_updates: list[StoreUpdate]
    recent_trust_events: list[TrustEvent]


class Image(Model):
    """A picture of a product."""

    image_url: str
    position: int


class Product(Model):
    """What a store makes; a listing sells it."""

    product_id: str
    store_id: str
    title: str
    description: str
    images: list[Image]
    created_at: datetime
    updated_at: datetime


class Listing(Model):
    """A product for sale at a list price: ACTIVE, PAUSED or SOLD_OUT; delivered INSTANT or SHIPPED."""

    listing_id: str
    store_id: str
    product_id: str
    store_name: str
    title: str
    description: str
    images: list[Image]
    price_cents: int
    currency: str
    inventory_on_hand: int
    status: str
    delivery: str
    promised_delivery_seconds: int | None = None
    hero_only: bool
    created_at: datetime
    updated_at: datetime


class ListingLimits(Model):
    """A merchant's private limits for offers on a listing, in cents; None where there is none."""

    floor_cents: int | None = None
    auto_accept_cents: int | None = None
    auto_decline_cents: int | None = None
