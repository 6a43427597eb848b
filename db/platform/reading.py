"""Reads for answers: what is asked, and whose refusal it is when nothing is found.

Whoever reads what is private says for whom: row-level security shows an agent its own rows and nothing else.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, bindparam

from db.platform.statements import Compiled, Read, Shown
from domain.platform.errors import ErrorCode

Row = Shown
Asked = tuple[Compiled[Any], dict[str, Any]]
"""A statement and the values of its parameters, by name."""

LIMIT = bindparam("limit", type_=Integer)
"""How many rows are wanted."""


@dataclass(frozen=True, slots=True)
class One:
    """One row. ``missing`` is the refusal where there is none, or none that the viewer may see."""

    read: Read
    values: dict[str, Any]
    missing: ErrorCode

    def of(self, rows: list[Shown]) -> Shown:
        if not rows:
            raise self.missing.error()
        return rows[0]
