"""Histories of WebhookDelivery: tries and waits to the dead letter, a pause, the end; and a run that starts anew."""

import asyncio
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.platform.signatures import activities_of
from db.platform.ids import new_id
from domain.platform.workflows import NUDGE
from domain.webhooks.commands import WebhookStart
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_DELIVERY, WEBHOOK_QUEUE, webhook_process
from tests.workflows.waiting import has_ended, until
from tests.workflows.webhooks.fake_webhooks import Endpoint
from worker.sandbox import sandboxed
from workflows.webhooks.delivery import WebhookDelivery

_POLICY = WebhookPolicy(retry_seconds=(0.2, 0.4))


async def _now() -> datetime:
    return datetime.now(UTC)


async def _nudge(client: Client, start: WebhookStart) -> WorkflowHandle[object, object]:
    return await client.start_workflow(
        WEBHOOK_DELIVERY, start, id=webhook_process(start.webhook_id), task_queue=WEBHOOK_QUEUE, start_signal=NUDGE
    )


async def delivered_and_deleted(client: Client, endpoint: Endpoint) -> str:
    """Everything a process of one run meets. Answers with its history."""
    start = WebhookStart(webhook_id=new_id())
    endpoint.pending = ["one", "two"]
    handle = await _nudge(client, start)
    await until(lambda: endpoint.delivered == ["one", "two"])
    endpoint.answer = 500
    endpoint.pending = ["poison"]
    await _nudge(client, start)
    await until(lambda: endpoint.failed_tries == 1)
    await _nudge(client, start)
    await until(lambda: endpoint.buried == ["poison"])
    endpoint.answer = 410
    endpoint.pending = ["three"]
    await _nudge(client, start)
    await until(lambda: endpoint.paused)
    await asyncio.sleep(0.3)
    endpoint.deleted = True
    await _nudge(client, start)
    await until(lambda: has_ended(handle))
    return (await handle.fetch_history()).to_json()


async def started_anew(client: Client, endpoint: Endpoint) -> str:
    """A backlog longer than one run."""
    start = WebhookStart(webhook_id=new_id())
    endpoint.per_turn = 1
    endpoint.pending = [str(number) for number in range(33)]
    handle = await _nudge(client, start)
    await until(lambda: len(endpoint.delivered) == 33, seconds=60)
    first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    history = (await first.fetch_history()).to_json()
    endpoint.deleted = True
    await _nudge(client, start)
    return history


async def record_webhooks(client: Client) -> dict[str, str]:
    """Histories by name."""
    found = {}
    for name, scenario in (("webhook-deleted", delivered_and_deleted), ("webhook-started-anew", started_anew)):
        endpoint = Endpoint(_now, policy=_POLICY)
        async with (
            Worker(
                client,
                task_queue=WEBHOOK_QUEUE,
                workflows=[WebhookDelivery],
                activities=activities_of(endpoint),
                workflow_runner=sandboxed(),
            ),
            Worker(client, task_queue=SLOW_WEBHOOK_QUEUE, activities=activities_of(endpoint)),
        ):
            found[name] = await scenario(client, endpoint)
    return found
