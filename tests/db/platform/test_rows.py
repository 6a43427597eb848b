"""Rows: one list of columns is the table, what queries find, and what writes change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, ForeignKey, Text, Uuid, bindparam, func, select

from db.platform import writes
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.rows import METADATA, Big, CreatedAt, Key, Row, pg_enum
from db.platform.statements import Columns, Query, maybe
from db.platform.transactions import Transaction
from domain.market.states import Party


class Stall(Row, table="stalls"):
    stall_id: Key
    parent_id: Annotated[UUID | None, ForeignKey("stalls.stall_id")] = None
    name: str
    party: Annotated[Party, pg_enum(Party, "party")] | None = None
    visits: Big
    created_at: CreatedAt
    secret: ClassVar[str | None]


METADATA.remove(Stall.table)
_THEN = datetime(2026, 1, 1, tzinfo=UTC)
_parent = Stall.table.alias("parent")
_named = select(*Stall.columns).where(Stall.c.name == bindparam("name"))


def _stall(name: str = "of wool", **values: UUID) -> Stall:
    return Stall(stall_id=new_id(), name=name, party=Party.SELLER, visits=1, created_at=_THEN, **values)


@asynccontextmanager
async def _transaction(owner_url: str) -> AsyncIterator[Transaction]:
    """With the table, for as long as it is open."""
    database = Database(owner_url, 1, "test")
    async with database.transaction() as transaction:
        await transaction.run(
            "CREATE TEMP TABLE stalls (stall_id uuid PRIMARY KEY, parent_id uuid, name text NOT NULL, party party,"
            " visits bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), secret text) ON COMMIT DROP",
            (),
        )
        yield transaction
    await database.close()


def test_a_class_lists_its_tables_columns() -> None:
    columns = Stall.c
    assert list(columns.keys()) == ["stall_id", "parent_id", "name", "party", "visits", "created_at", "secret"]
    assert [column.name for column in Stall.columns] == list(columns.keys())[:-1], "a row does not hold it"
    assert [column.name for column in Stall.table.primary_key] == ["stall_id"]
    assert [name for name, column in columns.items() if column.nullable] == ["parent_id", "party", "secret"]
    assert [key.target_fullname for key in columns.parent_id.foreign_keys] == ["stalls.stall_id"]
    kinds = [type(columns[name].type) for name in ("stall_id", "name", "visits")]
    assert kinds == [Uuid, Text, BigInteger]
    assert columns.created_at.server_default is not None


def test_a_row_is_frozen_and_has_slots() -> None:
    stall = _stall()
    with pytest.raises(FrozenInstanceError):
        stall.name = "another"  # type: ignore[misc]
    assert not hasattr(stall, "__dict__")


async def test_written_rows_are_found_as_they_were(owner_url: str) -> None:
    async with _transaction(owner_url) as transaction:
        stall = writes.add(transaction, _stall())
        writes.insert(transaction, Stall, stall_id=new_id(), name="of silk", visits=2)
        await writes.send(transaction)
        assert await transaction.get_one(Stall, stall.stall_id) == stall
        [silk] = await transaction.rows(Query(_named, Stall), name="of silk")
        assert (silk.visits, silk.party, silk.created_at > _THEN) == (2, None, True)
        assert await transaction.get(Stall, new_id()) is None
        with pytest.raises(LookupError):
            await transaction.get_one(Stall, new_id())


async def test_a_change_makes_another_row(owner_url: str) -> None:
    async with _transaction(owner_url) as transaction:
        stall = writes.add(transaction, _stall())
        renamed = writes.change(transaction, stall, name="of linen")
        assert renamed == replace(stall, name="of linen")
        assert stall.name == "of wool"
        await writes.send(transaction)
        closed = writes.change(transaction, renamed, party=None)
        await writes.send(transaction)
        assert await transaction.get_one(Stall, stall.stall_id) == closed


async def test_a_query_finds_rows_columns_and_values_side_by_side(owner_url: str) -> None:
    joined = Stall.table.outerjoin(_parent, _parent.c.stall_id == Stall.c.parent_id)
    named = select(*Stall.columns, *[_parent.c[column.name] for column in Stall.columns]).select_from(joined)
    both = Query(named.order_by(Stall.c.visits), Stall, maybe(Stall))
    more = Query(_named.add_columns(func.char_length(Stall.c.name).label("long")), Stall, Columns)
    count = Query(select(func.count()).select_from(Stall.table), int)
    async with _transaction(owner_url) as transaction:
        parent = writes.add(transaction, _stall("hall"))
        child = writes.add(transaction, replace(_stall("corner", parent_id=parent.stall_id), visits=2))
        await writes.send(transaction)
        assert await transaction.rows(both) == [(parent, None), (child, parent)]
        [(found, columns)] = await transaction.rows(more, name="corner")
        assert (found, columns.long) == (child, 6)
        assert await transaction.one(count) == 2


def test_a_query_holds_all_its_columns() -> None:
    with pytest.raises(AssertionError, match="are held"):
        Query(select(Stall.c.name, Stall.c.visits), str)
