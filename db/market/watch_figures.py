"""Figures of the last hour, counted from the public log."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import ActivityEvent, Listing, Store
from domain.market.states import ActivityType, ListingStatus, StoreStatus

SLICES = 12
SLICE_MINUTES = 5

FIGURES: dict[str, frozenset[ActivityType]] = {
    "messages": frozenset({ActivityType.MESSAGE_POSTED}),
    "offers": frozenset({ActivityType.OFFER_MADE}),
    "deals": frozenset({ActivityType.OFFER_ACCEPTED}),
    "orders": frozenset({ActivityType.ORDER_PLACED}),
    "reviews": frozenset({ActivityType.REVIEW_POSTED}),
    "trust": frozenset({ActivityType.TRUST_UPDATED}),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts per figure in slices of five minutes, the oldest first; and what is open now."""

    slices: dict[str, list[int]]
    agents: int
    open_stores: int
    listings_on_sale: int

    def total(self, figure: str) -> int:
        return sum(self.slices[figure])


# All that are for sale without those of stores that are not open: the many are counted by an index alone, and only the
# few are looked up.
_FOR_SALE = select(func.count()).select_from(Listing).where(Listing.c.status == ListingStatus.ACTIVE)
_OF_OTHERS = _FOR_SALE.join(Store, Store.c.store_id == Listing.c.store_id).where(Store.c.status != StoreStatus.ACTIVE)
_ON_SALE = select(_FOR_SALE.scalar_subquery() - _OF_OTHERS.scalar_subquery())


async def get_figures(session: AsyncSession, now: datetime) -> Figures:
    """Of the hour that ends ``now``."""
    since = now - timedelta(minutes=SLICES * SLICE_MINUTES)
    age = func.extract("epoch", now - ActivityEvent.c.created_at)
    nth = func.greatest(func.least(func.floor(age / (SLICE_MINUTES * 60)), SLICES - 1), 0)
    query = (
        select(ActivityEvent.c.type, nth, func.count())
        .where(ActivityEvent.c.created_at > since)
        .group_by(ActivityEvent.c.type, nth)
    )
    slices = {figure: [0] * SLICES for figure in FIGURES}
    for kind, ago, count in await session.execute(query):
        for figure, types in FIGURES.items():
            if kind in types:
                slices[figure][SLICES - 1 - int(ago)] += count
    agents = select(func.count(distinct(ActivityEvent.c.actor_agent_id))).where(ActivityEvent.c.created_at > since)
    open_stores = select(func.count()).select_from(Store).where(Store.c.status == StoreStatus.ACTIVE)
    return Figures(
        slices,
        int(await session.scalar(agents) or 0),
        int(await session.scalar(open_stores) or 0),
        int(await session.scalar(_ON_SALE) or 0),
    )
