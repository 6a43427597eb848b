"""The API's sign of life: while no process of it beats nobody can act, so nothing ends by its date.

A worker records the silence once it is over (``db/platform/outages.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog

from db.platform.database import Database
from db.platform.outages import api_beat
from domain.platform.outages import OutagePolicy

_log = structlog.get_logger("souk.beats")


@asynccontextmanager
async def heartbeating(database: Database, policy: OutagePolicy) -> AsyncIterator[None]:
    """Beat for as long as the block lasts."""
    task = asyncio.create_task(_run(database, policy), name="beats")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(database: Database, policy: OutagePolicy) -> None:
    while True:
        try:
            async with database.transaction() as transaction:
                await api_beat(transaction, policy)
        except (psycopg.Error, OSError) as error:
            _log.warning("beat missed", error=type(error).__name__)
        await asyncio.sleep(policy.beat_seconds)
