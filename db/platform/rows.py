"""Rows: frozen, and each class of them lists the columns of one table, which is made from it.

    class StoreBlock(Row, table="store_blocks"):
        store_id: Annotated[UUID, {"primary_key": True}, ForeignKey("stores.store_id")]
        reason: str

``StoreBlock.table`` is the table, ``StoreBlock.c`` its columns by name, and ``StoreBlock.columns`` those that a row
holds, in the order of its fields. A field is nullable if its type takes None. What ``Annotated`` adds to a type is
given to the column: a type of the database, a foreign key, or a dictionary of further arguments.
A column in a ``ClassVar`` belongs to the table and not to its rows: not every role may read it.
"""

import enum
from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from datetime import datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import TypeEngine

METADATA = MetaData()
"""All tables of Souk."""

_TYPES: dict[Any, TypeEngine[Any]] = {
    UUID: Uuid(),
    datetime: DateTime(timezone=True),
    timedelta: Interval(),
    str: Text(),
    int: Integer(),
    bool: Boolean(),
    float: Double(),
    bytes: LargeBinary(),
    dict[str, Any]: JSONB(none_as_null=True),
}
AnyRow = TypeVar("AnyRow", bound="Row")


def pg_enum(python_enum: type[enum.Enum], name: str) -> ENUM:
    """A native enum the migrations made. Members are stored by value."""
    return ENUM(python_enum, name=name, create_type=False, values_callable=lambda e: [member.value for member in e])


Key = Annotated[UUID, {"primary_key": True}]
CreatedAt = Annotated[datetime, {"server_default": func.now()}]
Meta = Annotated[dict[str, Any], {"server_default": text("'{}'::jsonb")}]
Big = Annotated[int, BigInteger()]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _RowType(type):
    """Makes the class a frozen dataclass with slots, and its table."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], names: dict[str, Any], table: str | None = None, **options: Any
    ) -> Any:
        made = super().__new__(mcs, name, bases, names)
        if table is None:
            # ``Row`` itself, and what ``dataclass`` makes anew to give it slots.
            return made
        row: Any = dataclass(frozen=True, slots=True, kw_only=True)(made)
        columns = [_column(*hint) for hint in get_type_hints(made, include_extras=True).items() if hint[0] not in _OWN]
        row.table = Table(table, METADATA, *columns, **options)
        row.c = row.table.c
        row.columns = tuple(row.c[field.name] for field in fields(row))
        return row


class Row(metaclass=_RowType):
    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    table: ClassVar[Table]
    c: ClassVar[ReadOnlyColumnCollection[str, Column[Any]]]
    columns: ClassVar[tuple[Column[Any], ...]]


_OWN = frozenset(get_type_hints(Row))


def _column(name: str, hint: Any) -> Column[Any]:
    arguments: list[Any] = []
    options: dict[str, Any] = {"nullable": False}
    plain: Any = None
    for part in _parts(hint):
        if part is NoneType:
            options["nullable"] = True
        elif isinstance(part, dict):
            options |= part
        elif isinstance(part, type) or get_origin(part) is not None:
            plain = part
        else:
            arguments.append(part)
    if not any(isinstance(argument, TypeEngine) for argument in arguments):
        arguments.insert(0, _TYPES[plain])
    return Column(name, *arguments, **options)


def _parts(hint: Any) -> Iterator[Any]:
    """The type itself, None if it takes that, and all that is added to it."""
    waiting = [hint]
    while waiting:
        part = waiting.pop(0)
        origin = get_origin(part)
        if origin is Annotated:
            inner, *added = get_args(part)
            waiting.append(inner)
            yield from added
        elif origin is ClassVar or origin in (Union, UnionType):
            waiting += get_args(part)
        else:
            yield part
