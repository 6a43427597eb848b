"""The database as one role sees it: transactions, and single statements that commit by themselves.

One ``Database`` per pool of connections; what runs inside a transaction never commits itself. Whatever fails raises
psycopg's errors: an ``OperationalError`` where Postgres is away or a connection was lost.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db.platform import writes
from db.platform.engine import make_engine
from db.platform.pool import Connection, ConnectionLostError, Pool
from db.platform.reading import Asked, One
from db.platform.statements import Compiled, Found, Shown
from db.platform.transactions import Asks, Transaction, ask

_Answer = TypeVar("_Answer")

# A process that was frozen, or whose machine is gone, must not hold rows, locks and the horizon of all feeds for ever:
# Postgres ends a transaction that nobody goes on with, and a statement that nobody waits for. Both in milliseconds.
_SESSION_OPTIONS = "-c idle_in_transaction_session_timeout=30000 -c client_connection_check_interval=2000"


def connect_settings(application_name: str, *, prepare: bool = True, statement_seconds: float = 0) -> dict[str, Any]:
    """What every connection of Souk is opened with.

    ``prepare`` False is for a pooler in transaction mode: the next transaction finds itself on another server's
    session, so no prepared statement has a name, and the session's options are the pooler's to set
    (``docs/scaling.md``). ``statement_seconds``: how long a statement may take; 0 is for ever.
    """
    settings: dict[str, Any] = {"application_name": application_name, "connect_timeout": 5}
    options = f"{_SESSION_OPTIONS} -c statement_timeout={round(statement_seconds * 1_000)}"
    return settings | ({"options": options} if prepare else {"prepare_threshold": None})


class Database(Asks):
    """A pool of connections of one role, opened as they are needed.

    Statements of its own commit by themselves. One whose connection was lost is run once more, for the connection may
    have died while it lay idle; what it writes may then have been written twice.

    ``direct_url`` is Postgres itself where ``url`` leads through a pooler in transaction mode: what needs a
    session to itself, LISTEN and advisory locks, goes there.
    """

    def __init__(
        self, url: str, pool_size: int, application_name: str, direct_url: str = "", *, statement_seconds: float = 0
    ) -> None:
        self._url, self._direct_url = _without_driver(url), _without_driver(direct_url or url)
        self._settings = connect_settings(application_name, prepare=not direct_url, statement_seconds=statement_seconds)
        self._pool = Pool(self._connect, pool_size)
        self.engine = make_engine(url, pool_size, self._settings)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def _connect(self) -> Connection:
        return await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._settings)

    async def connect_directly(self, application_name: str) -> Connection:
        """A session of one's own outside the pool, each statement for itself. Raises psycopg.Error."""
        settings = connect_settings(application_name)
        return await psycopg.AsyncConnection.connect(self._direct_url, autocommit=True, **settings)

    @property
    def connections(self) -> tuple[int, int]:
        """How many are in use, and how many there may be."""
        return self._pool.in_use, self._pool.size

    @asynccontextmanager
    async def transaction(
        self, viewer: UUID | None = None, watchers: Collection[UUID] = ()
    ) -> AsyncIterator[Transaction]:
        """One transaction: committed at the end, rolled back by any exception.

        ``viewer`` is whose private rows row-level security lets the API's role see in it; ``watchers`` are
        those whose inbox events, and nothing else, it lets it see besides.
        """
        async with self._pool.connection() as connection:
            await connection.execute(f"BEGIN; {_show_to(viewer, watchers)}".encode(), prepare=False)
            transaction = Transaction(connection, {})
            yield transaction
            await writes.send(transaction)
            await transaction.commit()

    async def run(self, text: str, values: dict[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        return await self._alone(lambda connection: ask(connection, text, values))

    async def fetch(self, query: Compiled[Found], values: dict[str, Any]) -> list[Found]:
        async def found(connection: Connection) -> list[Found]:
            return await query.found(await query.send(connection, values))

        return await self._alone(found)

    async def together(self, *asked: Asked, viewer: UUID | None = None) -> list[list[Any]]:
        """What several reads find, sent at once. ``viewer`` is whose private rows row-level security shows."""

        async def found(connection: Connection) -> list[list[Any]]:
            async with connection.pipeline():
                if viewer is not None:
                    await _begin_for(connection, viewer)
                cursors = [await query.send(connection, values) for query, values in asked]
                if viewer is not None:
                    await connection.execute(_COMMIT)
            return [await query.found(cursor) for (query, _), cursor in zip(asked, cursors, strict=True)]

        return await self._alone(found)

    async def read_one(self, wanted: One, viewer: UUID) -> Shown:
        """Raises what is ``missing``."""
        [rows] = await self.together((wanted.read, wanted.values), viewer=viewer)
        return wanted.of(rows)

    async def read_one_and_note(self, wanted: One, note: Callable[[Shown], Asked], viewer: UUID) -> None:
        """The same, and the statement that ``note`` makes of the row, in one transaction."""
        noted = False

        async def read_and_note(connection: Connection) -> None:
            nonlocal noted
            if noted:
                # It was lost with the connection, or was not: to note it again could note another row.
                raise ConnectionLostError
            async with connection.pipeline():
                await _begin_for(connection, viewer)
                row = wanted.of(await wanted.read.found(await wanted.read.send(connection, wanted.values)))
                noted = True
                query, values = note(row)
                await query.send(connection, values)
                await connection.execute(_COMMIT)

        await self._alone(read_and_note)

    async def _alone(self, work: Callable[[Connection], Awaitable[_Answer]]) -> _Answer:
        try:
            async with self._pool.connection() as connection:
                return await work(connection)
        except ConnectionLostError:
            async with self._pool.connection() as connection:
                return await work(connection)

    @asynccontextmanager
    async def session(self, viewer: UUID | None = None, watchers: Collection[UUID] = ()) -> AsyncIterator[AsyncSession]:
        """The same as ``transaction`` with mapped classes: goes away."""
        try:
            async with self._sessions() as session, session.begin():
                if viewer is not None or watchers:
                    await (await session.connection()).exec_driver_sql(_show_to(viewer, watchers))
                yield session
                if session.in_transaction():
                    await writes.send(session)
        except (DBAPIError, PoolTimeoutError) as error:
            raise _own_error(error) from error

    async def close(self) -> None:
        await self._pool.close()
        await self.engine.dispose()


_BEGIN, _COMMIT = "BEGIN", "COMMIT"
_SET_VIEWER = "SELECT set_config('souk.viewer', %s, true)"


async def _begin_for(connection: Connection, viewer: UUID) -> None:
    """A transaction that forgets the viewer with its end.

    In words and not as the driver's block, which waits for each of them even in a pipeline.
    """
    await connection.execute(_BEGIN)
    await connection.execute(_SET_VIEWER, (str(viewer),))


def _show_to(viewer: UUID | None, watchers: Collection[UUID]) -> str:
    """What tells row-level security, until the transaction ends, whose rows it shows: nothing for nobody."""
    shown = []
    if viewer is not None:
        shown.append(f"set_config('souk.viewer', '{viewer}', true)")
    if watchers:
        shown.append(f"set_config('souk.watchers', '{{{','.join(map(str, watchers))}}}', true)")
    return f"SELECT {', '.join(shown)}" if shown else ""


def _without_driver(url: str) -> str:
    """The URL as the driver itself takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _own_error(error: DBAPIError | PoolTimeoutError) -> BaseException:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return ConnectionLostError(str(error.orig)) if error.connection_invalidated else error.orig
    return psycopg.OperationalError(str(error))
