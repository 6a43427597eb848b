"""A busy neighbour for every test: transactions that others keep open, at which all readers of the logs must stop.

Readers of the feed, of inboxes and of what webhooks are owed stop at the oldest transaction still running anywhere in
the cluster: an ANALYZE of autovacuum, another Souk on another database. So "committed" is not "visible to readers",
and a test that writes and then reads at once passes until the machine is busy. ``SOUK_TEST_SLOW_COMMITS=1`` makes
such transactions the rule, each of up to a second and a half, so that these tests fail here and not in CI.
"""

import asyncio
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import text

from db.platform.database import Database

_LONGEST_SECONDS = 60
_OPEN_SECONDS = (0.2, 1.5)
_BETWEEN_SECONDS = (0.0, 0.1)


@contextmanager
def slow_commits(url: str) -> Iterator[None]:
    """Keep transactions open in the cluster while the block lasts, if the environment asks for it.

    ``url`` is of a database that no test uses: what it holds back is what others read.
    """
    if os.environ.get("SOUK_TEST_SLOW_COMMITS", "0") in {"", "0"}:
        yield
        return
    over = threading.Event()
    neighbour = threading.Thread(target=_keep_busy, args=(url, over), name="slow commits", daemon=True)
    neighbour.start()
    try:
        yield
    finally:
        over.set()
        neighbour.join(10)


def _keep_busy(url: str, over: threading.Event) -> None:
    dice = random.Random()  # hypothesis keeps the common one
    with psycopg.connect(url) as connection:
        while not over.is_set():
            with connection.transaction():
                connection.execute("SELECT pg_current_xact_id()")
                over.wait(dice.uniform(*_OPEN_SECONDS))
            over.wait(dice.uniform(*_BETWEEN_SECONDS))


async def settle(database: Database) -> None:
    """Wait until readers of the logs see all that was committed before this call."""
    async with database.session() as session:
        # The first transaction that has not begun yet: all that are committed lie below.
        begun = await session.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
    async with asyncio.timeout(_LONGEST_SECONDS):
        while True:
            async with database.session() as session:
                horizon = await session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
            if (horizon or 0) >= (begun or 0):
                return
            await asyncio.sleep(0.01)
