"""Discovery: who is trusted, who sells, what is talked about, and full-text search."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.reads_catalog import ListingView, listing_query, listing_views, matches, relevance
from db.market.tables import (
    ActivityEvent,
    Listing,
    Product,
    Store,
    StoreStats,
    Thread,
    TrustEvent,
    TrustProfile,
)
from domain.market.states import ActivityType, ListingStatus, StoreStatus

RankedStore = tuple[Store, TrustProfile, StoreStats]
Place = tuple[float, UUID]
"""Where a search goes on: relevance and id of the last hit."""


def _ranked() -> Select[Store, TrustProfile, StoreStats]:
    return (
        select(Store, TrustProfile, StoreStats)
        .join(TrustProfile, TrustProfile.store_id == Store.store_id)
        .join(StoreStats, StoreStats.store_id == Store.store_id)
        .where(Store.status != StoreStatus.CLOSED)
    )


async def list_by_trust(session: AsyncSession, limit: int) -> list[RankedStore]:
    """Rated stores first, by the lower Wilson bound of their score."""
    query = _ranked().order_by(TrustProfile.rated.desc(), TrustProfile.rank_milli.desc(), Store.store_id)
    return [(row[0], row[1], row[2]) for row in await session.execute(query.limit(limit))]


async def list_by_sales(session: AsyncSession, limit: int) -> list[RankedStore]:
    """Most orders delivered first."""
    query = _ranked().order_by(StoreStats.orders_delivered.desc(), Store.store_id)
    return [(row[0], row[1], row[2]) for row in await session.execute(query.limit(limit))]


@dataclass(frozen=True, slots=True)
class Spotlight:
    """Counts of a recent while: messages per thread, offers per listing, milli-points gained per store."""

    discussed: list[tuple[Thread, int]]
    negotiated: list[tuple[ListingView, int]]
    rising: list[tuple[Store, int]]


async def get_spotlight(session: AsyncSession, since: datetime, limit: int) -> Spotlight:
    return Spotlight(
        await _most_discussed(session, since, limit),
        await _most_negotiated(session, since, limit),
        await _fastest_rising(session, since, limit),
    )


async def _most_discussed(session: AsyncSession, since: datetime, limit: int) -> list[tuple[Thread, int]]:
    messages = func.count().label("messages")
    counted = (
        select(ActivityEvent.thread_id, messages)
        .where(ActivityEvent.type == ActivityType.MESSAGE_POSTED, ActivityEvent.created_at >= since)
        .group_by(ActivityEvent.thread_id)
        .order_by(messages.desc(), ActivityEvent.thread_id)
        .limit(limit)
        .subquery()
    )
    query = select(Thread, counted.c.messages).join(counted, counted.c.thread_id == Thread.thread_id)
    rows = await session.execute(query.order_by(counted.c.messages.desc(), Thread.thread_id))
    return [(row[0], row[1]) for row in rows]


async def _most_negotiated(session: AsyncSession, since: datetime, limit: int) -> list[tuple[ListingView, int]]:
    offers = func.count().label("offers")
    counted = (
        select(ActivityEvent.listing_id, offers)
        .where(ActivityEvent.type == ActivityType.OFFER_MADE, ActivityEvent.created_at >= since)
        .group_by(ActivityEvent.listing_id)
        .order_by(offers.desc(), ActivityEvent.listing_id)
        .limit(limit)
    )
    counts = {row[0]: row[1] for row in await session.execute(counted) if row[0] is not None}
    rows = list(await session.execute(listing_query().where(Listing.listing_id.in_(counts))))
    views = {view.listing.listing_id: view for view in await listing_views(session, rows)}
    return [(views[listing_id], number) for listing_id, number in counts.items()]


async def _fastest_rising(session: AsyncSession, since: datetime, limit: int) -> list[tuple[Store, int]]:
    gained = func.sum(TrustEvent.overall_after_milli - TrustEvent.overall_before_milli).label("gained")
    counted = (
        select(TrustEvent.store_id, gained)
        .where(TrustEvent.timestamp >= since)
        .group_by(TrustEvent.store_id)
        .having(gained > 0)
        .order_by(gained.desc(), TrustEvent.store_id)
        .limit(limit)
        .subquery()
    )
    query = select(Store, counted.c.gained).join(counted, counted.c.store_id == Store.store_id)
    rows = await session.execute(query.order_by(counted.c.gained.desc(), Store.store_id))
    return [(row[0], int(row[1])) for row in rows]


async def search_listings(
    session: AsyncSession, q: str, after: Place | None, limit: int
) -> list[tuple[ListingView, float]]:
    """Listings one can buy now, the most relevant first."""
    rank = relevance("products")
    query = (
        listing_query()
        .add_columns(rank)
        .where(
            matches("products", Product.title.expression),
            Listing.status == ListingStatus.ACTIVE,
            Store.status == StoreStatus.ACTIVE,
        )
        .order_by(rank.desc(), Listing.listing_id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(rank, Listing.listing_id) < tuple_(*after))
    rows = list(await session.execute(query, {"q": q}))
    views = await listing_views(session, [(row[0], row[1], row[2], row[3]) for row in rows])
    return [(view, row[4]) for view, row in zip(views, rows, strict=True)]


async def search_stores(session: AsyncSession, q: str, after: Place | None, limit: int) -> list[tuple[Store, float]]:
    """Stores that are open, the most relevant first."""
    rank = relevance("stores")
    query = (
        select(Store, rank)
        .where(matches("stores", Store.name.expression), Store.status == StoreStatus.ACTIVE)
        .order_by(rank.desc(), Store.store_id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(rank, Store.store_id) < tuple_(*after))
    return [(row[0], row[1]) for row in await session.execute(query, {"q": q})]


async def search_threads(session: AsyncSession, q: str, after: Place | None, limit: int) -> list[tuple[Thread, float]]:
    """Threads by their titles, the most relevant first."""
    rank = relevance("threads")
    query = (
        select(Thread, rank)
        .where(matches("threads", Thread.title.expression))
        .order_by(rank.desc(), Thread.thread_id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(rank, Thread.thread_id) < tuple_(*after))
    return [(row[0], row[1]) for row in await session.execute(query, {"q": q})]
