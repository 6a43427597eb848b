"""Rows gathered during a transaction and written together, in one statement.

A transaction writes to many tables and needs no answer of any: what it inserts and changes is gathered here, and sent
as one statement of data-modifying CTEs right before the commit, or by ``send`` where what follows must find it.
All parts of the statement see the database as it was before it:

- rows may refer to each other, because foreign keys are checked at its end;
- what a BEFORE trigger or a unique index must find done is sent before;
- a row is written once: a change of a row that was just added or changed joins the former.

Guards that a change changes exactly its row: else the transaction fails.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, TypeVar
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from db.platform.base import Base
from db.platform.rows import Row
from db.platform.transactions import Transaction, Unit
from domain.platform.errors import ErrorCode

_WRITES = "souk.writes"
_SHAPES_KEPT = 500
_VALUES_KEPT = 250
Values = dict[str, Any]
AnyTable = type[Base] | type[Row]
Written = TypeVar("Written", bound=Base | Row)


class LostRowError(RuntimeError):
    """A row that was in hand is gone, or is no longer as it was seen."""


@dataclass(slots=True)
class _Change:
    """``seen`` is what the row must still hold, ``more`` what is added to its counters; ``many`` counts its rows."""

    values: Values = field(default_factory=dict)
    seen: Values = field(default_factory=dict)
    more: dict[str, int] = field(default_factory=dict)
    otherwise: ErrorCode | None = None
    many: int = 0


@dataclass(slots=True)
class _Writes:
    inserts: dict[tuple[AnyTable, bool], dict[Hashable, Values]] = field(default_factory=dict)
    changes: dict[tuple[AnyTable, tuple[Any, ...]], _Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Shape:
    """One part of a statement without its values; a change has no ``rows``."""

    table: AnyTable
    columns: tuple[str, ...]
    rows: int = 0
    once: bool = False
    more: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    many: bool = False

    def sql(self) -> str:
        name = _table(self.table).name
        if self.rows:
            row = f"({', '.join(['%s'] * len(self.columns))})"
            end = " ON CONFLICT DO NOTHING" if self.once else ""
            rows = ", ".join([row] * self.rows)
            return f"INSERT INTO {name} ({', '.join(self.columns)}) VALUES {rows}{end}"  # noqa: S608 - no value in it
        steps = [f"{column} = %s" for column in self.columns] + [f"{column} = {column} + %s" for column in self.more]
        matches = "= ANY(%s)" if self.many else "= %s"
        where = [f"{column} {matches}" for column in _key_columns(self.table)]
        where += [f"{column} IS NOT DISTINCT FROM %s" for column in self.seen]
        steps_and_where = f"{', '.join(steps)} WHERE {' AND '.join(where)}"
        return f"UPDATE {name} SET {steps_and_where} RETURNING 1"  # noqa: S608 - no value in it


def _table(table: AnyTable) -> Table:
    found = table.table if issubclass(table, Row) else table.__table__
    assert isinstance(found, Table)
    return found


@cache
def _key_columns(table: AnyTable) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).primary_key)


@cache
def _json_columns(table: AnyTable) -> frozenset[str]:
    return frozenset(column.name for column in _table(table).c if isinstance(column.type, JSONB))


def _sql(shapes: tuple[_Shape, ...]) -> str:
    """Inserts first, then changes, then the number of rows that each change found."""
    changed = sum(not shape.rows for shape in shapes)
    parts = [f"w{number} AS ({shape.sql()})" for number, shape in enumerate(shapes)]
    if not changed:
        last = parts.pop() and shapes[-1].sql()
        return f"WITH {', '.join(parts)} {last}" if parts else last
    counts = [f"(SELECT count(*) FROM w{number})" for number in range(len(shapes))][-changed:]  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


_kept_sql = lru_cache(_SHAPES_KEPT)(_sql)


def _gathered(unit: Unit) -> _Writes:
    found: _Writes | None = unit.info.get(_WRITES)
    if found is None:
        found = unit.info[_WRITES] = _Writes()
    return found


def _key(row: Base | Row) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _key_columns(type(row)))


def add(unit: Unit, row: Written, **hidden: Any) -> Written:
    """Insert a new row, and the ``hidden`` columns that it does not hold. Unset ones are left to their defaults."""
    if isinstance(row, Row):
        values = {column.name: getattr(row, column.name) for column in row.columns}
    else:
        values = {name: value for name, value in vars(row).items() if not name.startswith("_")}
    table: type[Any] = type(row)
    _gathered(unit).inserts.setdefault((table, False), {})[_key(row)] = values | hidden
    return row


def insert(unit: Unit, table: AnyTable, *, once: bool = False, **values: Any) -> None:
    """Insert values of columns. One that is None in all rows like it is left to the database's default, else null.

    ``once``: a row that is there already, by any unique index, stays as it is.
    """
    rows = _gathered(unit).inserts.setdefault((table, once), {})
    rows[len(rows)] = values


def change(unit: Unit, row: Written, **values: Any) -> Written:
    """Change columns of a row in hand: in the database when sent. Returns the row as it is then."""
    gathered, key = _gathered(unit), _key(row)
    table: type[Any] = type(row)
    added = gathered.inserts.get((table, False), {}).get(key)
    if added is not None:
        added.update(values)
    else:
        gathered.changes.setdefault((table, key), _Change()).values.update(values)
    if isinstance(row, Row):
        return replace(row, **values)
    for name, value in values.items():
        # Without a trace: the session's own flush has nothing to write.
        set_committed_value(row, name, value)
    return row


def change_all(unit: Unit, table: AnyTable, keys: Sequence[UUID], **values: Any) -> None:
    """Change columns of the table's rows of these keys, to the same for all."""
    _gathered(unit).changes[table, tuple(keys)] = _Change(values, many=len(keys))


