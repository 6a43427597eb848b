"""Whether a process of the API still lives, as others can tell without asking it.

Each process keeps one session of Postgres that holds an advisory lock under a number of its own. Postgres frees the
lock when that session ends, however the process ended, so what a process had begun is known to be given up at once
and not after a time limit. Needs a session to itself: a pooler in transaction mode is passed by.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog

from db.platform.database import Database

LOCK_CLASS = 0x50C1
"""The first of the lock's two keys: nothing else in the database takes an advisory lock of this class."""

_RETRY_SECONDS = 1.0
# A connection that died without a word is noticed by this, one that was closed at once.
_PROBE_SECONDS = 30.0
_log = structlog.get_logger("souk.presence")


class Presence:
    """This process's own session. ``holder`` is its number while the lock is held, None while it is not known to be."""

    def __init__(self, database: Database, application_name: str) -> None:
        self._database = database
        self._name = application_name
        self._number = secrets.randbits(31)
        self._held = False

    @property
    def holder(self) -> int | None:
        return self._number if self._held else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Presence"]:
        """Hold the lock for as long as the block lasts; after a lost connection, again."""
        task = asyncio.create_task(self._hold_forever())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _hold_forever(self) -> None:
        while True:
            try:
                async with await self._database.connect_directly(self._name) as connection:
                    await connection.execute("SELECT pg_advisory_lock(%s, %s)", (LOCK_CLASS, self._number))
                    self._held = True
                    while True:
                        # Nothing is listened to: this returns at its timeout, and raises once the connection ends.
                        async for _ in connection.notifies(timeout=_PROBE_SECONDS, stop_after=1):
                            pass
                        await connection.execute("SELECT 1")
            except (psycopg.Error, OSError) as error:
                _log.warning("presence lost", error=type(error).__name__)
            finally:
                self._held = False
            await asyncio.sleep(_RETRY_SECONDS)
