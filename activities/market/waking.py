"""How a process is told to look again, from an activity or from the API.

A nudge says "look again" and nothing else, so repeating one is harmless. One that finds no process starts it
anew: the process reads its projection and goes on from there.
"""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.attributes import fair_share, search_attributes
from domain.market.commands import NegotiationStart, OrderStart, ReviewWindowStart, StoreTrustStart
from domain.market.processes import (
    MARKET_QUEUE,
    NEGOTIATION,
    NUDGE,
    ORDER,
    REVIEW_WINDOW,
    STORE_TRUST,
    negotiation_process,
    order_process,
    review_window_process,
    store_trust_process,
)

_RPC_TIMEOUT = timedelta(seconds=10)


async def nudge(client: Client, process_id: str) -> bool:
    """Signal a running process. False when it is not running; raises RPCError when Temporal is away."""
    try:
        await client.get_workflow_handle(process_id).signal(NUDGE, rpc_timeout=_RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def wake(
    client: Client,
    start: NegotiationStart | OrderStart | ReviewWindowStart | StoreTrustStart,
    *,
    task_queue: str = MARKET_QUEUE,
) -> None:
    """Signal the process, starting it when it is not running. Raises RPCError when Temporal is away."""
    listing_id = None
    match start:
        case NegotiationStart():
            kind, process_id, summary = NEGOTIATION, negotiation_process(start.negotiation_id), "Negotiation"
            listing_id = start.listing_id
        case OrderStart():
            kind, process_id, summary = ORDER, order_process(start.order_id), "Order"
            listing_id = start.listing_id
        case ReviewWindowStart():
            kind, process_id, summary = REVIEW_WINDOW, review_window_process(start.order_id), "Review window"
            listing_id = start.listing_id
        case StoreTrustStart():
            kind, process_id, summary = STORE_TRUST, store_trust_process(start.store_id), "Store trust"
    await client.start_workflow(
        kind,
        start,
        id=process_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=NUDGE,
        search_attributes=search_attributes(start.store_id, listing_id, "RESUMED"),
        static_summary=summary,
        priority=fair_share(start.store_id),
        rpc_timeout=_RPC_TIMEOUT,
    )
