"""Reads of stores for answers: a store with its trust and what happened to it lately, and the leaderboards."""

from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, Column, Integer, Select, Uuid, bindparam, select, tuple_

from db.market.tables import Store, StoreStats, StoreUpdate, TrustEvent, TrustProfile
from db.platform.database import Database
from db.platform.reading import LIMIT, Row
from db.platform.statements import Read
from domain.market.errors import STORE_NOT_FOUND
from domain.market.states import StoreStatus

_RECENT = 10
_STORE_ID = bindparam("store_id", type_=Uuid)
_STORE = Read(select(*Store.columns).where(Store.c.store_id == _STORE_ID))
_PROFILE = Read(
    select(
        TrustProfile.c.store_id,
        TrustProfile.c.overall_score,
        TrustProfile.c.product_satisfaction_score,
        TrustProfile.c.claim_accuracy_score,
        TrustProfile.c.support_responsiveness_score,
        TrustProfile.c.policy_clarity_score,
        TrustProfile.c.rank_milli,
        TrustProfile.c.rated,
        TrustProfile.c.evidence_r,
        TrustProfile.c.evidence_s,
        TrustProfile.c.policy_slots,
        TrustProfile.c.sequence,
        TrustProfile.c.last_updated_at,
        TrustProfile.c.decay_due_at,
    ).where(TrustProfile.c.store_id == _STORE_ID)
)
_UPDATES = Read(
    select(*StoreUpdate.columns)
    .where(StoreUpdate.c.store_id == _STORE_ID)
    .order_by(StoreUpdate.c.store_update_id.desc())
    .limit(LIMIT)
)
_TRUST_EVENTS = Read(
    select(
        TrustEvent.c.trust_event_id,
        TrustEvent.c.store_id,
        TrustEvent.c.sequence,
        TrustEvent.c.timestamp,
        TrustEvent.c.reason,
        TrustEvent.c.component,
        TrustEvent.c.source_event_id,
        TrustEvent.c.delta_r,
        TrustEvent.c.delta_s,
        TrustEvent.c.formula_version,
        TrustEvent.c.inputs,
        TrustEvent.c.delta_overall,
        TrustEvent.c.delta_product_satisfaction,
        TrustEvent.c.delta_claim_accuracy,
        TrustEvent.c.delta_support_responsiveness,
        TrustEvent.c.delta_policy_clarity,
        TrustEvent.c.component_before_milli,
        TrustEvent.c.component_after_milli,
        TrustEvent.c.overall_before_milli,
        TrustEvent.c.overall_after_milli,
        TrustEvent.c.linked_thread_id,
        TrustEvent.c.linked_order_id,
        TrustEvent.c.linked_review_id,
    )
    .where(TrustEvent.c.store_id == _STORE_ID)
    .order_by(TrustEvent.c.sequence.desc())
    .limit(LIMIT)
)


async def read_store(reads: Database, store_id: UUID) -> Row:
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
BOARDS: dict[Board, tuple[Column[Any], ...]] = {
    "trust": (TrustProfile.c.rated, TrustProfile.c.rank_milli),
    "sales": (StoreStats.c.orders_delivered,),
}
"""What ranks stores, the most first: rated ones by the lower Wilson bound of their score; orders delivered."""


def ranked(stores: Select[*tuple[Any, ...]], by: Board) -> Select[*tuple[Any, ...]]:
    """With their profile and counters, in the order of a leaderboard; without those that are closed."""
    query = stores.select_from(Store.table).join(TrustProfile.table, TrustProfile.c.store_id == Store.c.store_id)
    query = query.join(StoreStats.table, StoreStats.c.store_id == Store.c.store_id).where(
        Store.c.status != StoreStatus.CLOSED
    )
    return query.order_by(*(column.desc() for column in BOARDS[by]), Store.c.store_id)


@cache
def _board(by: Board, *, placed: bool) -> Read:
    shown = select(
        Store.c.store_id,
        Store.c.name,
        Store.c.tagline,
        TrustProfile.c.overall_score,
        TrustProfile.c.rank_milli,
        TrustProfile.c.rated,
        StoreStats.c.orders_placed,
        StoreStats.c.orders_delivered,
        StoreStats.c.orders_refunded,
        StoreStats.c.reviews_posted,
        StoreStats.c.rating_sum,
    )
    query = ranked(shown, by).limit(LIMIT)
    if placed:
        place = tuple_(*BOARDS[by])
        # A caller's cursor may hold a number that no column does.
        wide = {column.key: BigInteger() if isinstance(column.type, Integer) else column.type for column in BOARDS[by]}
        after = tuple_(*(bindparam(name, type_=kind) for name, kind in wide.items()))
        query = query.where((place < after) | ((place == after) & (Store.c.store_id > _STORE_ID)))
    return Read(query)


async def read_board(reads: Database, by: Board, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """Stores by a leaderboard; ``after`` is the last one's rank, as its board has it, and id."""
    names = (*(column.key for column in BOARDS[by]), "store_id")
    place = {} if after is None else dict(zip(names, after, strict=True))
    return await reads.rows(_board(by, placed=after is not None), limit=limit, **place)
