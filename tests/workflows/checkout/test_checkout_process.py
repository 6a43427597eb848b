"""The Checkout process: it expires by itself, completes once, and what fails half-way is undone."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.checkout import errors
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.states import CheckoutStatus, PaymentStatus
from domain.market.errors import LISTING_SOLD_OUT
from domain.market.policy import HOUR
from tests.workflows.attempts import crash
from tests.workflows.checkout.shopper import Shopper, ShoppingTown
from tests.workflows.market.town import refusal
from tests.workflows.waiting import has_ended, until


async def test_a_session_expires_by_itself(town: ShoppingTown):
    shopper = Shopper(town)
    await shopper.open()
    await shopper.update()
    await town.sleep(6 * HOUR - 60)
    assert not await has_ended(shopper.handle)
    await town.end(shopper.handle)
    assert shopper.session.status is CheckoutStatus.CANCELED


async def test_completed_once_and_then_it_is_over(town: ShoppingTown):
    town.books.listing = replace(town.books.listing, stock=1)
    shopper = Shopper(town)
    await shopper.open()
    await shopper.complete()
    await town.end(shopper.handle)
    assert (shopper.session.status, shopper.session.payment) == (CheckoutStatus.COMPLETED, PaymentStatus.CAPTURED)
    steps = ("begin_completion", "authorize_payment", "place_orders", "start_orders", "capture_payment")
    assert [town.books.attempts[step] for step in steps] == [1] * 5
    # It sold the last one: whoever haggles for it must hear.
    assert town.books.attempts["nudge_negotiations_on_listing"] == 1
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await shopper.complete("again")
    assert refusal(refused) == errors.CHECKOUT_OVER.code


async def test_two_completions_at_once_are_one_sale(town: ShoppingTown):
    shopper = Shopper(town)
    await shopper.open()
    both = await asyncio.gather(shopper.complete("one"), shopper.complete("two"), return_exceptions=True)
    assert sum(isinstance(answer, WorkflowUpdateFailedError) for answer in both) == 1
    assert shopper.session.orders == 1


@pytest.mark.parametrize(
    ("paying", "stock", "code", "undone"),
    [
        ("declined", 10, errors.PAYMENT_DECLINED, 0),
        ("not captured", 10, errors.PAYMENT_DECLINED, 1),
        ("ok", 0, LISTING_SOLD_OUT, 1),
        ("price changed", 10, errors.PRICE_CHANGED, 0),
    ],
)
async def test_what_fails_half_way_is_undone_and_may_be_tried_again(
    town: ShoppingTown, paying: str, stock: int, code, undone: int
):
    town.sessions.paying, town.books.listing = paying, replace(town.books.listing, stock=stock)
    shopper = Shopper(town)
    await shopper.open()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await shopper.complete()
    assert refusal(refused) == code.code
    assert (shopper.session.status, shopper.session.orders) == (CheckoutStatus.READY_FOR_COMPLETE, 0)
    assert (town.books.attempts["undo_attempt"], town.books.listing.stock) == (undone, stock)
    town.sessions.paying, town.books.listing = "ok", replace(town.books.listing, stock=10)
    await shopper.complete("again")
    assert shopper.session.status is CheckoutStatus.COMPLETED


@pytest.mark.parametrize(
    "step", ["authorize_payment", "place_orders", "start_orders", "capture_payment", "begin_completion"]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_fault_at_any_step_is_survived(town: ShoppingTown, step: str, when: str):
    """Lost before the commit or after it: one order and one charge all the same."""
    getattr(town.books, when)[step].append(crash())
    shopper = Shopper(town)
    await shopper.open()
    await shopper.complete()
    assert (shopper.session.status, shopper.session.orders) == (CheckoutStatus.COMPLETED, 1)
    assert town.books.attempts[step] == 2
    assert town.books.listing.stock == 9


async def test_a_handler_that_does_not_answer_has_not_got_the_sale(town: ShoppingTown):
    for _ in range(100):
        town.books.before["authorize_payment"].append(crash())
    shopper = Shopper(town)
    await shopper.open()
    answer = asyncio.ensure_future(shopper.complete())
    await until(lambda: town.books.attempts["authorize_payment"] > 0)
    while not answer.done():
        await town.books.clock()
        await town._sleep(20)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await answer
    assert refusal(refused) == errors.PAYMENT_UNAVAILABLE.code
    assert town.books.attempts["undo_attempt"] == 1
    assert shopper.session.status is CheckoutStatus.READY_FOR_COMPLETE


@pytest.mark.parametrize(
    ("payment", "expected", "orders"),
    [
        (PaymentStatus.PENDING, CheckoutStatus.READY_FOR_COMPLETE, 0),
        (PaymentStatus.AUTHORIZED, CheckoutStatus.COMPLETED, 1),
        (PaymentStatus.PLACED, CheckoutStatus.COMPLETED, 1),
    ],
)
async def test_a_process_that_was_lost_goes_on_or_back(
    town: ShoppingTown, payment: PaymentStatus, expected: CheckoutStatus, orders: int
):
    shopper = Shopper(town)
    await shopper.open()
    await shopper.handle.terminate()
    town.sessions.rows[shopper.checkout_id] = replace(
        shopper.session, status=CheckoutStatus.COMPLETE_IN_PROGRESS, payment=payment,
        orders=int(payment is PaymentStatus.PLACED),
    )  # fmt: skip
    await shopper.wake()
    await until(lambda: shopper.session.status is expected)
    assert shopper.session.orders == orders


async def test_a_refused_first_command_ends_the_process(town: ShoppingTown):
    shopper = Shopper(town)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await shopper.open_nothing()
    assert refusal(refused) == errors.CHECKOUT_EMPTY.code
    await until(lambda: has_ended(shopper.handle))


async def test_a_refund_is_paid_back_by_a_process_started_anew(town: ShoppingTown):
    shopper = Shopper(town, CheckoutPolicy(session_seconds=60))
    await shopper.open()
    await shopper.complete()
    await town.end(shopper.handle)
    town.sessions.rows[shopper.checkout_id] = replace(shopper.session, owes=True)
    await shopper.wake()
    await until(lambda: has_ended(shopper.handle))
    assert (town.books.attempts["pay_back"], shopper.session.owes) == (1, False)


async def test_a_cancelled_session_ends(town: ShoppingTown):
    shopper = Shopper(town)
    await shopper.open()
    await shopper.cancel()
    await town.end(shopper.handle)
    assert shopper.session.status is CheckoutStatus.CANCELED
