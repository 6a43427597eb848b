"""How a delivery process is told to look, from an activity, the listener or the API.

A nudge says "look again" and nothing else, so repeating one is harmless; where no process runs it starts one.
"""

from uuid import UUID

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.platform.attributes import STATE
from activities.platform.workflows import Process, wake_process
from domain.webhooks.commands import WebhookStart
from domain.webhooks.processes import WEBHOOK_DELIVERY, WEBHOOK_QUEUE, webhook_process


def delivery_process(start: WebhookStart) -> Process:
    """All the engine is told of it."""
    return Process(
        WEBHOOK_DELIVERY,
        webhook_process(start.webhook_id),
        start,
        WEBHOOK_QUEUE,
        TypedSearchAttributes([SearchAttributePair(STATE, "STARTED")]),
        "Webhook delivery",
    )


async def wake_delivery(client: Client, webhook_id: UUID) -> None:
    """Signal the endpoint's process, starting it when it is not running. Raises RPCError when Temporal is away."""
    await wake_process(client, delivery_process(WebhookStart(webhook_id=webhook_id)))
