"""What the workers of all queues have in common."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from db.platform.contexts import DbParts
from db.platform.database import Database
from worker.interceptors import RefusalInterceptor
from worker.sandbox import runner


def build_worker(
    client: Client,
    task_queue: str,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    database: Database,
    rows: DbParts,
    *,
    most_activities: int | None = None,
    most_cached: int = 1_000,
) -> Worker:
    """A worker for one queue, not running yet: ``most_activities`` at a time, ``most_cached`` processes in memory."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        interceptors=[RefusalInterceptor(database, rows)],
        workflow_runner=runner(),
        max_concurrent_activities=most_activities,
        max_cached_workflows=most_cached,
        graceful_shutdown_timeout=timedelta(seconds=10),
        # One poller for new workflows (the default ratio) makes every start wait its turn.
        nonsticky_to_sticky_poll_ratio=0.5,
    )
