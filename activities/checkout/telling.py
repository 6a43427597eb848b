"""The Checkout process as the engine is told of it, and how its activities speak to orders."""

from temporalio.client import Client

from activities.market.waking import market_process
from activities.platform.attributes import fair_share, search_attributes
from activities.platform.specs import RESUMED
from activities.platform.workflows import Process, send_command, wake_process
from domain.checkout.commands import CheckoutStart
from domain.checkout.processes import CHECKOUT, CHECKOUT_QUEUE, checkout_process
from domain.market.commands import OrderStart, PlaceOrder, ReverseOrder


def process_of_checkout(start: CheckoutStart, *, resumed: bool = False) -> Process:
    """``resumed``: started by a nudge and not by its first command, so its state is in its projection."""
    return Process(
        CHECKOUT,
        checkout_process(start.checkout_id),
        start,
        CHECKOUT_QUEUE,
        search_attributes(start.store_id, None, RESUMED if resumed else "incomplete"),
        "Checkout",
        fair_share(start.store_id),
    )


async def tell_order(client: Client, start: OrderStart, command: PlaceOrder | ReverseOrder) -> None:
    """Send a command to an Order, starting it when it does not run.

    Raises RPCError or TimeoutError when Temporal is away, WorkflowUpdateFailedError for a refusal.
    """
    await send_command(client, market_process(start, resumed=not command.opens), command)


async def wake_checkout(client: Client, start: CheckoutStart) -> None:
    """Signal the process to look again, starting it when it is not running. Raises RPCError when Temporal is away."""
    await wake_process(client, process_of_checkout(start, resumed=True))
