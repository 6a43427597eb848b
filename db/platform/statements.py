"""Statements that are compiled once, where they are written, and run by the driver itself.

SQLAlchemy makes the text, and knows the types of parameters and columns; at each run it is out of the way. Built and
mapped anew, a statement costs the asking process more than Postgres.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Delete, Float, Insert, Select, Update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.types import TypeEngine

from db.platform.base import Base

Statement = Select[*tuple[Any, ...]] | Insert | Update | Delete
Entity = TypeVar("Entity", bound=Base)

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()


class Read:
    """A statement compiled once: its parameters are given by name at each run, its rows come as the driver has them."""

    def __init__(self, statement: Statement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.text = str(compiled)
        binds = {name: bound for bound, name in compiled.bind_names.items()}
        processors = {name: bound.type.dialect_impl(_DIALECT).bind_processor(_DIALECT) for name, bound in binds.items()}
        self._processors = {name: process for name, process in processors.items() if process is not None}
        self._fixed = self._processed({name: bound.value for name, bound in binds.items() if not bound.required})

    def parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        """All of them: those of the statement's own and the given ones."""
        return self._fixed | self._processed(values)

    def _processed(self, values: dict[str, Any]) -> dict[str, Any]:
        own = self._processors
        return {name: own[name](value) if name in own else value for name, value in values.items()}


class Query(Read):
    """The same with rows of the columns' own types, by name: states are members of their enums."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(statement)
        columns = list(statement.exported_columns)
        processors = [_processor(column.type) for column in columns]
        self._converted: list[tuple[int, Callable[[Any], Any]]] = [
            (place, process) for place, process in enumerate(processors) if process is not None
        ]
        self._row = _row_of([column.key or "" for column in columns])
        self._parts: dict[Any, list[tuple[int, str]]] = {}
        for place, column in enumerate(columns):
            self._parts.setdefault(getattr(column, "table", None), []).append((place, column.name))

    def row(self, values: Sequence[Any]) -> Any:
        """A row as the driver gives it, with its columns' names and types."""
        if self._converted:
            values = list(values)
            for place, process in self._converted:
                if values[place] is not None:
                    values[place] = process(values[place])
        return self._row._make(values)

    def part(self, table: type[Entity], row: Any) -> Entity:
        """What a row holds of one table, as an object of it in no session. To ask it for more raises."""
        entity = table()
        # Past the attributes' events: nothing listens, and nothing is to be written.
        vars(entity).update({name: row[place] for place, name in self._parts[table.__table__]})
        make_transient_to_detached(entity)
        return entity


def _processor(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    # Floats come as such; SQLAlchemy would have to know first by which of their types the server sends them.
    return None if isinstance(kind, Float) else kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)


def _row_of(names: list[str]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - each query has its own
