"""Transactions. One ``Database`` per process and role; what runs inside a transaction never commits itself.

Tables have no ORM relationships, so a flush does not know that a row refers to another: whoever adds a row
that others refer to flushes before adding those.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from db.platform import writes
from db.platform.transactions import Transaction, translated

_SHOW_TO = "SELECT set_config('souk.viewer', %s, true)"
_SET_VIEWER = text("SELECT set_config('souk.viewer', :viewer, true)")
_SET_WATCHERS = text("SELECT set_config('souk.watchers', :watchers, true)")


# A process that was frozen, or whose machine is gone, must not hold rows, locks and the horizon of all feeds for ever:
# Postgres ends a transaction that nobody goes on with, and a statement that nobody waits for. Both in milliseconds.
_SESSION_OPTIONS = "-c idle_in_transaction_session_timeout=30000 -c client_connection_check_interval=2000"
_PING_AFTER_SECONDS = 1.0
_IDLE_SINCE = "souk.idle_since"


class Trouble:
    """When a connection of this process was last lost or refused, whatever it belonged to."""

    at = float("-inf")


def connect_settings(application_name: str, *, prepare: bool = True) -> dict[str, Any]:
    """What every connection of Souk is opened with.

    ``prepare`` False is for a pooler in transaction mode: the next transaction finds itself on another server's
    session, so no prepared statement has a name, and the session's options are the pooler's to set
    (``docs/operations.md``).
    """
    settings: dict[str, Any] = {"application_name": application_name, "connect_timeout": 5}
    return settings | ({"options": _SESSION_OPTIONS} if prepare else {"prepare_threshold": None})


def make_engine(
    url: str,
    pool_size: int,
    application_name: str,
    *,
    prepare: bool = True,
) -> AsyncEngine:
    """A pool of connections that survives a restart of Postgres. ``prepare``: see ``connect_settings``."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # What was used last is warm: its statements are prepared and planned. In turns, each would be cold for long.
        pool_use_lifo=True,
        # Errors are logged; parameters may be terms of an offer.
        hide_parameters=True,
        connect_args=connect_settings(application_name, prepare=prepare),
    )
    _ping_the_idle(engine)
    return engine


def _ping_the_idle(engine: AsyncEngine) -> None:
    """Try a connection that lay idle, or has outlived trouble, before it is used again.

    SQLAlchemy's pre-ping does so at every checkout: one more round trip per transaction, for connections that
    worked a moment ago.
    """
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "handle_error")
    def suspect(context: ExceptionContext) -> None:
        if context.is_disconnect or context.connection is None:
            Trouble.at = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ping(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        since = record.info.get(_IDLE_SINCE)
        if since is None or (since > Trouble.at and time.monotonic() - since < _PING_AFTER_SECONDS):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # The pool gives up every connection older than this one and opens a new one.
            raise InvalidatePoolError from error


class Database:
    """A pool of connections of one role.

    ``direct_url`` is Postgres itself where ``url`` leads through a pooler in transaction mode: what needs a
    session to itself, LISTEN and advisory locks, goes there.
    """

    def __init__(self, url: str, pool_size: int, application_name: str, direct_url: str = "") -> None:
        self.engine: AsyncEngine = make_engine(url, pool_size, application_name, prepare=not direct_url)
        self._direct_url = direct_url
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def connect_directly(self, application_name: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
        """A session of one's own outside the pool, each statement for itself. Raises psycopg.Error."""
        url = make_url(self._direct_url) if self._direct_url else self.engine.url
        return await psycopg.AsyncConnection.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            autocommit=True,
            **connect_settings(application_name),
        )

    @asynccontextmanager
    async def session(self, viewer: UUID | None = None, watchers: Collection[UUID] = ()) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back by any exception.

        ``viewer`` is whose private rows row-level security lets the API's role see in it; ``watchers`` are
        those whose inbox events, and nothing else, it lets it see besides.
        """
        async with self._sessions() as session, session.begin():
            if viewer is not None:
                await session.execute(_SET_VIEWER, {"viewer": str(viewer)})
            if watchers:
                await session.execute(_SET_WATCHERS, {"watchers": f"{{{','.join(map(str, watchers))}}}"})
            yield session
            if session.in_transaction():
                await writes.send(session)

    @asynccontextmanager
    async def transaction(self, viewer: UUID | None = None) -> AsyncIterator[Transaction]:
        """The same without a session around it: statements over the driver."""
        async with self._driver() as driver:
            transaction = Transaction(driver, {})
            if viewer is not None:
                await transaction.run(_SHOW_TO, (str(viewer),))
            yield transaction
            await writes.send(transaction)
            await transaction.commit()

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]:
        """A connection of the pool, without one of SQLAlchemy's around it: that costs as much as a statement."""
        try:
            with translated():
                pooled = await self.engine.raw_connection()
        except OperationalError:
            Trouble.at = time.monotonic()
            raise
        driver = pooled.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        try:
            yield driver
        finally:
            if driver.closed:
                Trouble.at = time.monotonic()
            # The pool rolls back what was not committed, and gives the connection up if that is broken off.
            await asyncio.shield(greenlet_spawn(pooled.invalidate if driver.closed else pooled.close))

    async def close(self) -> None:
        await self.engine.dispose()
