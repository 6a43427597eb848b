"""Reading the public log, filtered, in commit order (see ``commit_order``)."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.commit_order import HORIZON, START, Position, after, before, position_of, settled
from db.platform.database import Database
from db.platform.event_tables import ActivityEvent
from db.platform.reading import LIMIT, Row
from db.platform.statements import Read
from domain.platform.cursors import encode_cursor
from domain.platform.events import PublicEvent
from domain.platform.feeds import ActivityItem


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which events a reader wants; None is all of them, and so are no ``types``."""

    type: PublicEvent | None = None
    store_id: UUID | None = None
    listing_id: UUID | None = None
    types: frozenset[PublicEvent] = frozenset()

    def values(self) -> dict[str, Any]:
        """What is asked for by one column each."""
        named = {"type": self.type, "store_id": self.store_id, "listing_id": self.listing_id}
        return {name: value for name, value in named.items() if value is not None}

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


_TXID, _SEQ = bindparam("txid", type_=BigInteger), bindparam("seq", type_=BigInteger)
_BEYOND: dict[bool, ColumnElement[bool]] = {
    True: tuple_(_TXID, _SEQ) > tuple_(ActivityEvent.c.txid, ActivityEvent.c.seq),
    False: tuple_(_TXID, _SEQ) < tuple_(ActivityEvent.c.txid, ActivityEvent.c.seq),
}
_WANTED: dict[str, ColumnElement[bool]] = {
    "type": ActivityEvent.c.type == bindparam("type"),
    "store_id": ActivityEvent.c.store_id == bindparam("store_id"),
    "listing_id": ActivityEvent.c.listing_id == bindparam("listing_id"),
}
_SHOWN = [getattr(ActivityEvent, name) for name in ActivityItem.model_fields if name != "cursor"]


@cache
def _page(wanted: frozenset[str], *, placed: bool, newest_first: bool) -> Read:
    """Compiled once for each combination of what is given."""
    query = select(*_SHOWN, ActivityEvent.c.txid, ActivityEvent.c.seq).where(ActivityEvent.c.txid < HORIZON)
    query = query.where(*(_WANTED[name] for name in sorted(wanted)))
    if placed:
        query = query.where(_BEYOND[newest_first])
    order = (ActivityEvent.c.txid, ActivityEvent.c.seq)
    return Read(query.order_by(*(column.desc() for column in order) if newest_first else order).limit(LIMIT))


async def read_page(
    reads: Database, place: Position | None, limit: int, wanted: FeedFilter, *, newest_first: bool
) -> list[Row]:
    """Events before (``newest_first``) or after a place, or from that end of the log, with ``txid`` and ``seq``."""
    values = wanted.values()
    read = _page(frozenset(values), placed=place is not None, newest_first=newest_first)
    if place is not None:
        values["txid"], values["seq"] = place
    return await reads.rows(read, limit=limit, **values)


def _settled(wanted: FeedFilter) -> Select[ActivityEvent]:
    query = settled(ActivityEvent)
    query = query.where(*(_WANTED[name] for name in wanted.values()))
    if wanted.types:
        query = query.where(ActivityEvent.c.type.in_(sorted(wanted.types)))
    return query


async def list_after(session: AsyncSession, place: Position, limit: int, wanted: FeedFilter) -> list[ActivityEvent]:
    """Events after a place, oldest first."""
    return list(await session.scalars(after(_settled(wanted), ActivityEvent, place, limit), wanted.values()))


async def list_before(
    session: AsyncSession, place: Position | None, limit: int, wanted: FeedFilter
) -> list[ActivityEvent]:
    """Events before a place (or the newest there are), newest first."""
    return list(await session.scalars(before(_settled(wanted), ActivityEvent, place, limit), wanted.values()))


async def newest_position(session: AsyncSession) -> Position:
    """The place of the last settled event, from which "now" is read on."""
    newest = await list_before(session, None, 1, FeedFilter())
    return position_of(newest[0]) if newest else START
