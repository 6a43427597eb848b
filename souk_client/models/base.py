"""Bases of the market's answers. A field this client does not know is kept and not refused: the market may grow.

Ids are opaque text, amounts are integers in minor units (cents), times carry their zone. Statuses and kinds
are text too: a new one must not break an old client.
"""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Model(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Page(Model, Generic[Item]):
    """One page of a list; ``next_cursor`` is None on the last one."""

    items: list[Item]
    next_cursor: str | None = None


class Place(Model):
    """Where in a feed an event is."""

    cursor: str


class Places(Model):
    """Of a page of events, their places alone."""

    items: list[Place]
