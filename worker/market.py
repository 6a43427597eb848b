"""The market's and the checkout's processes in the worker process: each a worker and a queue of their own.

What a payment handler keeps waiting takes no place and no connection of trade's.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

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

from config.settings import Settings
from db.platform.database import Database
from domain.checkout.processes import CHECKOUT_QUEUE
from domain.market.processes import MARKET_QUEUE, SWEEP, SWEEP_SCHEDULE
from worker.building import build_worker
from worker.heartbeating import heartbeating
from worker.registry import CHECKOUT_WORKFLOWS, MARKET_WORKFLOWS, build_activities, build_checkout_activities

_CHECKOUT_POOL_SIZE = 4


@asynccontextmanager
async def serving_market(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run the market's processes, and keep the sweep's schedule, for as long as the block lasts."""
    async with _database(settings, settings.worker_pool_size, "souk-worker") as database:
        await _ensure_schedule(client, settings.sweep_interval_seconds)
        async with (
            heartbeating(client, database, (MARKET_QUEUE,), settings),
            build_worker(
                client, MARKET_QUEUE, MARKET_WORKFLOWS, build_activities(database, client, settings), database=database
            ),
        ):
            yield


@asynccontextmanager
async def serving_checkout(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run the checkout sessions for as long as the block lasts."""
    async with _database(settings, _CHECKOUT_POOL_SIZE, "souk-checkout") as database:
        activities = build_checkout_activities(database, client, settings)
        async with (
            heartbeating(client, database, (CHECKOUT_QUEUE,), settings),
            build_worker(client, CHECKOUT_QUEUE, CHECKOUT_WORKFLOWS, activities, database=database),
        ):
            yield


@asynccontextmanager
async def _database(settings: Settings, pool_size: int, name: str) -> AsyncIterator[Database]:
    database = Database(settings.pooled_url("worker"), pool_size, name, settings.direct_url("worker"))
    try:
        yield database
    finally:
        await database.close()


async def _ensure_schedule(client: Client, every_seconds: float) -> None:
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
