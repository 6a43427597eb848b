"""The declarative base of the tables that are mapped yet. What lists its columns anew is a ``Row``."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from db.platform.rows import METADATA, pg_enum

__all__ = ["Base", "Big", "CreatedAt", "Key", "Meta", "pg_enum"]


class Base(DeclarativeBase):
    """Shares the metadata of the rows' tables."""

    metadata = METADATA
    type_annotation_map = {
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(),
    }
    table: ClassVar[Any]
    c: ClassVar[Any]
    columns: ClassVar[tuple[Any, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Statements name tables and columns as those of rows, so they outlive the mapping."""
        super().__init_subclass__(**options)
        cls.table = cls.__table__
        cls.c = cls.__table__.c
        cls.columns = tuple(cls.__table__.c)


Key = Annotated[UUID, mapped_column(primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
Meta = Annotated[dict[str, Any], mapped_column(JSONB, server_default=text("'{}'::jsonb"))]
Big = Annotated[int, mapped_column(BigInteger)]
