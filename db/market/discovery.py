"""Discovery: who is trusted, who sells, what is talked about, and full-text search."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market import search
from db.market.reads_catalog import ListingView, listing_query, listing_views
from db.market.reads_stores import Board, ranked
from db.market.search import Place
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
from domain.market.states import ActivityType, StoreStatus

RankedStore = tuple[Store, TrustProfile, StoreStats]


async def list_ranked(session: AsyncSession, by: Board, limit: int) -> list[RankedStore]:
    """The first stores of a leaderboard."""
    query = ranked(select(Store, TrustProfile, StoreStats), by).limit(limit)
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


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
        select(ActivityEvent.c.thread_id, messages)
        .where(ActivityEvent.c.type == ActivityType.MESSAGE_POSTED, ActivityEvent.c.created_at >= since)
        .group_by(ActivityEvent.c.thread_id)
        .order_by(messages.desc(), ActivityEvent.c.thread_id)
        .limit(limit)
        .subquery()
    )
    query = select(Thread, counted.c.messages).join(counted, counted.c.thread_id == Thread.c.thread_id)
    rows = await session.execute(query.order_by(counted.c.messages.desc(), Thread.c.thread_id))
    return [(row[0], row[1]) for row in rows]


async def _most_negotiated(session: AsyncSession, since: datetime, limit: int) -> list[tuple[ListingView, int]]:
    offers = func.count().label("offers")
    counted = (
        select(ActivityEvent.c.listing_id, offers)
        .where(ActivityEvent.c.type == ActivityType.OFFER_MADE, ActivityEvent.c.created_at >= since)
        .group_by(ActivityEvent.c.listing_id)
        .order_by(offers.desc(), ActivityEvent.c.listing_id)
        .limit(limit)
    )
    counts = {row[0]: row[1] for row in await session.execute(counted) if row[0] is not None}
    rows = list(await session.execute(listing_query().where(Listing.c.listing_id.in_(counts))))
    views = {view.listing.listing_id: view for view in await listing_views(session, rows)}
    return [(views[listing_id], number) for listing_id, number in counts.items()]


async def _fastest_rising(session: AsyncSession, since: datetime, limit: int) -> list[tuple[Store, int]]:
    gained = func.sum(TrustEvent.c.overall_after_milli - TrustEvent.c.overall_before_milli).label("gained")
    counted = (
        select(TrustEvent.c.store_id, gained)
        .where(TrustEvent.c.timestamp >= since)
        .group_by(TrustEvent.c.store_id)
        .having(gained > 0)
        .order_by(gained.desc(), TrustEvent.c.store_id)
        .limit(limit)
        .subquery()
    )
    query = select(Store, counted.c.gained).join(counted, counted.c.store_id == Store.c.store_id)
    rows = await session.execute(query.order_by(counted.c.gained.desc(), Store.c.store_id))
    return [(row[0], int(row[1])) for row in rows]


async def search_listings(
    session: AsyncSession, q: str, after: Place | None, limit: int
) -> list[tuple[ListingView, float]]:
    """Listings one can buy now, the most relevant first."""
    on_sale = listing_query().where(*search.ON_SALE)
    found = search.most_relevant(on_sale, Product.c.title, Listing.c.listing_id, placed=after is not None)
    rows = (await session.execute(found, search.values(q, after, limit))).all()
    views = await listing_views(session, [(row[0], row[1], row[2], row[3]) for row in rows])
    return [(view, row[4]) for view, row in zip(views, rows, strict=True)]


async def search_stores(session: AsyncSession, q: str, after: Place | None, limit: int) -> list[tuple[Store, float]]:
    """Stores that are open, the most relevant first."""
    are_open = select(Store).where(Store.c.status == StoreStatus.ACTIVE)
    found = search.most_relevant(are_open, Store.c.name, Store.c.store_id, placed=after is not None)
    return [(row[0], row[1]) for row in await session.execute(found, search.values(q, after, limit))]


async def search_threads(session: AsyncSession, q: str, after: Place | None, limit: int) -> list[tuple[Thread, float]]:
    """Threads by their titles, the most relevant first."""
    found = search.most_relevant(select(Thread), Thread.c.title, Thread.c.thread_id, placed=after is not None)
    return [(row[0], row[1]) for row in await session.execute(found, search.values(q, after, limit))]
