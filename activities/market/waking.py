"""How a process is told to look again, from an activity or from the API.

A nudge says "look again" and nothing else, so repeating one is harmless. One that finds no process starts it
anew: the process reads its projection and goes on from there. Two messages say more, so that there is nothing to
look up: a negotiation was bought, a review window was opened.
"""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
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


async def nudge(client: Client, process_id: str, signal: str = NUDGE) -> bool:
    """Signal a running process. False when it is not running; raises RPCError when Temporal is away."""
    try:
        await client.get_workflow_handle(process_id).signal(signal, rpc_timeout=_RPC_TIMEOUT)
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
    await _start(client, start, task_queue, WorkflowIDReusePolicy.ALLOW_DUPLICATE, NUDGE)


async def open_window(client: Client, start: ReviewWindowStart, *, task_queue: str = MARKET_QUEUE) -> None:
    """Start the process of a window as its order's delivery opened it. Raises RPCError when Temporal is away.

    Where one has been before, for a review that came too early or was posted already, it must look for itself.
    """
    try:
        await _start(client, start, task_queue, WorkflowIDReusePolicy.REJECT_DUPLICATE, None)
    except WorkflowAlreadyStartedError:
        await wake(client, start.model_copy(update={"opened": None}), task_queue=task_queue)


async def _start(
    client: Client,
    start: NegotiationStart | OrderStart | ReviewWindowStart | StoreTrustStart,
    task_queue: str,
    again: WorkflowIDReusePolicy,
    signal: str | None,
) -> None:
    state, listing_id = "RESUMED", None
    match start:
        case NegotiationStart():
            kind, process_id, summary = NEGOTIATION, negotiation_process(start.negotiation_id), "Negotiation"
            listing_id = start.listing_id
        case OrderStart():
            kind, process_id, summary = ORDER, order_process(start.order_id), "Order"
            listing_id = start.listing_id
        case ReviewWindowStart():
            kind, process_id, summary = REVIEW_WINDOW, review_window_process(start.order_id), "Review window"
            state, listing_id = "OPEN", start.listing_id
        case StoreTrustStart():
            kind, process_id, summary = STORE_TRUST, store_trust_process(start.store_id), "Store trust"
            state = "WATCHING"
    await client.start_workflow(
        kind,
        start,
        id=process_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=again,
        start_signal=signal,
        search_attributes=search_attributes(start.store_id, listing_id, state),
        static_summary=summary,
        priority=fair_share(start.store_id),
        rpc_timeout=_RPC_TIMEOUT,
    )
