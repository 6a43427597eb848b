"""Whether task queues are served: by workers that poll, say that they live, and take tasks in time.

A worker's beat (``db/platform/outages.py``) tells first: Temporal keeps a killed poller on its list for minutes.
Temporal tells how long the oldest task has waited, and of a queue that nobody polls at all.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from activities.platform.specs import WorkflowSpec
from domain.platform.outages import Heard

KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
_TOO_OLD = timedelta(seconds=60)
_RPC_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class QueueState:
    """A task queue: who serves it, and what waits. ``oldest``: how long the oldest workflow task has waited."""

    queue: str
    last_beat: datetime | None
    beats: bool
    pollers: int
    waiting: int
    oldest: timedelta

    @property
    def trouble(self) -> str | None:
        """Why what waits here does not go on; None when it does."""
        if self.last_beat is None:
            return f"nobody serves {self.queue}: no worker of it was ever heard of"
        if not self.beats or not self.pollers:
            return f"nobody serves {self.queue}: its workers are silent since {self.last_beat:%Y-%m-%d %H:%M:%S} UTC"
        if self.oldest > _TOO_OLD:
            seconds = self.oldest.total_seconds()
            return f"{self.queue} is not served in time: its oldest task has waited for {seconds:.0f} s"
        return None

    @property
    def served(self) -> bool:
        return self.trouble is None


HELP = "Start a worker (`souk worker`), or read its log: commands and dates of its processes wait for it."


async def describe_queue(client: Client, queue: str, kind: str) -> DescribeTaskQueueResponse:
    """What Temporal knows of a queue's tasks of one kind. Raises RPCError when it is away."""
    return await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=KINDS[kind],
            report_stats=True,
        ),
        timeout=_RPC_TIMEOUT,
    )


def trouble_of(queues: Sequence[QueueState], spec: WorkflowSpec) -> str | None:
    """Why workflows of a type do not go on, when that is because nobody serves their queue."""
    return next((found.trouble for found in queues if found.queue == spec.type.queue), None)


async def look_at_queues(
    client: Client, queues: Sequence[str], heartbeats: Sequence[Heard], now: datetime
) -> list[QueueState]:
    """The state of each queue. Raises RPCError when Temporal is away."""
    known = {heard.part: heard for heard in heartbeats}
    return list(await asyncio.gather(*(_look(client, queue, known.get(queue), now) for queue in queues)))


async def _look(client: Client, queue: str, heard: Heard | None, now: datetime) -> QueueState:
    workflows, activities = await asyncio.gather(*(describe_queue(client, queue, kind) for kind in KINDS))
    age = workflows.stats.approximate_backlog_age
    return QueueState(
        queue=queue,
        last_beat=heard.beat_at if heard else None,
        beats=heard is not None and heard.is_served(now),
        pollers=max(len(workflows.pollers), len(activities.pollers)),
        waiting=workflows.stats.approximate_backlog_count + activities.stats.approximate_backlog_count,
        oldest=timedelta(seconds=age.seconds, microseconds=age.nanos // 1000),
    )
