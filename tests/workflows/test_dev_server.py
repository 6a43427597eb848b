"""What only the real server shows: answers kept by update id, workers that come and go, long histories."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.testing import WorkflowEnvironment

from domain.market.commands import RejectOffer
from domain.market.states import CloseReason, DeliveryKind, OfferStatus, ReviewWindowStatus
from domain.platform.workflows import NUDGE
from souk.stack.embedded import SEARCH_ATTRIBUTES
from tests.conftest import TEST_KEY_RING
from tests.workflows.market.books import BUYER, SELLER, Books
from tests.workflows.market.test_negotiation_process import outcome
from tests.workflows.market.town import RPC_TIMEOUT, Town, refusal
from tests.workflows.waiting import has_ended, until
from workflows.codec import data_converter

SHORT_TASK = timedelta(seconds=3)
"""Until a dead worker's task is given to another. A living one says in time that it goes on, on a busy machine too."""


@pytest.mark.slow(seconds=10)
async def test_a_worker_killed_between_commit_and_completion_loses_nothing(dev_town: Town, tmp_path: Path):
    town, book = dev_town, tmp_path / "book"
    where = (town.client.service_client.config.target_host, town.client.namespace, town.queue, str(book))
    doomed = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.workflows.market.doomed_worker", *where)
    buying = asyncio.create_task(town.buy(task_timeout=SHORT_TASK))
    assert await doomed.wait() == -signal.SIGKILL
    assert not buying.done()
    town.books.restore(book)
    assert town.order_id in town.books.orders
    async with town.worker():
        assert (await buying).entity_id == town.order_id
        assert town.books.attempts["place_order"] == 2
        assert town.books.listing.stock == 9
        await until(lambda: town.books.attempts["settle_review_window"] == 1)


async def test_a_worker_told_to_stop_finishes_what_is_under_way(dev_town: Town):
    town, gate = dev_town, asyncio.Event()
    town.books.after["place_order"].append(gate.wait)
    async with town.worker() as worker:
        buying = asyncio.create_task(town.buy())
        await until(lambda: town.order_id in town.books.orders)
        stopping = asyncio.create_task(worker.shutdown())
        await asyncio.sleep(0)
        gate.set()
        assert (await buying).entity_id == town.order_id
        await stopping
    assert town.books.attempts["place_order"] == 1


async def test_another_worker_goes_on_with_what_waits(dev_town: Town):
    town = dev_town
    town.policy = town.policy.model_copy(update={"offer_expiry_seconds": 60})
    async with town.worker():
        await town.bid()
        await town.counter("bid", SELLER, 900, "ask")
    async with town.worker():
        await town.answer("accept", "ask", BUYER, round=2)
        await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_PURCHASED)
    assert town.books.attempts["make_offer"] == 1


async def test_a_date_that_passed_while_nobody_worked_is_kept_afterwards(dev_town: Town):
    town = dev_town
    async with town.worker():
        await town.bid()
    await town.sleep_till(town.books.negotiations[town.deal_id].state.latest.expires_at)
    async with town.worker():
        await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_the_same_command_twice_is_one_also_after_the_end(dev_town: Town):
    town = dev_town
    town.policy = town.policy.model_copy(update={"offer_expiry_seconds": 600})
    async with town.worker():
        first = await town.bid()
        assert await town.bid() == first
        assert town.books.attempts["make_offer"] == 1
        rejected = await town.answer("reject", "bid", SELLER)
        await until(lambda: has_ended(town.deal))
        assert await town.answer("reject", "bid", SELLER) == rejected
        assert await town.bid() == first
        await until(lambda: has_ended(town.deal))
    assert town.books.sent == [CloseReason.DECLINED]
    assert outcome(town) == (OfferStatus.REJECTED, CloseReason.DECLINED)


async def test_two_callers_of_one_command_get_one_answer(dev_town: Town):
    town = dev_town
    async with town.worker():
        answers = await asyncio.gather(*(town.buy() for _ in range(5)))
        assert {answer.entity_id for answer in answers} == {town.order_id}
        assert town.books.attempts["place_order"] == 1
        assert town.books.listing.stock == 9


@pytest.mark.slow(seconds=5)
async def test_two_commands_at_once_take_turns(dev_town: Town):
    town, gate = dev_town, asyncio.Event()
    town.policy = town.policy.model_copy(update={"offer_expiry_seconds": 60})
    async with town.worker():
        await town.bid(task_timeout=SHORT_TASK)
        town.books.before["accept_offer"].append(gate.wait)
        accept = asyncio.create_task(town.answer("accept", "bid", SELLER, "accept"))
        await until(lambda: town.books.attempts["accept_offer"] == 1)
        # The process has taken the second command before the first is carried out.
        command = RejectOffer(
            command_id=town.key("reject"), negotiation_id=town.deal_id, offer_id=town.key("bid"), by_agent_id=SELLER
        )
        reject = await town.deal.start_update(
            command.kind, command, wait_for_stage=WorkflowUpdateStage.ACCEPTED, rpc_timeout=RPC_TIMEOUT
        )
        await town.deal.signal(NUDGE)
        gate.set()
        await accept
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await reject.result()
    assert refusal(caught) == "offer.not_open"
    assert town.books.negotiations[town.deal_id].state.offers[0].purchase_by is not None
    assert town.books.most_under_way == 1


async def test_a_review_window_outlives_its_order(dev_town: Town):
    town = dev_town
    town.books.delivery = DeliveryKind.INSTANT
    async with town.worker():
        await town.buy()
        await until(lambda: has_ended(town.order))
        await until(lambda: has_ended(town.window))
    assert town.books.orders[town.order_id].window is ReviewWindowStatus.LAPSED


async def test_a_long_lived_trust_process_starts_anew_and_goes_on_folding():
    program = Path(sys.executable).with_name("temporal")
    arguments = ["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=20"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        arguments += ["--search-attribute", f"{name}={kind}"]
    async with await WorkflowEnvironment.start_local(
        data_converter=data_converter(TEST_KEY_RING),
        dev_server_existing_path=str(program),
        dev_server_extra_args=arguments,
    ) as env:
        town = Town(env.client, Books(env.get_current_time), "town", env.sleep)
        town.policy = town.policy.model_copy(update={"trust_fold_delay_seconds": 0.01})
        async with town.worker():
            await town.nudge_trust()
            first = (await town.trust.describe()).run_id

            async def anew() -> bool:
                town.books.pending_facts += 1
                await town.trust.signal(NUDGE)
                return (await town.trust.describe()).run_id != first

            await until(anew)
            told = town.books.pending_facts + sum(town.books.folds)
            await town.trust.signal(NUDGE)
            await until(lambda: sum(town.books.folds) == told)
            assert (await town.trust.describe()).history_length < 60
