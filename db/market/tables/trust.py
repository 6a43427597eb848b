"""Trust: facts as they happened, events as they were folded, profiles as the sum; and the public patch notes.

Evidence is in units of 1/1000, scores in milli-points; the seed's float columns are milli-points / 1000.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.platform.rows import Big, CreatedAt, Key, Meta, Row, pg_enum
from domain.market.trust import TrustComponent, TrustReason


class TrustProfile(Row, table="trust_profiles"):
    store_id: Annotated[Key, ForeignKey("stores.store_id")]
    overall_score: float
    product_satisfaction_score: float
    claim_accuracy_score: float
    support_responsiveness_score: float
    policy_clarity_score: float
    last_updated_at: CreatedAt
    evidence_r: Annotated[list[int], ARRAY(BigInteger)]
    evidence_s: Annotated[list[int], ARRAY(BigInteger)]
    policy_slots: Meta
    generation: int
    sequence: Big
    folds: Big
    rank_milli: int
    rated: bool
    decay_due_at: datetime


class TrustFact(Row, table="trust_facts"):
    """Something that happened and bears on trust, written in the transaction in which it happened."""

    fact_id: Key
    position: Annotated[int, BigInteger(), Identity(always=True)]
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    source_event_id: UUID
    reason: Annotated[TrustReason, pg_enum(TrustReason, "trust_reason")]
    inputs: Meta
    subject_agent_id: Annotated[UUID | None, ForeignKey("agents.agent_id")] = None
    listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")] = None
    linked_thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None
    linked_order_id: Annotated[UUID | None, ForeignKey("orders.order_id")] = None
    linked_review_id: Annotated[UUID | None, ForeignKey("reviews.review_id")] = None
    occurred_at: CreatedAt
    folded_at: datetime | None = None


class TrustEvent(Row, table="trust_events"):
    """One component's step: what moved, by how much, why, and everything the rule read."""

    trust_event_id: Key
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    timestamp: CreatedAt
    reason: Annotated[TrustReason, pg_enum(TrustReason, "trust_reason")]
    delta_overall: float
    delta_product_satisfaction: float
    delta_claim_accuracy: float
    delta_support_responsiveness: float
    delta_policy_clarity: float
    linked_thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None
    linked_order_id: Annotated[UUID | None, ForeignKey("orders.order_id")] = None
    linked_review_id: Annotated[UUID | None, ForeignKey("reviews.review_id")] = None
    meta: Meta
    sequence: Big
    fold: Big
    fact_id: Annotated[UUID, ForeignKey("trust_facts.fact_id")]
    source_event_id: UUID
    component: Annotated[TrustComponent, pg_enum(TrustComponent, "trust_component")]
    delta_r: Big
    delta_s: Big
    formula_version: int
    inputs: Annotated[dict[str, Any], JSONB()]
    component_before_milli: int
    component_after_milli: int
    overall_before_milli: int
    overall_after_milli: int


class StoreUpdate(Row, table="store_updates"):
    """A patch note: what changed from what to what, and why."""

    store_update_id: Key
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    created_by_agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    update_type: str
    field_name: str | None = None
    old_value: str | None = None
    new_value: str | None = None
    reason: str
    created_at: CreatedAt
    linked_listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")] = None
    linked_product_id: Annotated[UUID | None, ForeignKey("products.product_id")] = None
    linked_thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None


class StoreStats(Row, table="store_stats"):
    """Counters a leaderboard reads, kept in the transactions they count."""

    store_id: Annotated[Key, ForeignKey("stores.store_id")]
    orders_placed: Big
    orders_delivered: Big
    orders_refunded: Big
    reviews_posted: Big
    rating_sum: Big
