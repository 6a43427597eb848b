"""Trust facts, written where they happen, and the profile's evidence in the rules' terms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Integer,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import array

from db.market.tables import Store, StoreStats, SupportQuestion, TrustEvent, TrustFact, TrustProfile
from db.platform import writes
from db.platform.ids import new_id
from db.platform.statements import Columns, Query, maybe
from db.platform.transactions import Transaction, Unit
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

QUESTION_REASONS = frozenset({TrustReason.MERCHANT_REPLIED_IN_THREAD, TrustReason.REPLY_MISSED})
"""A question is answered or missed: both count as the same customer's."""
COMPONENTS = (TrustComponent.PRODUCT, TrustComponent.CLAIM, TrustComponent.SUPPORT, TrustComponent.POLICY)


def any_of(*reasons: TrustReason) -> ColumnElement[Any]:
    """A list of reasons in a statement, for ``any_``: so it is looked up in an index."""
    return cast(array(sorted(reasons)), ARRAY(TrustFact.c.reason.type))


def insert_fact(
    unit: Unit,
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
    writes.insert(
        unit,
        TrustFact,
        once=True,
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


def state_values(state: TrustState, now: datetime) -> dict[str, Any]:
    """The state and the scores that follow from it, as a profile's columns. Floats are milli-points / 1000."""
    scores = {component: component_score(state.evidence[component]) / 1000 for component in COMPONENTS}
    slots = {
        str(field): {"r": slot.r, "s": slot.s, "generation": slot.generation}
        for field, slot in state.policy_slots.items()
    }
    return {
        "evidence_r": [state.evidence[component].r for component in COMPONENTS],
        "evidence_s": [state.evidence[component].s for component in COMPONENTS],
        "policy_slots": slots,
        "generation": state.generation,
        "overall_score": overall_score(state) / 1000,
        "product_satisfaction_score": scores[TrustComponent.PRODUCT],
        "claim_accuracy_score": scores[TrustComponent.CLAIM],
        "support_responsiveness_score": scores[TrustComponent.SUPPORT],
        "policy_clarity_score": scores[TrustComponent.POLICY],
        "rank_milli": rank_score(state),
        "rated": is_rated(state),
        "last_updated_at": now,
    }


def insert_profile(unit: Unit, store_id: UUID, now: datetime, decay_due_at: datetime) -> None:
    """A new store's profile, at the prior, and its zeroed counters."""
    writes.insert(
        unit,
        TrustProfile,
        store_id=store_id,
        sequence=0,
        folds=0,
        decay_due_at=decay_due_at,
        **state_values(TrustState.genesis(), now),
    )
    writes.insert(
        unit,
        StoreStats,
        store_id=store_id,
        orders_placed=0,
        orders_delivered=0,
        orders_refunded=0,
        reviews_posted=0,
        rating_sum=0,
    )


_STORE = bindparam("store_id", type_=Uuid())
_store, _fact, _folded = Store.table, TrustFact.table, TrustFact.table.alias("folded")
_question = SupportQuestion.table
_question_reasons = any_of(*QUESTION_REASONS)
_about_challenges = _folded.c.inputs.has_key("resolves_challenge") == _fact.c.inputs.has_key("resolves_challenge")
_counted_with = case((_fact.c.reason == any_(_question_reasons), _question_reasons), else_=array([_fact.c.reason]))
_EARLIER = (
    select(func.count())
    .select_from(_folded)
    .where(
        _folded.c.store_id == _STORE,
        # A list, and not OR: so it is looked up in the index.
        _folded.c.reason == any_(_counted_with),
        _folded.c.subject_agent_id == _fact.c.subject_agent_id,
        _folded.c.folded_at.is_not(None),
        # What praises and what blames an edit of copy is counted apart.
        _about_challenges,
    )
    .correlate(_fact)
    .scalar_subquery()
)
_NEXT_REPLY = (
    select(func.min(func.coalesce(_question.c.remind_at, _question.c.due_at)))
    .where(_question.c.store_id == _STORE, _question.c.answered_at.is_(None), _question.c.missed_at.is_(None))
    .scalar_subquery()
)
_WITH_EARLIER = any_of(
    TrustReason.REVIEW_POSTED,
    TrustReason.OFFER_HONORED,
    TrustReason.OFFER_BROKEN,
    TrustReason.PRODUCT_COPY_UPDATED,
    *QUESTION_REASONS,
)
_event = TrustEvent.table
# In the words of its index.
_UNPAID = (
    select(func.count(_event.c.fact_id.distinct()))
    .where(_event.c.store_id == _STORE, literal_column("trust_events.inputs -> 'paid' = 'false'::jsonb"))
    .scalar_subquery()
)
_FOLDING = Query(
    select(
        *TrustFact.columns,
        func.clock_timestamp().label("now"),
        _store.c.owner_merchant_id,
        _NEXT_REPLY.label("next_reply"),
        case((_fact.c.reason == any_(_WITH_EARLIER), _EARLIER), else_=0).label("earlier"),
        _UNPAID.label("unpaid"),
    )
    .select_from(_store.outerjoin(_fact, (_fact.c.store_id == _STORE) & _fact.c.folded_at.is_(None)))
    .where(_store.c.store_id == _STORE)
    .order_by(_fact.c.position)
    .limit(bindparam("most", type_=Integer())),
    maybe(TrustFact),
    Columns,
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A fact that waits, and how many of its kind about the same agent were folded before: zero where none counts."""

    fact: TrustFact
    earlier: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a fold reads under its lock. ``next_reply``: when an open question is next reminded of or missed.

    ``unpaid``: facts of the store that weighed something although nothing was paid.
    """

    now: datetime
    owner_id: UUID
    next_reply: datetime | None
    pending: list[Pending]
    unpaid: int


async def read_fold(transaction: Transaction, store_id: UUID, most: int) -> Reading:
    """The clock, and the oldest facts that wait, at most ``most``, with all that their rules count."""
    rows = await transaction.rows(_FOLDING, store_id=store_id, most=most)
    pending = [Pending(fact, row.earlier) for fact, row in rows if fact is not None]
    _, first = rows[0]
    return Reading(first.now, first.owner_merchant_id, first.next_reply, pending, first.unpaid)


def _needing_fold() -> CompoundSelect[UUID]:
    late = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    pending = select(TrustFact.c.store_id).where(TrustFact.c.folded_at.is_(None), TrustFact.c.occurred_at < late)
    missed = select(SupportQuestion.c.store_id).where(
        func.coalesce(SupportQuestion.c.remind_at, SupportQuestion.c.due_at) < late,
        SupportQuestion.c.answered_at.is_(None),
        SupportQuestion.c.missed_at.is_(None),
    )
    decaying = select(TrustProfile.c.store_id).where(TrustProfile.c.decay_due_at < late)
    return pending.union(missed, decaying).limit(bindparam("limit"))


_NEEDING_FOLD = Query(_needing_fold(), UUID)


async def list_stores_needing_fold(transaction: Transaction, limit: int) -> list[UUID]:
    """Stores with a fact nobody folded, a question or its reminder overdue, a decay due: what the sweep nudges."""
    return await transaction.rows(_NEEDING_FOLD, limit=limit)
