"""Reading the public log, filtered, in commit order (see ``commit_order``)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.commit_order import START, Position, after, before, position_of, settled
from db.market.tables import ActivityEvent
from domain.market.feeds import ActivityItem
from domain.market.states import ActivityType
from domain.shared.cursors import encode_cursor


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which events a reader wants; None is all of them, and so are no ``types``."""

    type: ActivityType | None = None
    store_id: UUID | None = None
    listing_id: UUID | None = None
    types: frozenset[ActivityType] = frozenset()

    def wants(self, event: ActivityEvent) -> bool:
        return (
            (self.type is None or event.type is self.type)
            and (not self.types or event.type in self.types)
            and (self.store_id is None or event.store_id == self.store_id)
            and (self.listing_id is None or event.listing_id == self.listing_id)
        )


def activity_item(event: ActivityEvent) -> ActivityItem:
    """The event as everyone may see it."""
    own = {name: getattr(event, name) for name in ActivityItem.model_fields if name != "cursor"}
    return ActivityItem(**own, cursor=encode_cursor(*position_of(event)))


def _settled(wanted: FeedFilter) -> Select[ActivityEvent]:
    query = settled(ActivityEvent)
    if wanted.type is not None:
        query = query.where(ActivityEvent.type == wanted.type)
    if wanted.types:
        query = query.where(ActivityEvent.type.in_(sorted(wanted.types)))
    if wanted.store_id is not None:
        query = query.where(ActivityEvent.store_id == wanted.store_id)
    if wanted.listing_id is not None:
        query = query.where(ActivityEvent.listing_id == wanted.listing_id)
    return query


async def list_after(session: AsyncSession, place: Position, limit: int, wanted: FeedFilter) -> list[ActivityEvent]:
    """Events after a place, oldest first."""
    return list(await session.scalars(after(_settled(wanted), ActivityEvent, place, limit)))


async def list_before(
    session: AsyncSession, place: Position | None, limit: int, wanted: FeedFilter
) -> list[ActivityEvent]:
    """Events before a place (or the newest there are), newest first."""
    return list(await session.scalars(before(_settled(wanted), ActivityEvent, place, limit)))


async def newest_position(session: AsyncSession) -> Position:
    """The place of the last settled event, from which "now" is read on."""
    newest = await list_before(session, None, 1, FeedFilter())
    return position_of(newest[0]) if newest else START
