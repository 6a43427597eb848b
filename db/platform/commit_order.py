"""Reading a log in commit order, with nothing skipped: the public feed and every inbox.

A row's place is (transaction id, sequence), the id with an epoch above its bits that grows when the data move to
another cluster (``db.platform.epochs``). A transaction that is still running may yet commit rows with a lower place
than rows already visible, so readers stop at the oldest one still running.
"""

from typing import Any, TypeVar

from sqlalchemy import Select, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.event_tables import ActivityEvent, InboxEvent

Row = TypeVar("Row", ActivityEvent, InboxEvent)
Position = tuple[int, int]
START: Position = (0, 0)

HORIZON: Any = literal_column("souk_horizon()")
"""The oldest transaction still running, in this statement's snapshot."""


def position_of(event: ActivityEvent | InboxEvent) -> Position:
    return event.txid, event.seq


def settled(table: type[Row]) -> Select[Row]:
    """The rows of a log that may be read now."""
    return select(table).where(table.txid < HORIZON)


def after(query: Select[Row], table: type[Row], place: Position, limit: int) -> Select[Row]:
    """The rows of a settled query after a place, oldest first."""
    beyond = tuple_(*place) < tuple_(table.txid, table.seq)
    return query.where(beyond).order_by(table.txid, table.seq).limit(limit)


def before(query: Select[Row], table: type[Row], place: Position | None, limit: int) -> Select[Row]:
    """The rows of a settled query before a place (or the newest there are), newest first."""
    if place is not None:
        query = query.where(tuple_(*place) > tuple_(table.txid, table.seq))
    return query.order_by(table.txid.desc(), table.seq.desc()).limit(limit)


async def is_unsettled(session: AsyncSession) -> bool:
    """Whether committed public rows wait behind an older transaction, so that it pays to look again shortly."""
    query = select(ActivityEvent.c.seq).where(ActivityEvent.c.txid >= HORIZON).limit(1)
    return await session.scalar(select(func.coalesce(query.scalar_subquery(), None))) is not None
