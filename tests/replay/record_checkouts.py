"""Histories of Checkout: completed at last, left alone, interrupted, refused."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from domain.checkout.policy import CheckoutPolicy
from domain.checkout.states import CheckoutStatus, PaymentStatus
from tests.workflows.checkout.shopper import Shopper, ShoppingTown
from tests.workflows.waiting import until

Handles = dict[str, WorkflowHandle[Any, Any]]


async def checked_out(town: ShoppingTown) -> Handles:
    """Updated, refused for its price, declined, and completed at the third attempt with the last stock."""
    town.books.listing = replace(town.books.listing, stock=1)
    shopper = Shopper(town)
    await shopper.open()
    await shopper.update()
    for paying in ("price changed", "declined", "not captured"):
        town.sessions.paying = paying
        with suppress(WorkflowUpdateFailedError):
            await shopper.complete(paying)
    town.sessions.paying = "ok"
    await shopper.complete()
    return {"checkout-completed": shopper.handle}


async def walked_away(town: ShoppingTown) -> Handles:
    shopper = Shopper(town, CheckoutPolicy(session_seconds=1))
    await shopper.open()
    return {"checkout-expired": shopper.handle}


async def interrupted(town: ShoppingTown) -> Handles:
    """Its process was lost while it paid: started anew it gives the attempt up; then the session is canceled."""
    shopper = Shopper(town)
    await shopper.open()
    await shopper.handle.terminate()
    town.sessions.rows[shopper.checkout_id] = replace(
        shopper.session, status=CheckoutStatus.COMPLETE_IN_PROGRESS, payment=PaymentStatus.PENDING
    )
    await shopper.wake()
    await until(lambda: shopper.session.payment is PaymentStatus.VOIDED)
    await shopper.cancel()
    return {"checkout-interrupted": shopper.handle}


async def nothing_to_buy(town: ShoppingTown) -> Handles:
    shopper = Shopper(town)
    with suppress(WorkflowUpdateFailedError):
        await shopper.open_nothing()
    return {"checkout-refused": shopper.handle}


CHECKOUT_SCENARIOS: tuple[Callable[[ShoppingTown], Awaitable[Handles]], ...] = (
    checked_out, walked_away, interrupted, nothing_to_buy,
)  # fmt: skip
