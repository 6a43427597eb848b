"""Figures of the last hour, counted from the public log."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Integer, bindparam, cast, distinct, func, select, text

from db.market.tables import ActivityEvent, Listing, Store
from db.platform.statements import Query
from db.platform.transactions import Transaction
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
_FOR_SALE = select(func.count()).select_from(Listing.table).where(Listing.c.status == ListingStatus.ACTIVE)
_OF_OTHERS = _FOR_SALE.join(Store.table, Store.c.store_id == Listing.c.store_id).where(
    Store.c.status != StoreStatus.ACTIVE
)
_ON_SALE = select(_FOR_SALE.scalar_subquery() - _OF_OTHERS.scalar_subquery())


_NOW = bindparam("now", type_=DateTime(timezone=True))
_SINCE = bindparam("since", type_=DateTime(timezone=True))
_age = func.extract("epoch", _NOW - ActivityEvent.c.created_at)
_ago = cast(func.greatest(func.least(func.floor(_age / (SLICE_MINUTES * 60)), SLICES - 1), 0), Integer)
_COUNTS = Query(
    select(ActivityEvent.c.type, _ago.label("ago"), func.count())
    .where(ActivityEvent.c.created_at > _SINCE)
    .group_by(ActivityEvent.c.type, text("ago")),
    ActivityType,
    int,
    int,
)
_actors = select(func.count(distinct(ActivityEvent.c.actor_agent_id))).where(ActivityEvent.c.created_at > _SINCE)
_open_stores = select(func.count()).select_from(Store.table).where(Store.c.status == StoreStatus.ACTIVE)
_TOTALS = Query(
    select(_actors.scalar_subquery(), _open_stores.scalar_subquery(), _ON_SALE.scalar_subquery()), int, int, int
)


async def get_figures(transaction: Transaction, now: datetime) -> Figures:
    """Of the hour that ends ``now``."""
    since = now - timedelta(minutes=SLICES * SLICE_MINUTES)
    slices = {figure: [0] * SLICES for figure in FIGURES}
    for kind, ago, count in await transaction.rows(_COUNTS, now=now, since=since):
        for figure, types in FIGURES.items():
            if kind in types:
                slices[figure][SLICES - 1 - ago] += count
    return Figures(slices, *await transaction.one(_TOTALS, since=since))
