"""The ReviewWindow process: ends with the review, the refund or the date, whoever opened it."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from domain.market.policy import DAY
from domain.market.processes import REVIEW_WINDOW, review_window_process
from domain.market.states import DeliveryKind, ReviewWindowStatus
from domain.platform.workflows import NUDGE
from tests.workflows.market.books import SELLER, STRANGER
from tests.workflows.market.test_order_process import bought, window_opened
from tests.workflows.market.town import Town, refusal
from tests.workflows.waiting import has_ended, until


async def delivered(town: Town) -> None:
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: window_opened(town))


async def test_the_window_lapses_after_30_days(town: Town):
    await delivered(town)
    await town.sleep(29 * DAY)
    assert bought(town).window is ReviewWindowStatus.OPEN
    await town.end(town.window)
    assert bought(town).window is ReviewWindowStatus.LAPSED
    assert town.books.attempts["tell_store_trust"] == 0
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.review()
    assert refusal(caught) == "review.window_closed"
    await until(lambda: has_ended(town.window))


async def test_the_buyer_is_reminded_before_the_window_lapses(town: Town):
    town.books.reminds = True
    await delivered(town)
    await town.sleep(26 * DAY)
    assert town.books.sent == ["ORDER_DELIVERED"]
    await town.sleep(2 * DAY)
    await until(lambda: town.books.sent == ["ORDER_DELIVERED", "REVIEW_WINDOW_CLOSING_SOON"])
    assert bought(town).window is ReviewWindowStatus.OPEN
    await town.end(town.window)
    assert bought(town).window is ReviewWindowStatus.LAPSED
    assert len(town.books.sent) == 2


async def test_the_review_closes_the_window_and_wakes_the_stores_trust(town: Town):
    await delivered(town)
    done = await town.review()
    assert done.entity_id == town.key("review")
    await until(lambda: has_ended(town.window))
    assert bought(town).window is ReviewWindowStatus.REVIEWED
    assert town.books.attempts["tell_store_trust"] == 1
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.review(name="a second review")
    assert refusal(caught) == "review.already_posted"
    assert bought(town).review_id == town.key("review")
    await until(lambda: has_ended(town.window))


async def test_a_refused_review_leaves_the_window_open(town: Town):
    await delivered(town)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.review(by=STRANGER, name="not my order")
    assert refusal(caught) == "order.not_found"
    assert not await has_ended(town.window)
    await town.review()
    await until(lambda: has_ended(town.window))


async def test_an_undelivered_order_has_no_window_yet(town: Town):
    await town.buy()
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.review(name="too early")
    assert refusal(caught) == "review.order_not_delivered"
    await until(lambda: has_ended(town.window))
    # The premature process is over: delivery opens the window under the same id.
    looks = town.books.attempts["settle_review_window"]
    await town.on_order("deliver_order", SELLER)
    await until(lambda: town.books.attempts["settle_review_window"] > looks)
    await town.review()
    await until(lambda: has_ended(town.window))
    assert bought(town).window is ReviewWindowStatus.REVIEWED


async def test_a_review_may_come_before_the_order_has_opened_its_window(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    gate = asyncio.Event()
    town.books.after["place_order"].append(gate.wait)
    buying = asyncio.create_task(town.buy())
    await until(lambda: town.order_id in town.books.orders)
    await town.review()
    await until(lambda: has_ended(town.window))
    looks = town.books.attempts["settle_review_window"]
    gate.set()
    await buying
    # The order opens it once more; there is nothing left to wait for.
    await until(lambda: town.books.attempts["settle_review_window"] > looks)
    await until(lambda: has_ended(town.window))
    assert bought(town).window is ReviewWindowStatus.REVIEWED
    await town.end(town.order)


async def test_an_order_finds_its_window_open_already(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    gate = asyncio.Event()
    town.books.after["place_order"].append(gate.wait)
    buying = asyncio.create_task(town.buy())
    await until(lambda: town.order_id in town.books.orders)
    window = await town.client.start_workflow(
        REVIEW_WINDOW,
        town.window_start(),
        id=review_window_process(town.order_id),
        task_queue=town.queue,
        start_signal=NUDGE,
    )
    await until(lambda: window_opened(town))
    looks = town.books.attempts["settle_review_window"]
    gate.set()
    await buying
    # It may have looked before the delivery: the order tells it to look again.
    await until(lambda: town.books.attempts["settle_review_window"] > looks)
    await town.sleep_till(bought(town).state.return_window_closes_at)
    await until(lambda: has_ended(town.order))
    assert bought(town).state.closed
    assert (await town.window.describe()).run_id == window.result_run_id
    assert not await has_ended(town.window)


async def test_a_review_of_an_unknown_order_is_refused_by_its_code(town: Town):
    with pytest.raises((WorkflowUpdateFailedError, WorkflowFailureError)) as caught:
        await town.review()
    assert isinstance(caught.value, WorkflowUpdateFailedError)
    assert refusal(caught) == "order.not_found"
    await until(lambda: has_ended(town.window))
