"""One transaction, in few statements, over the driver itself.

A session maps, tracks and flushes; what locks, reads and writes once each needs none of that. At rest, when no cache is
warm, a transaction of three statements costs a session 4 ms and this 2.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.rows import AnyRow
from db.platform.statements import Choice, Compiled, Found, by_key
from domain.platform.errors import ErrorCode


class Unit(Protocol):
    """A transaction, of either kind, that writes are gathered for (``db.platform.writes``)."""

    @property
    def info(self) -> dict[Any, Any]: ...


class Asks(ABC):
    """Asks over the driver, and raises its errors."""

    @abstractmethod
    async def run(self, text: str, values: dict[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement as the driver gives them; none of one that has no rows."""

    @abstractmethod
    async def fetch(self, query: Compiled[Found], values: dict[str, Any]) -> list[Found]:
        """What the query finds with these values."""

    async def rows(self, query: Compiled[Found], **values: Any) -> list[Found]:
        """What the query finds."""
        return await self.fetch(query, values)

    async def choose(self, choice: Choice[Found], **values: Any) -> list[Found]:
        """What the query of the values that are given finds."""
        query, given = choice.of(values)
        return await self.fetch(query, given)

    async def one_or_none(self, query: Compiled[Found], **values: Any) -> Found | None:
        """The first, or None."""
        rows = await self.rows(query, **values)
        return rows[0] if rows else None

    async def one(self, query: Compiled[Found], **values: Any) -> Found:
        """What is there for certain. Raises LookupError where it is not."""
        rows = await self.rows(query, **values)
        if not rows:
            raise LookupError(query.text)
        return rows[0]

    async def get(self, row: type[AnyRow], *key: Any) -> AnyRow | None:
        """The row of a key, or None."""
        names = [column.name for column in row.table.primary_key]
        return await self.one_or_none(by_key(row), **dict(zip(names, key, strict=True)))

    async def require(self, row: type[AnyRow], key: UUID, missing: ErrorCode) -> AnyRow:
        """The row of a key. Raises what is ``missing`` where there is none, or none that may be seen."""
        found = await self.get(row, key)
        if found is None:
            raise missing.error()
        return found

    async def get_one(self, row: type[AnyRow], *key: Any) -> AnyRow:
        """The row of a key. Raises LookupError where there is none."""
        found = await self.get(row, *key)
        if found is None:
            raise LookupError(row.table.name)
        return found


class Transaction(Asks):
    """An open transaction."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], info: dict[Any, Any]) -> None:
        self.connection = connection
        self.info = info

    @classmethod
    async def of(cls, session: AsyncSession) -> "Transaction":
        """The transaction of a session, which must have flushed what the step is to see."""
        connection = await session.connection()
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        return cls(driver, session.info)

    async def run(self, text: str, values: dict[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        return await ask(self.connection, text, values)

    async def fetch(self, query: Compiled[Found], values: dict[str, Any]) -> list[Found]:
        return await query.found(await query.send(self.connection, values))

    async def commit(self) -> None:
        """For whoever opened it (``db.platform.database``); what runs inside of a step never commits itself."""
        await self.connection.commit()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails in the block is undone, and the transaction goes on."""
        async with self.connection.transaction():
            yield


async def ask(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], text: str, values: dict[str, Any] | Sequence[Any] | None
) -> list[tuple[Any, ...]]:
    """The rows of a statement; none of one that has no rows."""
    cursor = await connection.execute(text, values)
    return await cursor.fetchall() if cursor.description is not None else []
