"""Reads of stores for answers: a store with its trust and what happened to it lately, and the leaderboards."""

from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, Uuid, bindparam, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from db.market.tables import Store, StoreStats, StoreUpdate, TrustEvent, TrustProfile
from db.platform.reading import LIMIT, Reads, Row
from db.platform.statements import Read
from domain.market.errors import STORE_NOT_FOUND
from domain.market.states import StoreStatus

_RECENT = 10
_STORE_ID = bindparam("store_id", type_=Uuid)
_STORE = Read(
    select(
        Store.store_id,
        Store.owner_merchant_id,
        Store.name,
        Store.tagline,
        Store.brand_voice,
        Store.return_policy_text,
        Store.shipping_policy_text,
        Store.status,
        Store.hero_only,
        Store.created_at,
        Store.updated_at,
    ).where(Store.store_id == _STORE_ID)
)
_PROFILE = Read(
    select(
        TrustProfile.store_id,
        TrustProfile.overall_score,
        TrustProfile.product_satisfaction_score,
        TrustProfile.claim_accuracy_score,
        TrustProfile.support_responsiveness_score,
        TrustProfile.policy_clarity_score,
        TrustProfile.rank_milli,
        TrustProfile.rated,
        TrustProfile.evidence_r,
        TrustProfile.evidence_s,
        TrustProfile.policy_slots,
        TrustProfile.sequence,
        TrustProfile.last_updated_at,
        TrustProfile.decay_due_at,
    ).where(TrustProfile.store_id == _STORE_ID)
)
_UPDATES = Read(
    select(
        StoreUpdate.store_update_id,
        StoreUpdate.store_id,
        StoreUpdate.created_by_agent_id,
        StoreUpdate.update_type,
        StoreUpdate.field_name,
        StoreUpdate.old_value,
        StoreUpdate.new_value,
        StoreUpdate.reason,
        StoreUpdate.created_at,
        StoreUpdate.linked_listing_id,
        StoreUpdate.linked_product_id,
        StoreUpdate.linked_thread_id,
    )
    .where(StoreUpdate.store_id == _STORE_ID)
    .order_by(StoreUpdate.store_update_id.desc())
    .limit(LIMIT)
)
_TRUST_EVENTS = Read(
    select(
        TrustEvent.trust_event_id,
        TrustEvent.store_id,
        TrustEvent.sequence,
        TrustEvent.timestamp,
        TrustEvent.reason,
        TrustEvent.component,
        TrustEvent.source_event_id,
        TrustEvent.delta_r,
        TrustEvent.delta_s,
        TrustEvent.formula_version,
        TrustEvent.inputs,
        TrustEvent.delta_overall,
        TrustEvent.delta_product_satisfaction,
        TrustEvent.delta_claim_accuracy,
        TrustEvent.delta_support_responsiveness,
        TrustEvent.delta_policy_clarity,
        TrustEvent.component_before_milli,
        TrustEvent.component_after_milli,
        TrustEvent.overall_before_milli,
        TrustEvent.overall_after_milli,
        TrustEvent.linked_thread_id,
        TrustEvent.linked_order_id,
        TrustEvent.linked_review_id,
    )
    .where(TrustEvent.store_id == _STORE_ID)
    .order_by(TrustEvent.sequence.desc())
    .limit(LIMIT)
)


async def read_store(reads: Reads, store_id: UUID) -> Row:
    """A store with its profile as ``trust``, its newest ``recent_updates`` and ``recent_trust_events``.

    Raises store.not_found.
    """
    which: dict[str, Any] = {"store_id": store_id}
    newest = {**which, "limit": _RECENT}
    stores, profiles, updates, events = await reads.together(
        (_STORE, which), (_PROFILE, which), (_UPDATES, newest), (_TRUST_EVENTS, newest)
    )
    if not stores:
        raise STORE_NOT_FOUND.error()
    return {**stores[0], "trust": profiles[0], "recent_updates": updates, "recent_trust_events": events}


Board = Literal["trust", "sales"]
BOARDS: dict[Board, tuple[InstrumentedAttribute[Any], ...]] = {
    "trust": (TrustProfile.rated, TrustProfile.rank_milli),
    "sales": (StoreStats.orders_delivered,),
}
"""What ranks stores, the most first: rated ones by the lower Wilson bound of their score; orders delivered."""


def ranked(stores: Select[*tuple[Any, ...]], by: Board) -> Select[*tuple[Any, ...]]:
    """With their profile and counters, in the order of a leaderboard; without those that are closed."""
    query = stores.join(TrustProfile, TrustProfile.store_id == Store.store_id)
    query = query.join(StoreStats, StoreStats.store_id == Store.store_id).where(Store.status != StoreStatus.CLOSED)
    return query.order_by(*(column.desc() for column in BOARDS[by]), Store.store_id)


@cache
def _board(by: Board, *, placed: bool) -> Read:
    shown = select(
        Store.store_id,
        Store.name,
        Store.tagline,
        TrustProfile.overall_score,
        TrustProfile.rank_milli,
        TrustProfile.rated,
        StoreStats.orders_placed,
        StoreStats.orders_delivered,
        StoreStats.orders_refunded,
        StoreStats.reviews_posted,
        StoreStats.rating_sum,
    )
    query = ranked(shown, by).limit(LIMIT)
    if placed:
        place = tuple_(*BOARDS[by])
        # A caller's cursor may hold a number that no column does.
        wide = {column.key: BigInteger() if isinstance(column.type, Integer) else column.type for column in BOARDS[by]}
        after = tuple_(*(bindparam(name, type_=kind) for name, kind in wide.items()))
        query = query.where((place < after) | ((place == after) & (Store.store_id > _STORE_ID)))
    return Read(query)


async def read_board(reads: Reads, by: Board, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """Stores by a leaderboard; ``after`` is the last one's rank, as its board has it, and id."""
    names = (*(column.key for column in BOARDS[by]), "store_id")
    place = {} if after is None else dict(zip(names, after, strict=True))
    return await reads.rows(_board(by, placed=after is not None), limit=limit, **place)
