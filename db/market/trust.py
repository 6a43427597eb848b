"""Trust facts, written where they happen, and the profile's evidence in the rules' terms."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import new_id
from db.market.tables import StoreStats, SupportQuestion, TrustFact, TrustProfile
from domain.market.trust import (
    Evidence,
    PolicyField,
    PolicySlot,
    TrustComponent,
    TrustReason,
    TrustState,
    component_score,
    is_rated,
    overall_score,
    rank_score,
)

COMPONENTS = (TrustComponent.PRODUCT, TrustComponent.CLAIM, TrustComponent.SUPPORT, TrustComponent.POLICY)


async def insert_fact(
    session: AsyncSession,
    *,
    store_id: UUID,
    source_event_id: UUID,
    reason: TrustReason,
    inputs: dict[str, Any],
    occurred_at: datetime,
    subject_agent_id: UUID | None = None,
    listing_id: UUID | None = None,
    linked_thread_id: UUID | None = None,
    linked_order_id: UUID | None = None,
    linked_review_id: UUID | None = None,
) -> None:
    """Write a fact once per source event and reason.

    ``inputs`` are what is known now; what depends on the order of folding (how many earlier ones of the same
    subject, whether a penalty is recent) is added by the fold, under the profile's lock.
    """
    await session.execute(
        insert(TrustFact)
        .values(
            fact_id=new_id(),
            store_id=store_id,
            source_event_id=source_event_id,
            reason=reason,
            inputs=inputs,
            subject_agent_id=subject_agent_id,
            listing_id=listing_id,
            linked_thread_id=linked_thread_id,
            linked_order_id=linked_order_id,
            linked_review_id=linked_review_id,
            occurred_at=occurred_at,
        )
        .on_conflict_do_nothing(index_elements=["source_event_id", "reason"])
    )


def state_of(profile: TrustProfile) -> TrustState:
    return TrustState(
        evidence={
            component: Evidence(r, s)
            for component, r, s in zip(COMPONENTS, profile.evidence_r, profile.evidence_s, strict=True)
        },
        generation=profile.generation,
        policy_slots={
            PolicyField(field): PolicySlot(slot["r"], slot["s"], slot["generation"])
            for field, slot in profile.policy_slots.items()
        },
    )


def write_state(profile: TrustProfile, state: TrustState, now: datetime) -> None:
    """Put the state and the scores that follow from it into the profile. Floats are milli-points / 1000."""
    scores = {component: component_score(state.evidence[component]) / 1000 for component in COMPONENTS}
    profile.evidence_r = [state.evidence[component].r for component in COMPONENTS]
    profile.evidence_s = [state.evidence[component].s for component in COMPONENTS]
    profile.policy_slots = {
        str(field): {"r": slot.r, "s": slot.s, "generation": slot.generation}
        for field, slot in state.policy_slots.items()
    }
    profile.generation = state.generation
    profile.overall_score = overall_score(state) / 1000
    profile.product_satisfaction_score = scores[TrustComponent.PRODUCT]
    profile.claim_accuracy_score = scores[TrustComponent.CLAIM]
    profile.support_responsiveness_score = scores[TrustComponent.SUPPORT]
    profile.policy_clarity_score = scores[TrustComponent.POLICY]
    profile.rank_milli = rank_score(state)
    profile.rated = is_rated(state)
    profile.last_updated_at = now


def insert_profile(session: AsyncSession, store_id: UUID, now: datetime, decay_due_at: datetime) -> None:
    """A new store's profile, at the prior, and its zeroed counters."""
    profile = TrustProfile(store_id=store_id, sequence=0, folds=0, decay_due_at=decay_due_at)
    write_state(profile, TrustState.genesis(), now)
    session.add(profile)
    session.add(
        StoreStats(
            store_id=store_id,
            orders_placed=0,
            orders_delivered=0,
            orders_refunded=0,
            reviews_posted=0,
            rating_sum=0,
        )
    )


async def list_pending_facts(session: AsyncSession, store_id: UUID, limit: int) -> list[TrustFact]:
    query = (
        select(TrustFact)
        .where(TrustFact.store_id == store_id, TrustFact.folded_at.is_(None))
        .order_by(TrustFact.position)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def count_folded(
    session: AsyncSession, store_id: UUID, reasons: tuple[TrustReason, ...], subject_agent_id: UUID | None
) -> int:
    """How many facts of these reasons about this agent were folded before."""
    query = (
        select(func.count())
        .select_from(TrustFact)
        .where(
            TrustFact.store_id == store_id,
            TrustFact.reason.in_(reasons),
            TrustFact.subject_agent_id == subject_agent_id,
            TrustFact.folded_at.is_not(None),
        )
    )
    return await session.scalar(query) or 0


async def next_reply_date(session: AsyncSession, store_id: UUID) -> datetime | None:
    """When the next open question is to be reminded of, or missed."""
    return await session.scalar(
        select(func.min(func.coalesce(SupportQuestion.remind_at, SupportQuestion.due_at))).where(
            SupportQuestion.store_id == store_id,
            SupportQuestion.answered_at.is_(None),
            SupportQuestion.missed_at.is_(None),
        )
    )


async def list_due_questions(session: AsyncSession, store_id: UUID, now: datetime) -> list[SupportQuestion]:
    """Open questions whose deadline or reminder has come, locked."""
    query = (
        select(SupportQuestion)
        .where(
            SupportQuestion.store_id == store_id,
            func.coalesce(SupportQuestion.remind_at, SupportQuestion.due_at) <= now,
            SupportQuestion.answered_at.is_(None),
            SupportQuestion.missed_at.is_(None),
        )
        .order_by(SupportQuestion.due_at)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(query))


async def list_stores_needing_fold(session: AsyncSession, limit: int) -> list[UUID]:
    """Stores with a fact nobody folded, a question or its reminder overdue, a decay due: what the sweep nudges."""
    now = func.clock_timestamp()
    grace = func.make_interval(0, 0, 0, 0, 0, 0, 5)
    pending = select(TrustFact.store_id).where(TrustFact.folded_at.is_(None), TrustFact.occurred_at < now - grace)
    missed = select(SupportQuestion.store_id).where(
        func.coalesce(SupportQuestion.remind_at, SupportQuestion.due_at) < now - grace,
        SupportQuestion.answered_at.is_(None),
        SupportQuestion.missed_at.is_(None),
    )
    decaying = select(TrustProfile.store_id).where(TrustProfile.decay_due_at < now - grace)
    return list(await session.scalars(pending.union(missed, decaying).limit(limit)))
