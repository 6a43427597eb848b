"""Reading a log in commit order, with nothing skipped: the public feed and every inbox.

A row's place is (transaction id, sequence), the id with an epoch above its bits that grows when the data move to
another cluster (``db.platform.epochs``). A transaction that is still running may yet commit rows with a lower place
than rows already visible, so readers stop at the oldest one still running.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, exists, literal_column, select, tuple_

from db.platform.event_tables import ActivityEvent, InboxEvent
from db.platform.reading import LIMIT
from db.platform.statements import Query
from db.platform.transactions import Transaction

Event = TypeVar("Event", ActivityEvent, InboxEvent)
Position = tuple[int, int]
START: Position = (0, 0)

HORIZON: Any = literal_column("souk_horizon()")
"""The oldest transaction still running, in this statement's snapshot."""


def position_of(event: ActivityEvent | InboxEvent) -> Position:
    return event.txid, event.seq


_TXID, _SEQ = bindparam("txid", type_=BigInteger), bindparam("seq", type_=BigInteger)


def page(
    table: type[Event], wanted: Iterable[ColumnElement[bool]], *, placed: bool, newest_first: bool
) -> Select[*tuple[Any, ...]]:
    """The rows of a log that may be read now, from one of its ends or from a place: ``values`` gives the parameters."""
    order = (table.c.txid, table.c.seq)
    query = select(*table.columns).where(table.c.txid < HORIZON, *wanted)
    if placed:
        place, row = tuple_(_TXID, _SEQ), tuple_(*order)
        query = query.where(place > row if newest_first else place < row)
    return query.order_by(*(column.desc() for column in order) if newest_first else order).limit(LIMIT)


def values(place: Position | None, limit: int) -> dict[str, int]:
    return {"limit": limit} if place is None else {"txid": place[0], "seq": place[1], "limit": limit}


_UNSETTLED = Query(select(exists().where(ActivityEvent.c.txid >= HORIZON)), bool)


async def is_unsettled(transaction: Transaction) -> bool:
    """Whether committed public rows wait behind an older transaction, so that it pays to look again shortly."""
    return await transaction.one(_UNSETTLED)
