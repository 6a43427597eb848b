"""What every table module builds on: the declarative base and column shorthands."""

import enum
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column


class Base(DeclarativeBase):
    """All tables of Souk share one metadata."""

    type_annotation_map = {
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(),
    }


def pg_enum(python_enum: type[enum.Enum], name: str) -> ENUM:
    """A native enum the migrations made. Members are stored by value."""
    return ENUM(python_enum, name=name, create_type=False, values_callable=lambda e: [member.value for member in e])


Key = Annotated[UUID, mapped_column(primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
Meta = Annotated[dict[str, Any], mapped_column(JSONB, server_default=text("'{}'::jsonb"))]
Big = Annotated[int, mapped_column(BigInteger)]
