"""Wishes as rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Insert, bindparam, func, insert, select, update

from db.platform.events import record_event
from db.platform.rows import CreatedAt, Key, Row
from db.platform.statements import Query
from db.platform.transactions import Transaction
from tests.contexts.domain.wishes.wishes import WishEvent


class Wish(Row, table="wishes"):
    """What an agent wishes for, in public."""

    wish_id: Key
    agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    text: str
    made_at: CreatedAt
    lapses_at: datetime
    closed_at: datetime | None


_wish = Wish.table
_INSERT: Insert = insert(_wish).values(
    wish_id=bindparam("key"),
    agent_id=bindparam("agent"),
    text=bindparam("words"),
    lapses_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("seconds", type_=Double)),
)
_NEW = Query(_INSERT.returning(*Wish.columns), Wish)
_FOUND = Query(select(*Wish.columns).where(_wish.c.wish_id == bindparam("key")), Wish)
_LOCKED = Query(select(*Wish.columns).where(_wish.c.wish_id == bindparam("key")).with_for_update(key_share=True), Wish)
_CLOSED = Query(
    update(_wish)
    .where(_wish.c.wish_id == bindparam("key"))
    .values(closed_at=func.clock_timestamp())
    .returning(*Wish.columns),
    Wish,
)
_OPEN = Query(select(_wish.c.wish_id).where(_wish.c.closed_at.is_(None)), UUID)
_OVERDUE = Query(
    select(_wish.c.wish_id)
    .where(_wish.c.closed_at.is_(None), _wish.c.lapses_at < func.clock_timestamp())
    .limit(bindparam("most")),
    UUID,
)


async def insert_wish(transaction: Transaction, wish_id: UUID, agent_id: UUID, text: str, seconds: float) -> Wish:
    """Make a wish, and the event that tells of it."""
    [made] = await transaction.rows(_NEW, key=wish_id, agent=agent_id, words=text, seconds=seconds)
    record_event(transaction, WishEvent.WISH_MADE, actor_agent_id=agent_id, wish_id=wish_id)
    return made


async def find_wish(transaction: Transaction, wish_id: UUID) -> Wish | None:
    return await transaction.one_or_none(_FOUND, key=wish_id)


async def lock_wish(transaction: Transaction, wish_id: UUID) -> Wish | None:
    return await transaction.one_or_none(_LOCKED, key=wish_id)


async def close_wish(transaction: Transaction, wish_id: UUID) -> Wish:
    [closed] = await transaction.rows(_CLOSED, key=wish_id)
    return closed


async def list_open(transaction: Transaction) -> Sequence[UUID]:
    return await transaction.rows(_OPEN)


async def list_overdue(transaction: Transaction, most: int) -> Sequence[UUID]:
    return await transaction.rows(_OVERDUE, most=most)
