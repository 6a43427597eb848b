"""Statements that are compiled once, where they are written, and run by the driver itself.

SQLAlchemy makes the text, and knows the types of parameters and columns; at each run it is out of the way. Built and
mapped anew, a statement costs the asking process more than Postgres.
"""

from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args, overload

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader
from pydantic_core import from_json
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    CompoundSelect,
    Delete,
    Float,
    Insert,
    Integer,
    Select,
    Update,
    any_,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from db.platform.rows import AnyRow, Row

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Found = TypeVar("Found")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Shown = dict[str, Any]
"""A row that is ready to become JSON."""

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()


class Compiled(ABC, Generic[Found]):
    """A statement compiled once: its parameters are given by name at each run."""

    def __init__(self, statement: Statement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.text = str(compiled)
        binds = {name: bound for bound, name in compiled.bind_names.items()}
        processors = {name: bound.type.dialect_impl(_DIALECT).bind_processor(_DIALECT) for name, bound in binds.items()}
        self._processors = {name: process for name, process in processors.items() if process is not None}
        self._finds = bool(list(statement.exported_columns))
        self._fixed = self._processed({name: bound.value for name, bound in binds.items() if not bound.required})

    def parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        """All of them: those of the statement's own and the given ones."""
        return self._fixed | self._processed(values)

    def _processed(self, values: dict[str, Any]) -> dict[str, Any]:
        own = self._processors
        return {name: own[name](value) if name in own else value for name, value in values.items()}

    async def send(self, connection: psycopg.AsyncConnection[Any], values: dict[str, Any]) -> psycopg.AsyncCursor[Any]:
        """Run it with these values: what it finds is in the cursor."""
        return await self.cursor(connection).execute(self.text, self.parameters(values))

    @abstractmethod
    def cursor(self, connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Any]: ...

    @abstractmethod
    def row(self, values: Any) -> Found:
        """What a row is to who asks."""

    async def found(self, cursor: psycopg.AsyncCursor[Any]) -> list[Found]:
        """What it has found; nothing where it has no rows."""
        return [self.row(row) for row in await cursor.fetchall()] if self._finds else []


class Read(Compiled[Shown]):
    """A statement whose rows are only ever written into an answer: as dictionaries, with ids as text."""

    def cursor(self, connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Shown]:
        return _ShownCursor(connection, row_factory=dict_row)

    def row(self, values: Shown) -> Shown:
        return values


def among(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Whether the column holds one of a list, which is the parameter of this name."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


class Columns:
    """All columns that no row before them holds, by name."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def maybe(row: type[AnyRow]) -> type[AnyRow | None]:
    """A row of a table that is joined from outside: None where its key is null."""
    return cast("type[AnyRow | None]", row | None)


class Query(Compiled[Found]):
    """A statement with what it finds in the columns' own types: states are members of their enums.

    ``holds`` says what one found thing is made of, in the order of the columns: a ``Row``, ``Columns``, or the type of
    a single value; several are a tuple. Without it, all columns by name.
    """

    @overload
    def __init__(self: "Query[Any]", statement: Statement) -> None: ...
    @overload
    def __init__(self: "Query[A]", statement: Statement, a: type[A], /) -> None: ...
    @overload
    def __init__(self: "Query[tuple[A, B]]", statement: Statement, a: type[A], b: type[B], /) -> None: ...
    @overload
    def __init__(
        self: "Query[tuple[A, B, C]]", statement: Statement, a: type[A], b: type[B], c: type[C], /
    ) -> None: ...
    @overload
    def __init__(
        self: "Query[tuple[A, B, C, D]]", statement: Statement, a: type[A], b: type[B], c: type[C], d: type[D], /
    ) -> None: ...
    @overload
    def __init__(
        self: "Query[tuple[A, B, C, D, E]]",
        statement: Statement,
        a: type[A],
        b: type[B],
        c: type[C],
        d: type[D],
        e: type[E],
        /,
    ) -> None: ...

    def __init__(self, statement: Statement, *holds: Any) -> None:
        super().__init__(statement)
        columns = list(statement.exported_columns)
        processors = [_processor(column.type) for column in columns]
        self._converted: list[tuple[int, Callable[[Any], Any]]] = [
            (place, process) for place, process in enumerate(processors) if process is not None
        ]
        self._names = [column.key or "" for column in columns]
        self._makers = self._makers_of(holds or (Columns,))

    def _makers_of(self, holds: tuple[Any, ...]) -> list[Callable[[Sequence[Any]], Any]]:
        makers, place = [], 0
        for held in holds:
            kinds = [kind for kind in get_args(held) or (held,) if kind is not NoneType]
            if issubclass(kinds[0], Row):
                makers.append(_row_maker(kinds[0], place, kinds != [held]))
                place += len(kinds[0].columns)
            elif held is Columns:
                makers.append(_columns_maker(self._names[place:], place))
                place = len(self._names)
            else:
                makers.append(itemgetter(place))
                place += 1
        assert place == len(self._names), f"{self.text} gives {len(self._names)} columns, and {place} are held"
        return makers

    def cursor(self, connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Any]:
        return connection.cursor()

    def row(self, values: Sequence[Any]) -> Found:
        """What the driver gives as a row."""
        if self._converted:
            values = list(values)
            for place, process in self._converted:
                if values[place] is not None:
                    values[place] = process(values[place])
        makers = self._makers
        found = makers[0](values) if len(makers) == 1 else tuple(make(values) for make in makers)
        return cast("Found", found)


@cache
def by_key(row: type[AnyRow]) -> Query[AnyRow]:
    """The row of a key, whose columns are the parameters."""
    keys = (column == bindparam(column.name) for column in row.table.primary_key)
    return Query(select(*row.columns).where(*keys), row)


def find(row: type[AnyRow], *wanted: ColumnElement[bool], order: Sequence[Any] = ()) -> Query[AnyRow]:
    """The rows that hold what is wanted, in an order."""
    return Query(select(*row.columns).where(*wanted).order_by(*order), row)


class Choice(Generic[Found]):
    """Queries that differ in what is asked for. Each is compiled once, for one combination of the values given.

    ``wanted`` are the conditions by the names of their values, of which None is not given; ``make`` makes the query of
    those that are.
    """

    def __init__(
        self,
        wanted: Mapping[str, ColumnElement[bool]],
        make: Callable[[dict[str, ColumnElement[bool]]], Compiled[Found]],
    ) -> None:
        self._wanted = wanted
        self._make = make
        self._made: dict[frozenset[str], Compiled[Found]] = {}

    def of(self, values: Mapping[str, Any]) -> tuple[Compiled[Found], dict[str, Any]]:
        """The query of these values, and those that are given."""
        given = {name: value for name, value in values.items() if value is not None}
        names = frozenset(given.keys() & self._wanted.keys())
        if names not in self._made:
            self._made[names] = self._make({name: self._wanted[name] for name in sorted(names)})
        return self._made[names], given


def newest(row: type[AnyRow], *wanted: ColumnElement[bool]) -> Query[AnyRow]:
    """Rows that hold what is wanted, newest first, as many as ``limit`` says: ids grow with time."""
    [key] = row.table.primary_key
    return Query(
        select(*row.columns).where(*wanted).order_by(key.desc()).limit(bindparam("limit", type_=Integer())), row
    )


def counting(statement: Update | Delete) -> Query[int]:
    """The statement, and how many rows it changed or deleted."""
    done = statement.returning(literal(1).label("one")).cte("done")
    return Query(select(func.count()).select_from(done), int)


def _row_maker(row: type[Row], start: int, joined: bool) -> Callable[[Sequence[Any]], Any]:
    names = [column.name for column in row.columns]
    end = start + len(names)
    keys = [start + place for place, column in enumerate(row.columns) if column.primary_key] if joined else []

    def make(values: Sequence[Any]) -> Any:
        if keys and values[keys[0]] is None:
            return None
        return row(**dict(zip(names, values[start:end], strict=True)))

    return make


def _columns_maker(names: list[str], start: int) -> Callable[[Sequence[Any]], Any]:
    named = _named(names)
    return lambda values: named._make(values[start:])


def _processor(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    # Floats come as such; SQLAlchemy would have to know first by which of their types the server sends them.
    return None if isinstance(kind, Float) else kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)


def _named(names: list[str]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - each query has its own


class _JsonLoader(Loader):
    def load(self, data: Buffer) -> Any:
        return from_json(bytes(data))


_SHOWN = AdaptersMap(psycopg.adapters)
_SHOWN.register_loader("uuid", TextLoader)
_SHOWN.register_loader("json", _JsonLoader)
_SHOWN.register_loader("jsonb", _JsonLoader)


class _ShownCursor(psycopg.AsyncCursor[Shown]):
    @property
    def adapters(self) -> AdaptersMap:
        return _SHOWN
