"""A worker's signs of life: without them a queue counts as unserved, and a longer silence as an outage.

The first beat comes before the worker takes tasks, so an outage is recorded and its dates are moved before anything
could end by them. A beat needs Postgres and an answer of Temporal about the queue: where one of them is away the
market is away, and no beat is written.

A queue's row tells that one of its workers lives. That this one does, and polls, it tells by a file for each queue,
which is touched with every beat.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import product
from pathlib import Path

import psycopg
import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.platform.serving import KINDS, describe_queue
from config.settings import Settings
from db.platform.contexts import DbParts
from db.platform.database import Database
from db.platform.outages import beat
from domain.platform.outages import OutagePolicy

_log = structlog.get_logger("souk.beats")
_AGAIN_SECONDS = 1.0


@asynccontextmanager
async def heartbeating(
    client: Client, database: Database, rows: DbParts, queues: Sequence[str], settings: Settings
) -> AsyncIterator[None]:
    """Beat for ``queues`` for as long as the block lasts; enter it before their workers run."""
    policy, health_dir = settings.outages, settings.worker_health_dir
    # What it waits for is elsewhere, and tells nobody that it is back.
    while await _beat(client, database, rows, queues, policy) is None:  # noqa: ASYNC110
        await asyncio.sleep(min(_AGAIN_SECONDS, policy.beat_seconds))
    if health_dir:
        _forget(Path(health_dir), queues)
    task = asyncio.create_task(_run(client, database, rows, queues, policy, health_dir), name="beats")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _forget(folder: Path, queues: Sequence[str]) -> None:
    """What an earlier worker left says nothing of this one."""
    folder.mkdir(parents=True, exist_ok=True)
    for queue in queues:
        (folder / queue).unlink(missing_ok=True)


def _touch(folder: Path, polled: Iterable[str]) -> None:
    """Whoever watches the files finds them old when they cannot be written; the worker goes on."""
    try:
        for queue in polled:
            (folder / queue).touch()
    except OSError as error:
        _log.warning("health file not written", folder=str(folder), error=type(error).__name__)


async def _run(
    client: Client, database: Database, rows: DbParts, queues: Sequence[str], policy: OutagePolicy, health_dir: str
) -> None:
    well = True
    while True:
        await asyncio.sleep(policy.beat_seconds if well else min(_AGAIN_SECONDS, policy.beat_seconds))
        polled = await _beat(client, database, rows, queues, policy)
        well = polled is not None
        if health_dir:
            _touch(Path(health_dir), polled or ())


async def _beat(
    client: Client, database: Database, rows: DbParts, queues: Sequence[str], policy: OutagePolicy
) -> set[str] | None:
    """Which of the queues this worker polls, as Temporal has it; None when the beat was missed."""
    asked = list(product(queues, KINDS))
    try:
        told = await asyncio.gather(*(describe_queue(client, queue, kind) for queue, kind in asked))
        async with database.transaction() as transaction:
            recorded = await beat(transaction, rows, queues, policy)
    except (psycopg.Error, OSError, RPCError, RuntimeError) as error:
        # What is away comes back, and the next beat records for how long it was.
        _log.warning("beat missed", queues=list(queues), error=type(error).__name__)
        return None
    for outage in recorded:
        _log.warning(
            "outage recorded",
            part=outage.part,
            began_at=outage.began_at.isoformat(),
            ended_at=outage.ended_at.isoformat(),
            dates_moved=outage.dates_moved,
        )
    return {
        queue
        for (queue, _), one in zip(asked, told, strict=True)
        if any(poller.identity == client.identity for poller in one.pollers)
    }
