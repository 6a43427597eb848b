"""Trust: facts as they happened, events as they were folded, profiles as the sum; and the public patch notes.

Evidence is in units of 1/1000, scores in milli-points; the seed's float columns are milli-points / 1000.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Identity
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, Big, CreatedAt, Key, Meta, pg_enum
from domain.market.trust import TrustComponent, TrustReason


class TrustProfile(Base):
    __tablename__ = "trust_profiles"
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"), primary_key=True)
    overall_score: Mapped[float] = mapped_column(Double)
    product_satisfaction_score: Mapped[float] = mapped_column(Double)
    claim_accuracy_score: Mapped[float] = mapped_column(Double)
    support_responsiveness_score: Mapped[float] = mapped_column(Double)
    policy_clarity_score: Mapped[float] = mapped_column(Double)
    last_updated_at: Mapped[CreatedAt]
    evidence_r: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    evidence_s: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    policy_slots: Mapped[Meta]
    generation: Mapped[int]
    sequence: Mapped[Big]
    folds: Mapped[Big]
    rank_milli: Mapped[int]
    rated: Mapped[bool]
    decay_due_at: Mapped[datetime]


class TrustFact(Base):
    """Something that happened and bears on trust, written in the transaction in which it happened."""

    __tablename__ = "trust_facts"
    fact_id: Mapped[Key]
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    source_event_id: Mapped[UUID]
    reason: Mapped[TrustReason] = mapped_column(pg_enum(TrustReason, "trust_reason"))
    inputs: Mapped[Meta]
    subject_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.agent_id"))
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    linked_thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))
    linked_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    linked_review_id: Mapped[UUID | None] = mapped_column(ForeignKey("reviews.review_id"))
    occurred_at: Mapped[CreatedAt]
    folded_at: Mapped[datetime | None]


class TrustEvent(Base):
    """One component's step: what moved, by how much, why, and everything the rule read."""

    __tablename__ = "trust_events"
    trust_event_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    timestamp: Mapped[CreatedAt]
    reason: Mapped[TrustReason] = mapped_column(pg_enum(TrustReason, "trust_reason"))
    delta_overall: Mapped[float] = mapped_column(Double)
    delta_product_satisfaction: Mapped[float] = mapped_column(Double)
    delta_claim_accuracy: Mapped[float] = mapped_column(Double)
    delta_support_responsiveness: Mapped[float] = mapped_column(Double)
    delta_policy_clarity: Mapped[float] = mapped_column(Double)
    linked_thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))
    linked_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    linked_review_id: Mapped[UUID | None] = mapped_column(ForeignKey("reviews.review_id"))
    meta: Mapped[Meta]
    sequence: Mapped[Big]
    fold: Mapped[Big]
    fact_id: Mapped[UUID] = mapped_column(ForeignKey("trust_facts.fact_id"))
    source_event_id: Mapped[UUID]
    component: Mapped[TrustComponent] = mapped_column(pg_enum(TrustComponent, "trust_component"))
    delta_r: Mapped[Big]
    delta_s: Mapped[Big]
    formula_version: Mapped[int]
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    component_before_milli: Mapped[int]
    component_after_milli: Mapped[int]
    overall_before_milli: Mapped[int]
    overall_after_milli: Mapped[int]


class StoreUpdate(Base):
    """A patch note: what changed from what to what, and why."""

    __tablename__ = "store_updates"
    store_update_id: Mapped[Key]
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    created_by_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    update_type: Mapped[str]
    field_name: Mapped[str | None]
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
    linked_listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    linked_product_id: Mapped[UUID | None] = mapped_column(ForeignKey("products.product_id"))
    linked_thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))


class StoreStats(Base):
    """Counters a leaderboard reads, kept in the transactions they count."""

    __tablename__ = "store_stats"
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"), primary_key=True)
    orders_placed: Mapped[Big]
    orders_delivered: Mapped[Big]
    orders_refunded: Mapped[Big]
    reviews_posted: Mapped[Big]
    rating_sum: Mapped[Big]