def change_if(unit: Unit, table: AnyTable, key: UUID, seen: Values, otherwise: ErrorCode, **values: Any) -> None:
    """Change columns of the table's row of this key while it still holds what was ``seen``; else raise when sent."""
    waiting = _gathered(unit).changes.setdefault((table, (key,)), _Change())
    waiting.values.update(values)
    # Seen before an earlier change of the same row is what the database holds.
    waiting.seen = seen | waiting.seen
    waiting.otherwise = otherwise


def increase(unit: Unit, table: AnyTable, key: UUID, **more: int) -> None:
    """Add to counters of the table's row of this key."""
    waiting = _gathered(unit).changes.setdefault((table, (key,)), _Change())
    for name, by in more.items():
        waiting.more[name] = waiting.more.get(name, 0) + by


def _alike(rows: Iterable[Values]) -> Iterator[tuple[tuple[str, ...], list[Values]]]:
    """Rows that set the same columns, in their order, without those that are null in all of them."""
    found: dict[tuple[str, ...], list[Values]] = {}
    for row in rows:
        found.setdefault(tuple(row), []).append(row)
    for names, alike in found.items():
        yield tuple(name for name in names if any(row[name] is not None for row in alike)), alike


def _adapted(table: AnyTable, row: Values, columns: Iterable[str]) -> list[Any]:
    json = _json_columns(table)
    return [Jsonb(row[name]) if name in json and row[name] is not None else row[name] for name in columns]


async def send(unit: AsyncSession | Transaction) -> None:
    """Write what was gathered. Raises LostRowError, the error of a change whose row was not as seen, IntegrityError."""
    if isinstance(unit, AsyncSession) and (unit.new or unit.dirty or unit.deleted):
        # Rows of the session that gathered ones refer to.
        await unit.flush()
    gathered: _Writes | None = unit.info.pop(_WRITES, None)
    if gathered is None:
        return
    shapes: list[_Shape] = []
    values: list[Any] = []
    for (table, once), rows in gathered.inserts.items():
        for columns, alike in _alike(rows.values()):
            shapes.append(_Shape(table, columns, len(alike), once))
            for row in alike:
                values += _adapted(table, row, columns)
    for (table, key), change in gathered.changes.items():
        seen, more = tuple(change.seen), tuple(change.more)
        shapes.append(_Shape(table, tuple(change.values), more=more, seen=seen, many=change.many > 0))
        values += _adapted(table, change.values, change.values)
        keys = [list(key)] if change.many else key
        values += (*change.more.values(), *keys, *change.seen.values())
    # What hardly comes twice is not worth its place.
    write = _kept_sql if len(values) <= _VALUES_KEPT else _sql
    found = await _run(unit, write(tuple(shapes)), values)
    if not gathered.changes:
        return
    for count, ((table, _), change) in zip(found[0], gathered.changes.items(), strict=True):
        if count != (change.many or 1):
            raise change.otherwise.error() if change.otherwise else LostRowError(_table(table).name)


async def _run(unit: AsyncSession | Transaction, text: str, values: list[Any]) -> Sequence[Sequence[Any]]:
    if isinstance(unit, Transaction):
        return await unit.run(text, values)
    result = await (await unit.connection()).exec_driver_sql(text, tuple(values))
    return result.all() if result.returns_rows else ()
