"""What the worker process serves: the contexts' parts."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
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

from config.contexts import CONTEXTS
from config.settings import Settings
from config.specs import workflow_specs
from domain.platform.contexts import Contexts
from domain.platform.workflows import SWEEP, SWEEP_SCHEDULE
from worker.parts import KERNEL_WORKFLOWS, Host, WorkerPart


def list_workflows(contexts: Contexts = CONTEXTS) -> list[type]:
    """Every workflow there is."""
    return [*KERNEL_WORKFLOWS, *(found for part in contexts.parts("worker", WorkerPart) for found in part.workflows)]


@asynccontextmanager
async def serving(
    client: Client, settings: Settings, names: Collection[str] = CONTEXTS.names, contexts: Contexts = CONTEXTS
) -> AsyncIterator[None]:
    """Serve the queues of these contexts, and keep the sweep's schedule, for as long as the block lasts."""
    host = Host(client, settings, workflow_specs(settings, contexts))
    async with AsyncExitStack() as stack:
        for part in contexts.parts("worker", WorkerPart):
            if part.name in names:
                await stack.enter_async_context(part.serve(host))
        # Whoever serves the kernel's queue keeps its schedule.
        if contexts.all[0].name in names:
            await _ensure_schedule(client, contexts.kernel_queue, settings.sweep_interval_seconds)
        yield


async def _ensure_schedule(client: Client, queue: str, every_seconds: float) -> None:
    """Make or update the schedule of the sweep."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(SWEEP, id=f"sweep/{SWEEP_SCHEDULE}", task_queue=queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_seconds))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
    )

    def renew(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(SWEEP_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(SWEEP_SCHEDULE).update(renew)
