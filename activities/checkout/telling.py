"""How a Checkout's activities speak to other processes: orders by update, and themselves by nudge."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.attributes import fair_share, search_attributes
from domain.checkout.commands import CheckoutStart
from domain.checkout.processes import CHECKOUT, checkout_process
from domain.market.commands import Done, OrderStart, PlaceOrder, ReverseOrder
from domain.market.processes import MARKET_QUEUE, NUDGE, ORDER, order_process

_RPC_TIMEOUT = timedelta(seconds=10)


async def tell_order(client: Client, update: str, start: OrderStart, command: PlaceOrder | ReverseOrder) -> None:
    """Send an update to an Order, starting it when it does not run. The command's id is the update's.

    Raises RPCError when Temporal is away, WorkflowUpdateFailedError for a refusal.
    """
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        ORDER,
        start,
        id=order_process(start.order_id),
        task_queue=MARKET_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        search_attributes=search_attributes(start.store_id, start.listing_id, "PLACED"),
        static_summary="Order",
        priority=fair_share(start.store_id),
    )
    try:
        await client.execute_update_with_start_workflow(
            update,
            command,
            start_workflow_operation=operation,
            id=str(command.command_id),
            result_type=Done,
            rpc_timeout=_RPC_TIMEOUT,
        )
    except BaseException:
        # Its future fails as well, or is cancelled: taken note of here, or asyncio would complain.
        started = asyncio.ensure_future(operation.workflow_handle())
        await asyncio.wait((started,), timeout=0)
        if not started.cancel() and not started.cancelled():
            started.exception()
        raise


async def wake_checkout(client: Client, start: CheckoutStart) -> None:
    """Signal the process to look again, starting it when it is not running. Raises RPCError when Temporal is away."""
    await client.start_workflow(
        CHECKOUT,
        start,
        id=checkout_process(start.checkout_id),
        task_queue=MARKET_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=NUDGE,
        search_attributes=search_attributes(start.store_id, None, "RESUMED"),
        static_summary="Checkout",
        priority=fair_share(start.store_id),
        rpc_timeout=_RPC_TIMEOUT,
    )
