"""A worker's signs of life: without them a queue counts as unserved, and a longer silence as an outage.

The first beat comes before the worker takes tasks, so an outage is recorded and its dates are moved before anything
could end by them. A beat needs Postgres and an answer of Temporal about the queue: where one of them is away the
market is away, and no beat is written.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError

from activities.platform.serving import describe_queue
from db.outages import beat
from db.platform.database import Database
from domain.outages import OutagePolicy

_log = structlog.get_logger("souk.beats")
_AGAIN_SECONDS = 1.0


@asynccontextmanager
async def heartbeating(
    client: Client, database: Database, queues: Sequence[str], policy: OutagePolicy
) -> AsyncIterator[None]:
    """Beat for ``queues`` for as long as the block lasts; enter it before their workers run."""
    # What it waits for is elsewhere, and tells nobody that it is back.
    while not await _beat(client, database, queues, policy):  # noqa: ASYNC110
        await asyncio.sleep(min(_AGAIN_SECONDS, policy.beat_seconds))
    task = asyncio.create_task(_run(client, database, queues, policy), name="beats")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(client: Client, database: Database, queues: Sequence[str], policy: OutagePolicy) -> None:
    well = True
    while True:
        await asyncio.sleep(policy.beat_seconds if well else min(_AGAIN_SECONDS, policy.beat_seconds))
        well = await _beat(client, database, queues, policy)


async def _beat(client: Client, database: Database, queues: Sequence[str], policy: OutagePolicy) -> bool:
    try:
        await asyncio.gather(*(describe_queue(client, queue, "workflow") for queue in queues))
        async with database.transaction() as transaction:
            recorded = await beat(transaction, queues, policy)
    except (SQLAlchemyError, OSError, RPCError, RuntimeError) as error:
        # What is away comes back, and the next beat records for how long it was.
        _log.warning("beat missed", queues=list(queues), error=type(error).__name__)
        return False
    for outage in recorded:
        _log.warning(
            "outage recorded",
            part=outage.part,
            began_at=outage.began_at.isoformat(),
            ended_at=outage.ended_at.isoformat(),
            dates_moved=outage.dates_moved,
        )
    return True
