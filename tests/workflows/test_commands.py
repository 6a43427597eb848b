"""A command is answered also where the engine drops it with its task, or its process ends around it."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateStage

from activities.market.waking import market_process
from activities.platform.workflows import send_command
from domain.market.commands import MakeOffer, PostReview
from domain.market.processes import REVIEW_WINDOW, review_window_process
from domain.market.states import DeliveryKind, ReviewWindowStatus
from domain.platform.messages import Done
from domain.platform.workflows import NUDGE
from tests.workflows.market.books import BUYER, LISTING, SELLER
from tests.workflows.market.test_order_process import bought
from tests.workflows.market.test_review_window_process import delivered
from tests.workflows.market.town import Town, refusal
from tests.workflows.test_dev_server import SHORT_TASK
from tests.workflows.waiting import has_ended, until


def opinion(town: Town, name: str = "review") -> PostReview:
    return PostReview(command_id=town.key(name), order_id=town.order_id, author_id=BUYER, rating=4, body="It shines.")


async def review(town: Town, *, seconds: float = 60) -> Done:
    """As the API does."""
    process = replace(market_process(town.window_start()), task_queue=town.queue)
    return await send_command(town.client, process, opinion(town), seconds=seconds)


@pytest.fixture
def patient_town(dev_town: Town) -> Town:
    """No date comes while the test runs."""
    dates = {"review_window_seconds": 600, "return_window_seconds": 600}
    dev_town.policy = dev_town.policy.model_copy(update=dates)
    return dev_town


async def test_an_update_dropped_with_its_task_is_sent_again(patient_town: Town):
    town = patient_town

    async def something_comes_meanwhile() -> None:
        # A process may not end with news unread: the engine fails the task, and with it the update it carried.
        await town.window.signal(NUDGE)

    async with town.worker():
        await delivered(town)
        town.books.after["post_review"].append(something_comes_meanwhile)
        assert (await review(town)).entity_id == town.key("review")
        assert town.books.attempts["post_review"] == 2
        await until(lambda: has_ended(town.window))
        assert bought(town).review_id == town.key("review")


async def test_a_command_to_a_process_that_is_over_starts_it_again_and_hears_why(patient_town: Town):
    town = patient_town
    async with town.worker():
        await delivered(town)
        await town.review(name="the first")
        await until(lambda: has_ended(town.window))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await review(town)
        assert refusal(caught) == "review.already_posted"


async def test_a_command_that_nobody_takes_up_is_given_up_in_time(patient_town: Town):
    town = patient_town
    async with town.worker():
        await delivered(town)
        for _ in range(100):
            town.books.after["post_review"].append(lambda: town.window.signal(NUDGE))
        with pytest.raises(TimeoutError):
            await review(town, seconds=2)
        town.books.after["post_review"].clear()
        assert (await review(town)).entity_id == town.key("review")


@pytest.mark.slow(seconds=5)
async def test_a_process_that_was_found_absent_lives_on_when_a_command_opens_it_at_its_end(patient_town: Town):
    town, looked = patient_town, asyncio.Event()
    town.books.before["settle_negotiation"].append(looked.wait)
    async with town.worker():
        with pytest.raises(WorkflowUpdateFailedError):
            await town.bid(1_000_000, name="too much", task_timeout=SHORT_TASK)
        await until(lambda: town.books.attempts["settle_negotiation"] == 1)
        run_id = (await town.deal.describe()).run_id
        offer = MakeOffer(
            command_id=town.key("bid"), negotiation_id=town.deal_id, listing_id=LISTING, buyer_id=BUYER,
            price_cents=800, quantity=1,
        )  # fmt: skip
        # Accepted, it waits for the process's lock, which the look holds.
        bidding = await town.deal.start_update(
            "make_offer", offer, id=str(offer.command_id), wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=Done
        )
        looked.set()
        assert (await bidding.result()).entity_id == offer.command_id
        await town.answer("reject", "bid", SELLER)
        await until(lambda: has_ended(town.deal))
        assert (await town.deal.describe()).run_id == run_id


@pytest.mark.slow(seconds=5)
async def test_a_command_that_comes_while_a_process_tells_others_its_end_is_answered(patient_town: Town):
    town, placed, told, second = patient_town, asyncio.Event(), asyncio.Event(), asyncio.Event()
    town.books.delivery = DeliveryKind.INSTANT
    town.books.after["place_order"].append(placed.wait)
    town.books.before["tell_processes"].append(told.wait)
    async with town.worker():
        buying = asyncio.create_task(town.buy())
        await until(lambda: town.order_id in town.books.orders)
        # Its task is short, so that a command gets through to it while others are told.
        window = review_window_process(town.order_id)
        message = opinion(town)
        await town.send(REVIEW_WINDOW, window, town.window_start(), message, SHORT_TASK)
        town.books.before["post_review"].append(second.wait)
        another = asyncio.create_task(town.review(name="another"))
        await until(lambda: town.books.attempts["post_review"] == 2)
        told.set()
        await until(lambda: town.books.under_way == 2)
        # There is nothing to wait for: the process must not end now.
        await asyncio.sleep(0.5)
        second.set()
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await another
        assert refusal(caught) == "review.already_posted"
        await until(lambda: has_ended(town.window))
        placed.set()
        await buying
    assert bought(town).window is ReviewWindowStatus.REVIEWED
