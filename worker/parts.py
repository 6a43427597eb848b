"""What a context declares to the worker process, and what it is given to serve its queues."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.platform.signatures import activities_of
from activities.platform.specs import WorkflowSpecs
from activities.platform.upkeep import PostgresUpkeepActivities
from activities.webhooks.formats import Format
from config.settings import Settings
from db.platform.database import Database
from worker.building import build_worker
from worker.heartbeating import heartbeating
from workflows.platform.upkeep import Audit, Sweep

KERNEL_WORKFLOWS: tuple[type, ...] = (Sweep, Audit)
Activities = list[Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Host:
    """The worker process around a context's queues."""

    client: Client
    settings: Settings
    specs: WorkflowSpecs

    @asynccontextmanager
    async def database(self, pool_size: int, name: str) -> AsyncIterator[Database]:
        """A pool of connections for as long as the block lasts."""
        database = Database(self.settings.pooled_url("worker"), pool_size, name, self.settings.direct_url("worker"))
        try:
            yield database
        finally:
            await database.close()

    def heartbeating(self, database: Database, queues: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Say that these queues are served. Enter it before their workers run."""
        return heartbeating(self.client, database, self.specs.rows, queues, self.settings)

    def worker(
        self, database: Database, queue: str, workflows: Sequence[type], activities: Activities, **bounds: int
    ) -> Worker:
        """A worker for one queue, not running yet. The kernel's queue gets the kernel's own workflows as well."""
        if queue == self.specs.contexts.kernel_queue:
            workflows = (*workflows, *KERNEL_WORKFLOWS)
            activities = [*activities, *activities_of(PostgresUpkeepActivities(database, self.client, self.specs))]
        return build_worker(self.client, queue, workflows, activities, database, self.specs.rows, **bounds)

    @asynccontextmanager
    async def serving(
        self,
        queue: str,
        workflows: Sequence[type],
        build: Callable[[Database], Activities],
        *,
        pool_size: int,
    ) -> AsyncIterator[None]:
        """Serve one queue over a pool of its own, for as long as the block lasts."""
        async with (
            self.database(pool_size, queue) as database,
            self.heartbeating(database, (queue,)),
            self.worker(database, queue, workflows, build(database)),
        ):
            yield


def _no_formats(_: Settings) -> Mapping[str, Format]:
    return {}


@dataclass(frozen=True, slots=True)
class WorkerPart:
    """A context's workflows, and how its queues are served for as long as a block lasts.

    ``formats``: by name, further ways to write and sign a delivery, as these settings allow.
    """

    name: str
    workflows: tuple[type, ...]
    serve: Callable[[Host], AbstractAsyncContextManager[None]]
    formats: Callable[[Settings], Mapping[str, Format]] = _no_formats
