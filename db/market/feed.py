"""Reading the public log in commit order, with nothing skipped.

A row's place is (transaction id, sequence). A transaction that is still running may yet commit rows with a
lower place than rows already visible, so readers stop at the oldest one still running.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import ActivityEvent
from domain.market.states import ActivityType

Position = tuple[int, int]
START: Position = (0, 0)

_HORIZON: Any = literal_column("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint")
_PLACE = tuple_(ActivityEvent.txid, ActivityEvent.seq)


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which events a reader wants; None is all of them."""

    type: ActivityType | None = None
    store_id: UUID | None = None
    listing_id: UUID | None = None

    def wants(self, event: ActivityEvent) -> bool:
        return (
            (self.type is None or event.type is self.type)
            and (self.store_id is None or event.store_id == self.store_id)
            and (self.listing_id is None or event.listing_id == self.listing_id)
        )


def position_of(event: ActivityEvent) -> Position:
    return event.txid, event.seq


def _settled(wanted: FeedFilter) -> Select[ActivityEvent]:
    query = select(ActivityEvent).where(ActivityEvent.txid < _HORIZON)
    if wanted.type is not None:
        query = query.where(ActivityEvent.type == wanted.type)
    if wanted.store_id is not None:
        query = query.where(ActivityEvent.store_id == wanted.store_id)
    if wanted.listing_id is not None:
        query = query.where(ActivityEvent.listing_id == wanted.listing_id)
    return query


async def list_after(session: AsyncSession, after: Position, limit: int, wanted: FeedFilter) -> list[ActivityEvent]:
    """Events after a place, oldest first."""
    query = _settled(wanted).where(tuple_(*after) < _PLACE).order_by(ActivityEvent.txid, ActivityEvent.seq)
    return list(await session.scalars(query.limit(limit)))


async def list_before(
    session: AsyncSession, before: Position | None, limit: int, wanted: FeedFilter
) -> list[ActivityEvent]:
    """Events before a place (or the newest there are), newest first."""
    query = _settled(wanted).order_by(ActivityEvent.txid.desc(), ActivityEvent.seq.desc())
    if before is not None:
        query = query.where(tuple_(*before) > _PLACE)
    return list(await session.scalars(query.limit(limit)))


async def newest_position(session: AsyncSession) -> Position:
    """The place of the last settled event, from which "now" is read on."""
    newest = await list_before(session, None, 1, FeedFilter())
    return position_of(newest[0]) if newest else START


async def is_unsettled(session: AsyncSession) -> bool:
    """Whether committed rows wait behind an older transaction, so that it pays to look again shortly."""
    query = select(ActivityEvent.seq).where(ActivityEvent.txid >= _HORIZON).limit(1)
    return await session.scalar(select(func.coalesce(query.scalar_subquery(), None))) is not None
