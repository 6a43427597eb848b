"""How a delivery process is told to look, from an activity, the listener or the API.

A nudge says "look again" and nothing else, so repeating one is harmless; where no process runs it starts one.
"""

from datetime import timedelta
from uuid import UUID

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from activities.attributes import STATE
from domain.market.processes import NUDGE
from domain.webhooks.commands import WebhookStart
from domain.webhooks.processes import WEBHOOK_DELIVERY, WEBHOOK_QUEUE, webhook_process

_RPC_TIMEOUT = timedelta(seconds=10)


async def wake_delivery(client: Client, webhook_id: UUID) -> None:
    """Signal the endpoint's process, starting it when it is not running. Raises RPCError when Temporal is away."""
    await client.start_workflow(
        WEBHOOK_DELIVERY,
        WebhookStart(webhook_id=webhook_id),
        id=webhook_process(webhook_id),
        task_queue=WEBHOOK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=NUDGE,
        search_attributes=TypedSearchAttributes([SearchAttributePair(STATE, "STARTED")]),
        static_summary="Webhook delivery",
        rpc_timeout=_RPC_TIMEOUT,
    )
