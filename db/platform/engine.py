"""SQLAlchemy's pool, for as long as transactions with mapped classes are opened."""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from db.platform import pool
from db.platform.pool import Trouble

_IDLE_SINCE = "souk.idle_since"


def make_engine(url: str, pool_size: int, settings: dict[str, Any]) -> AsyncEngine:
    """A pool of connections that survives a restart of Postgres."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # What was used last is warm: its statements are prepared and planned. In turns, each would be cold for long.
        pool_use_lifo=True,
        # Errors are logged; parameters may be terms of an offer.
        hide_parameters=True,
        connect_args=settings,
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
        if since is None or (since > Trouble.at and time.monotonic() - since < pool.PING_AFTER_SECONDS):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # The pool gives up every connection older than this one and opens a new one.
            raise InvalidatePoolError from error
