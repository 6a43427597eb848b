"""Reads for answers: single statements on a pool that commits by itself, as rows that are ready to become JSON.

No transaction is opened around what is public: a statement is one by itself. Nothing is mapped, checked or converted
twice.
A pool hands its rows out as dictionaries with ids as text.
Whoever reads what is private says for whom: row-level security shows an agent its own rows and nothing else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from pydantic_core import from_json
from sqlalchemy import Integer, bindparam
from sqlalchemy.engine import make_url

from db.platform.database import connect_settings
from db.platform.statements import Read
from domain.platform.errors import ErrorCode

Row = dict[str, Any]
Asked = tuple[Read, dict[str, Any]]
"""A read and the values of its parameters, by name."""
Connection = psycopg.AsyncConnection[Row]
Answer = TypeVar("Answer")

LIMIT = bindparam("limit", type_=Integer)
"""How many rows are wanted."""

_BEGIN, _COMMIT = "BEGIN", "COMMIT"
_SET_VIEWER = "SELECT set_config('souk.viewer', %(viewer)s, true)"
_PATIENCE_SECONDS = 10.0
"""How long a read waits for a connection."""
_AGAIN_SECONDS = 1.0
"""Between two tries to connect."""


class ReadsAwayError(ConnectionError):
    """Postgres does not answer, or every connection stayed busy."""


@dataclass(frozen=True, slots=True)
class One:
    """One row. ``missing`` is the refusal where there is none, or none that the viewer may see."""

    read: Read
    values: dict[str, Any]
    missing: ErrorCode

    def of(self, rows: list[Row]) -> Row:
        if not rows:
            raise self.missing.error()
        return rows[0]


class Reads:
    """A pool of one role for reads, and for what is noted of one in its transaction.

    ``prepare`` False sends no named prepared statements, as a pooler wants it.

    Every method raises ReadsAwayError when Postgres is away.
    """

    def __init__(self, url: str, size: int, application_name: str, *, prepare: bool = True) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            make_url(url).set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=1,
            max_size=size,
            timeout=_PATIENCE_SECONDS,
            name=application_name,
            open=False,
            configure=_configure,
            # Left to itself the pool waits longer after each try, up to minutes, and reads with it.
            reconnect_timeout=_AGAIN_SECONDS,
            reconnect_failed=_try_again,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                **connect_settings(application_name, prepare=prepare),
            },
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The pool, for as long as the block lasts. Does not wait for Postgres."""
        await self._pool.open()
        try:
            yield
        finally:
            await self._pool.close()

    @property
    def connections(self) -> tuple[int, int]:
        """How many are in use, and how many there may be."""
        known = self._pool.get_stats()
        return known["pool_size"] - known["pool_available"], known["pool_max"]

    async def rows(self, read: Read, **values: Any) -> list[Row]:
        """The rows of a read that is public."""

        async def ask(connection: Connection) -> list[Row]:
            cursor = await connection.execute(read.text, read.parameters(values))
            return await cursor.fetchall()

        return await self._on_a_connection(ask)

    async def together(self, *asked: Asked, viewer: UUID | None = None) -> list[list[Row]]:
        """The rows of several reads, sent at once. ``viewer`` is whose private rows row-level security shows."""

        async def ask(connection: Connection) -> list[list[Row]]:
            async with connection.pipeline():
                if viewer is not None:
                    await _begin(connection, viewer)
                cursors = [await connection.execute(read.text, read.parameters(values)) for read, values in asked]
                if viewer is not None:
                    await connection.execute(_COMMIT)
            return [await cursor.fetchall() for cursor in cursors]

        return await self._on_a_connection(ask)

    async def one(self, wanted: One, viewer: UUID) -> Row:
        """Raises what is ``missing``."""
        [rows] = await self.together((wanted.read, wanted.values), viewer=viewer)
        return wanted.of(rows)

    async def one_and_note(self, wanted: One, note: Callable[[Row], Asked], viewer: UUID) -> None:
        """The same, and the statement that ``note`` makes of the row, in one transaction."""
        noted = False

        async def ask(connection: Connection) -> None:
            nonlocal noted
            if noted:
                # It was lost with the connection, or was not: to note it again could note another row.
                raise ReadsAwayError
            async with connection.pipeline():
                await _begin(connection, viewer)
                cursor = await connection.execute(wanted.read.text, wanted.read.parameters(wanted.values))
                row = wanted.of(await cursor.fetchall())
                noted = True
                read, values = note(row)
                await connection.execute(read.text, read.parameters(values))
                await connection.execute(_COMMIT)

        await self._on_a_connection(ask)

    async def _on_a_connection(self, ask: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Asks once more when the connection was dead: it may have lain idle while Postgres was restarted."""
        try:
            try:
                return await self._ask(ask)
            except PoolTimeout:
                raise
            except psycopg.OperationalError:
                await self._pool.check()
                return await self._ask(ask)
        except psycopg.OperationalError as error:
            raise ReadsAwayError from error

    async def _ask(self, ask: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        async with self._pool.connection() as connection:
            return await ask(connection)


async def _begin(connection: Connection, viewer: UUID) -> None:
    """A transaction that forgets the viewer with its end: the pool rolls back what was not committed.

    In words and not as the driver's block, which waits for each of them even in a pipeline.
    """
    await connection.execute(_BEGIN)
    await connection.execute(_SET_VIEWER, {"viewer": str(viewer)})


async def _try_again(pool: AsyncConnectionPool[Connection]) -> None:
    """For as long as Postgres is away."""
    await pool.check()


class _JsonLoader(Loader):
    def load(self, data: Buffer) -> Any:
        return from_json(bytes(data))


async def _configure(connection: Connection) -> None:
    """Ids stay the text that Postgres sends: they are only ever written into an answer."""
    connection.adapters.register_loader("uuid", TextLoader)
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, _JsonLoader)
