"""A worker may serve some task queues only: pools of workers that grow apart."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from config.settings import Settings
from domain.checkout.processes import CHECKOUT_QUEUE
from domain.market.processes import MARKET_QUEUE
from domain.webhooks.processes import WEBHOOK_QUEUE
from souk.stack.embedded import EmbeddedTemporal
from souk.stack.inherit import inherited
from worker.main import run

QUEUES = {"market": MARKET_QUEUE, "checkout": CHECKOUT_QUEUE, "webhooks": WEBHOOK_QUEUE}


async def _polled(client: Client) -> set[str]:
    found = set()
    for queue in QUEUES.values():
        request = DescribeTaskQueueRequest(
            namespace="souk",
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        if (await client.workflow_service.describe_task_queue(request)).pollers:
            found.add(queue)
    return found


@pytest.fixture
def alone(settings: Settings) -> Iterator[Settings]:
    """With a Temporal that nobody else's worker asks for tasks."""
    with EmbeddedTemporal(None) as temporal:
        yield settings.model_copy(update={"temporal_address": temporal.address})


@pytest.mark.parametrize(("queue", "polled"), QUEUES.items())
async def test_a_worker_of_one_queue_leaves_the_others_alone(alone: Settings, queue: str, polled: str) -> None:
    client = await Client.connect(alone.temporal_address, namespace="souk")
    worker = asyncio.create_task(run(alone, [queue]))
    try:
        async with asyncio.timeout(100):
            while not (found := await _polled(client)):
                assert not worker.done(), worker.exception()
                await asyncio.sleep(0.1)
        assert found == {polled}
    finally:
        worker.cancel()
        await asyncio.wait((worker,))


def test_a_queue_that_is_none_is_refused_by_name() -> None:
    argv = [sys.executable, "-m", "souk", "worker", "--queues", "market,weather"]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=60, env=inherited({"COLUMNS": "200"})
    )
    assert done.returncode == 2
    assert "'weather' is no queue: name some of market, checkout, webhooks" in done.stderr
