"""Reading the public log, filtered, in commit order (see ``commit_order``)."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam

from db.platform.commit_order import START, Position, page, position_of, values
from db.platform.database import Database
from db.platform.event_tables import ActivityEvent
from db.platform.reading import Row
from db.platform.statements import Query, Read, among
from db.platform.transactions import Transaction
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
        """What is asked for, by name."""
        types = sorted(self.types) or None
        named = {"type": self.type, "types": types, "store_id": self.store_id, "listing_id": self.listing_id}
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


_WANTED: dict[str, ColumnElement[bool]] = {
    "type": ActivityEvent.c.type == bindparam("type"),
    "types": among(ActivityEvent.c.type, "types"),
    "store_id": ActivityEvent.c.store_id == bindparam("store_id"),
    "listing_id": ActivityEvent.c.listing_id == bindparam("listing_id"),
}
_SHOWN = [ActivityEvent.c[name] for name in ActivityItem.model_fields if name != "cursor"]


def _page(wanted: frozenset[str], *, placed: bool, newest_first: bool) -> Select[*tuple[Any, ...]]:
    conditions = [_WANTED[name] for name in sorted(wanted)]
    return page(ActivityEvent, conditions, placed=placed, newest_first=newest_first)


@cache
def _shown(wanted: frozenset[str], *, placed: bool, newest_first: bool) -> Read:
    """Compiled once for each combination of what is given."""
    query = _page(wanted, placed=placed, newest_first=newest_first)
    return Read(query.with_only_columns(*_SHOWN, ActivityEvent.c.txid, ActivityEvent.c.seq))


@cache
def _events(wanted: frozenset[str], *, placed: bool, newest_first: bool) -> Query[ActivityEvent]:
    return Query(_page(wanted, placed=placed, newest_first=newest_first), ActivityEvent)


async def read_page(
    reads: Database, place: Position | None, limit: int, wanted: FeedFilter, *, newest_first: bool
) -> list[Row]:
    """Events before (``newest_first``) or after a place, or from that end of the log, with ``txid`` and ``seq``."""
    given = wanted.values()
    read = _shown(frozenset(given), placed=place is not None, newest_first=newest_first)
    return await reads.rows(read, **given, **values(place, limit))


async def list_after(transaction: Transaction, place: Position, limit: int, wanted: FeedFilter) -> list[ActivityEvent]:
    """Events after a place, oldest first."""
    given = wanted.values()
    query = _events(frozenset(given), placed=True, newest_first=False)
    return await transaction.rows(query, **given, **values(place, limit))


async def list_before(
    transaction: Transaction, place: Position | None, limit: int, wanted: FeedFilter
) -> list[ActivityEvent]:
    """Events before a place (or the newest there are), newest first."""
    given = wanted.values()
    query = _events(frozenset(given), placed=place is not None, newest_first=True)
    return await transaction.rows(query, **given, **values(place, limit))


async def newest_position(transaction: Transaction) -> Position:
    """The place of the last settled event, from which "now" is read on."""
    newest = await list_before(transaction, None, 1, FeedFilter())
    return position_of(newest[0]) if newest else START
