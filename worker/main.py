"""Runs a worker until told to stop: connects, keeps the sweep's schedule, drains on SIGTERM."""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog
import uvloop
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from config.logs import configure_logs
from config.settings import WORKER_QUEUES, Settings
from db.session import Database
from domain.market.processes import MARKET_QUEUE, SWEEP, SWEEP_SCHEDULE
from worker.interceptors import RefusalInterceptor
from worker.registry import WORKFLOWS, build_activities
from worker.sandbox import runner
from worker.webhooks import serving_webhooks
from workflows.client import connect

_log = structlog.get_logger("souk.worker")
_COLLECT_EVERY = 10_000
"""New objects between two looks for garbage; Python's own 700 is made for small programs."""
_YOUNG_PER_MIDDLE = 5
_MIDDLE_PER_FULL = 5


def build_worker(client: Client, database: Database, settings: Settings, *, task_queue: str = MARKET_QUEUE) -> Worker:
    """A worker for the market's queue; the caller runs it."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=build_activities(database, client, settings),
        interceptors=[RefusalInterceptor()],
        workflow_runner=runner(),
        graceful_shutdown_timeout=timedelta(seconds=10),
        # One poller for new workflows (the default ratio) makes every start wait its turn.
        nonsticky_to_sticky_poll_ratio=0.5,
    )


async def ensure_schedule(client: Client, every_seconds: float) -> None:
    """Make or update the ``expire-offers`` schedule."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(SWEEP, id=f"sweep/{SWEEP_SCHEDULE}", task_queue=MARKET_QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_seconds))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
    )

    def renew(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(SWEEP_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(SWEEP_SCHEDULE).update(renew)


def _runtime(metrics_port: int) -> Runtime | None:
    """One that serves the SDK's metrics on a port of this machine; None, the process's own, for port 0.

    Not the process's default: whoever looked before whether Temporal answers has set that one already.
    """
    if not metrics_port:
        return None
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{metrics_port}")))


def _spare_the_collector() -> None:
    """What was loaded by now stays: to look through it for garbage again and again costs 3 % of a worker's time."""
    gc.collect()
    gc.freeze()
    # A process that leaves the cache is garbage that only a full collection finds: it may not come too seldom.
    gc.set_threshold(_COLLECT_EVERY, _YOUNG_PER_MIDDLE, _MIDDLE_PER_FULL)


@asynccontextmanager
async def serving_market(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run the market's processes, and keep the sweep's schedule, for as long as the block lasts."""
    database = Database(
        settings.pooled_url("worker"), settings.worker_pool_size, "souk-worker", settings.direct_url("worker")
    )
    try:
        await ensure_schedule(client, settings.sweep_interval_seconds)
        async with build_worker(client, database, settings):
            yield
    finally:
        await database.close()


async def run(settings: Settings, queues: Collection[str] = WORKER_QUEUES) -> None:
    """Serve ``queues`` until SIGTERM or SIGINT; finishes what is under way."""
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        settings.payload_keys.get_secret_value(),
        runtime=_runtime(settings.worker_metrics_port),
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as serving:
        if "market" in queues:
            await serving.enter_async_context(serving_market(client, settings))
        if "webhooks" in queues:
            await serving.enter_async_context(serving_webhooks(client, settings))
        _spare_the_collector()
        _log.info("worker ready", queues=sorted(queues))
        await stop.wait()
        _log.info("worker draining")


def main(queues: Collection[str] = WORKER_QUEUES) -> None:
    """Entry point of ``souk worker``."""
    settings = Settings()
    configure_logs(settings.log_level, as_json=settings.log_json)
    if not settings.temporal_address:
        sys.exit("no Temporal is configured: set SOUK_TEMPORAL_ADDRESS")
    if not settings.credential_secret.get_secret_value():
        sys.exit("no credential secret: webhooks cannot be signed; set SOUK_CREDENTIAL_SECRET as the API has it")
    uvloop.run(run(settings, queues))


if __name__ == "__main__":
    main()
