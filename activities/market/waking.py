"""The market's processes as the engine is told of them, and how they are told to look again.

A nudge says "look again" and nothing else, so repeating one is harmless. One that finds no process starts it
anew: the process reads its projection and goes on from there. The start of a review window says more, so that there is
nothing to look up: how its order's delivery opened it.
"""

from dataclasses import replace

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.platform.attributes import fair_share, search_attributes
from activities.platform.specs import RESUMED
from activities.platform.workflows import Process, start_process, wake_process
from domain.market.commands import NegotiationStart, OrderStart, ReviewWindowStart, StoreTrustStart
from domain.market.processes import (
    MARKET_QUEUE,
    NEGOTIATION,
    ORDER,
    REVIEW_WINDOW,
    STORE_TRUST,
    negotiation_process,
    order_process,
    review_window_process,
    store_trust_process,
)

Start = NegotiationStart | OrderStart | ReviewWindowStart | StoreTrustStart


def market_process(start: Start, *, resumed: bool = False) -> Process:
    """``resumed``: started by a nudge and not by its first command, so its state is in its projection."""
    listing_id = None if isinstance(start, StoreTrustStart) else start.listing_id
    match start:
        case NegotiationStart():
            kind, process_id, summary = NEGOTIATION, negotiation_process(start.negotiation_id), "Negotiation"
            state = RESUMED if resumed else "PROPOSED"
        case OrderStart():
            kind, process_id, summary = ORDER, order_process(start.order_id), "Order"
            state = RESUMED if resumed else "PLACED"
        case ReviewWindowStart():
            kind, process_id, summary = REVIEW_WINDOW, review_window_process(start.order_id), "Review window"
            state = "OPEN"
        case StoreTrustStart():
            kind, process_id, summary = STORE_TRUST, store_trust_process(start.store_id), "Store trust"
            state = "WATCHING"
    return Process(
        kind,
        process_id,
        start,
        MARKET_QUEUE,
        search_attributes(start.store_id, listing_id, state),
        summary,
        fair_share(start.store_id),
    )


async def wake(client: Client, start: Start, *, task_queue: str = MARKET_QUEUE) -> None:
    """Signal the process, starting it when it is not running. Raises RPCError when Temporal is away."""
    await wake_process(client, replace(market_process(start, resumed=True), task_queue=task_queue))


async def open_window(client: Client, start: ReviewWindowStart, *, task_queue: str = MARKET_QUEUE) -> None:
    """Start the process of a window as its order's delivery opened it. Raises RPCError when Temporal is away.

    Where there is or was one already, for a review that came before, it must look for itself.
    """
    process = replace(market_process(start), task_queue=task_queue)
    try:
        await start_process(client, process)
    except WorkflowAlreadyStartedError:
        await wake(client, start.model_copy(update={"opened": None}), task_queue=task_queue)
