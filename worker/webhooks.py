"""Deliveries in the worker process: a worker of their own on a queue of their own, and the listener that wakes them.

Deliveries have their own places and their own small pool of connections, so however slow the receivers are, the
market's processes notice nothing; receivers that are slow or failing have places of their own besides, so the
prompt ones notice nothing either. The listener turns commits of events into nudges: LISTEN tells that there is
something, one look finds the endpoints concerned, a burst becomes one nudge each. Of several worker processes one
listens at a time, held by an advisory lock. What is lost here the sweep finds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

import psycopg
import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.platform.signatures import activities_of
from activities.webhooks.delivery import HttpWebhookActivities
from activities.webhooks.formats import Format, Formats, StandardFormat
from activities.webhooks.sending import webhook_client
from activities.webhooks.waking import wake_delivery
from db.platform.database import Database
from db.webhooks.pending import list_concerned, list_waiting, read_bounds
from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_QUEUE
from domain.webhooks.states import WebhookFormat
from worker.parts import Host, WorkerPart
from workflows.webhooks.delivery import WebhookDelivery

_log = structlog.get_logger("souk.webhooks")
_WORKFLOWS: tuple[type, ...] = (WebhookDelivery,)
_POOL_SIZE = 4
_CHANNEL = "souk_feed"
_ONE_LISTENER = 7_305_811_203
_MOST = 500
_AT_ONCE = 16
_GATHER_SECONDS = 0.05
"""A burst of commits is looked at together."""
_UNSETTLED_SECONDS = 0.1
_IDLE_SECONDS = 2.0
_REST_SECONDS = 1.0
"""An endpoint is nudged this often at most."""


def _build_formats(host: Host) -> Formats:
    """The standard format, and those that contexts declare."""
    settings = host.settings
    formats: dict[str, Format] = {
        WebhookFormat.STANDARD: StandardFormat(settings.credential_secret.get_secret_value().encode())
    }
    for part in host.specs.contexts.parts("worker", WorkerPart):
        formats |= part.formats(settings)
    return formats


@asynccontextmanager
async def _serve(host: Host) -> AsyncIterator[None]:
    """Deliver, and listen for what is to be delivered."""
    settings = host.settings
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(host.database(_POOL_SIZE, "souk-webhooks"))
        await stack.enter_async_context(host.heartbeating(database, (WEBHOOK_QUEUE, SLOW_WEBHOOK_QUEUE)))
        for task_queue in (WEBHOOK_QUEUE, SLOW_WEBHOOK_QUEUE):
            # Each its own connections and resolver: what hangs on one queue takes nothing from the other.
            http = await stack.enter_async_context(webhook_client(settings.deliveries))
            activities = HttpWebhookActivities(database, http, _build_formats(host), settings.webhooks)
            await stack.enter_async_context(
                host.worker(
                    database,
                    task_queue,
                    _WORKFLOWS if task_queue == WEBHOOK_QUEUE else (),
                    activities_of(activities),
                    most_activities=settings.webhooks.concurrency,
                    most_cached=500,
                )
            )
        await stack.enter_async_context(Listener(host.client, database).running())
        yield


PART = WorkerPart("webhooks", _WORKFLOWS, _serve)


class Listener:
    """Wakes the processes of endpoints that have something to deliver."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._since = 0
        self._wanted: set[UUID] = set()
        self._woken: dict[UUID, float] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="webhook-listener")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            try:
                async with await self._database.connect_directly("souk-webhook-listener") as listener:
                    await self._lead(listener)
            except (psycopg.Error, OSError) as error:
                # Postgres restarts: meanwhile nothing is committed that would have to be told.
                _log.warning("webhooks.listener_lost", error=type(error).__name__)
                await asyncio.sleep(_IDLE_SECONDS)

    async def _lead(self, listener: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        """Wait to be the one that listens, then listen. The lock ends with the connection."""
        # A statement that waits for the lock would hold a snapshot open for as long, so it is asked for in turns.
        while not await self._is_the_one(listener):  # noqa: ASYNC110
            await asyncio.sleep(_IDLE_SECONDS)
        await listener.execute(f"LISTEN {_CHANNEL}")
        async with self._database.transaction() as transaction:
            self._since = (await read_bounds(transaction)).horizon
            self._wanted.update(await list_waiting(transaction, _MOST))
        while True:
            unsettled = await self._look()
            await self._wake()
            pause = _REST_SECONDS if self._wanted else _IDLE_SECONDS
            async for _ in listener.notifies(timeout=_UNSETTLED_SECONDS if unsettled else pause, stop_after=1):
                await asyncio.sleep(_GATHER_SECONDS)

    async def _is_the_one(self, listener: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
        row = await (await listener.execute("SELECT pg_try_advisory_lock(%s)", (_ONE_LISTENER,))).fetchone()
        return row is not None and row[0] is True

    async def _look(self) -> bool:
        """Gather whom the news concern. True when more is committed than may be read yet."""
        async with self._database.transaction() as transaction:
            bounds = await read_bounds(transaction)
            if bounds.horizon > self._since:
                self._wanted.update(await list_concerned(transaction, self._since, bounds.horizon))
        self._since = max(self._since, bounds.horizon)
        return bounds.unsettled

    async def _wake(self) -> None:
        """Nudge those that were not nudged just now; the others keep."""
        now = asyncio.get_running_loop().time()
        self._woken = {key: moment for key, moment in self._woken.items() if now - moment < _REST_SECONDS}
        due = self._wanted - self._woken.keys()
        self._wanted -= due
        self._woken.update(dict.fromkeys(due, now))
        await asyncio.gather(*(self._nudge(key) for key in due))

    async def _nudge(self, webhook_id: UUID) -> None:
        async with self._gate:
            try:
                await wake_delivery(self._client, webhook_id)
            except (RPCError, RuntimeError) as error:
                _log.warning("webhooks.nudge_left_to_the_sweep", error=type(error).__name__)
