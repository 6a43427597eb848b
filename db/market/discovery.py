"""Discovery: who is trusted, who sells, what is talked about, and full-text search."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Select, Subquery, bindparam, func, select

from db.market import search
from db.market.reads_catalog import LISTING, ListingView, listing_query, listing_views
from db.market.reads_stores import Board, ranked
from db.market.search import Place
from db.market.tables import ActivityEvent, Listing, Product, Store, StoreStats, Thread, TrustEvent, TrustProfile
from db.platform.reading import LIMIT
from db.platform.statements import Query, among
from db.platform.transactions import Transaction
from domain.market.states import ActivityType, StoreStatus

RankedStore = tuple[Store, TrustProfile, StoreStats]
_SINCE = bindparam("since", type_=DateTime(timezone=True))


@cache
def _ranked(by: Board) -> Query[RankedStore]:
    shown = select(*Store.columns, *TrustProfile.columns, *StoreStats.columns)
    return Query(ranked(shown, by).limit(LIMIT), Store, TrustProfile, StoreStats)


async def list_ranked(transaction: Transaction, by: Board, limit: int) -> list[RankedStore]:
    """The first stores of a leaderboard."""
    return await transaction.rows(_ranked(by), limit=limit)


@dataclass(frozen=True, slots=True)
class Spotlight:
    """Counts of a recent while: messages per thread, offers per listing, milli-points gained per store."""

    discussed: list[tuple[Thread, int]]
    negotiated: list[tuple[ListingView, int]]
    rising: list[tuple[Store, int]]


def _counted(key: Column[Any], type: ActivityType) -> Subquery:
    number = func.count().label("number")
    return (
        select(key, number)
        .where(ActivityEvent.c.type == type, ActivityEvent.c.created_at >= _SINCE, key.is_not(None))
        .group_by(key)
        .order_by(number.desc(), key)
        .limit(LIMIT)
        .subquery()
    )


def _discussed() -> Select[*tuple[Any, ...]]:
    counted = _counted(ActivityEvent.c.thread_id, ActivityType.MESSAGE_POSTED)
    return (
        select(*Thread.columns, counted.c.number)
        .join(counted, counted.c.thread_id == Thread.c.thread_id)
        .order_by(counted.c.number.desc(), Thread.c.thread_id)
    )


def _rising() -> Select[*tuple[Any, ...]]:
    gained = func.sum(TrustEvent.c.overall_after_milli - TrustEvent.c.overall_before_milli).label("gained")
    counted = (
        select(TrustEvent.c.store_id, gained)
        .where(TrustEvent.c.timestamp >= _SINCE)
        .group_by(TrustEvent.c.store_id)
        .having(gained > 0)
        .order_by(gained.desc(), TrustEvent.c.store_id)
        .limit(LIMIT)
        .subquery()
    )
    return (
        select(*Store.columns, counted.c.gained)
        .join(counted, counted.c.store_id == Store.c.store_id)
        .order_by(counted.c.gained.desc(), Store.c.store_id)
    )


_DISCUSSED, _RISING = Query(_discussed(), Thread, int), Query(_rising(), Store, int)
_negotiated = _counted(ActivityEvent.c.listing_id, ActivityType.OFFER_MADE)
_NEGOTIATED = Query(select(_negotiated).order_by(_negotiated.c.number.desc(), _negotiated.c.listing_id), UUID, int)
_NAMED = Query(listing_query().where(among(Listing.c.listing_id, "listing_ids")), *LISTING)


async def get_spotlight(transaction: Transaction, since: datetime, limit: int) -> Spotlight:
    counts = dict(await transaction.rows(_NEGOTIATED, since=since, limit=limit))
    rows = await transaction.rows(_NAMED, listing_ids=list(counts))
    views = {view.listing.listing_id: view for view in await listing_views(transaction, rows)}
    return Spotlight(
        await transaction.rows(_DISCUSSED, since=since, limit=limit),
        [(views[listing_id], number) for listing_id, number in counts.items()],
        await transaction.rows(_RISING, since=since, limit=limit),
    )


@cache
def _listing_hits(*, placed: bool) -> Query[tuple[Listing, str, str, str, float]]:
    on_sale = listing_query().where(*search.ON_SALE)
    found = search.most_relevant(on_sale, Product.c.title, Listing.c.listing_id, placed=placed)
    return Query(found, *LISTING, float)


@cache
def _store_hits(*, placed: bool) -> Query[tuple[Store, float]]:
    are_open = select(*Store.columns).where(Store.c.status == StoreStatus.ACTIVE)
    return Query(search.most_relevant(are_open, Store.c.name, Store.c.store_id, placed=placed), Store, float)


@cache
def _thread_hits(*, placed: bool) -> Query[tuple[Thread, float]]:
    threads = select(*Thread.columns)
    return Query(search.most_relevant(threads, Thread.c.title, Thread.c.thread_id, placed=placed), Thread, float)


async def search_listings(
    transaction: Transaction, q: str, after: Place | None, limit: int
) -> list[tuple[ListingView, float]]:
    """Listings one can buy now, the most relevant first."""
    rows = await transaction.rows(_listing_hits(placed=after is not None), **search.values(q, after, limit))
    views = await listing_views(transaction, [row[:4] for row in rows])
    return [(view, row[4]) for view, row in zip(views, rows, strict=True)]


async def search_stores(transaction: Transaction, q: str, after: Place | None, limit: int) -> list[tuple[Store, float]]:
    """Stores that are open, the most relevant first."""
    return await transaction.rows(_store_hits(placed=after is not None), **search.values(q, after, limit))


async def search_threads(
    transaction: Transaction, q: str, after: Place | None, limit: int
) -> list[tuple[Thread, float]]:
    """Threads by their titles, the most relevant first."""
    return await transaction.rows(_thread_hits(placed=after is not None), **search.values(q, after, limit))
