"""What goes wrong around a process: lost answers, dying workers, repeated and unreadable messages.

Whatever happens, what is recorded is recorded once, and the process goes on from it.
"""

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.market import errors
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST, negotiation_process
from domain.market.states import CloseReason, DeliveryKind, ListingStatus, OfferStatus
from domain.platform.workflows import NUDGE
from tests.workflows.attempts import crash
from tests.workflows.market.books import BUYER, SELLER
from tests.workflows.market.test_negotiation_process import haggle, outcome
from tests.workflows.market.test_order_process import window_opened
from tests.workflows.market.town import RPC_TIMEOUT, Town, refusal
from tests.workflows.waiting import has_ended, until


async def test_an_error_that_is_no_refusal_is_retried(town: Town):
    town.books.before["make_offer"] += [crash(), crash()]
    done = await town.bid()
    assert done.entity_id == town.key("bid")
    assert town.books.attempts["make_offer"] == 3
    assert len(haggle(town).state.offers) == 1


async def test_an_answer_lost_after_the_commit_is_found_by_the_retry(town: Town):
    town.books.after["make_offer"].append(crash())
    town.books.after["accept_offer"].append(crash())
    await town.bid(quantity=2)
    await town.answer("accept", "bid", SELLER)
    assert (town.books.attempts["make_offer"], town.books.attempts["accept_offer"]) == (2, 2)
    assert town.books.listing.stock == 8
    await town.end(town.deal)
    assert town.books.listing.stock == 10


async def test_a_fault_while_settling_does_not_lose_the_date(town: Town):
    await town.bid()
    town.books.before["settle_negotiation"] += [crash(), crash()]
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_a_lost_nudge_to_trust_is_sent_again(town: Town):
    town.books.before["tell_store_trust"].append(crash())
    await town.bid()
    await town.answer("accept", "bid", SELLER)
    await town.answer("withdraw", "bid", SELLER, "broken")
    await town.end(town.deal)
    assert town.books.attempts["tell_store_trust"] == 2


async def test_the_same_command_twice_is_one(town: Town):
    first = await town.bid()
    again = await town.bid()
    assert first == again
    assert town.books.attempts["make_offer"] == 1
    await town.counter("bid", SELLER, 900, "ask")
    assert await town.counter("bid", SELLER, 900, "ask") == await town.counter("bid", SELLER, 900, "ask")
    assert town.books.attempts["counter_offer"] == 1


async def test_a_command_repeated_after_the_end_is_answered_the_same(town: Town):
    await town.bid()
    rejected = await town.answer("reject", "bid", SELLER)
    await until(lambda: has_ended(town.deal))
    assert await town.answer("reject", "bid", SELLER) == rejected
    await until(lambda: has_ended(town.deal))
    assert town.books.sent == [CloseReason.DECLINED]


async def test_a_repeated_refusal_is_the_same_refusal(town: Town):
    await town.bid(quantity=5)
    town.books.move_stock(-6)
    for _ in range(2):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await town.answer("accept", "bid", SELLER)
        assert refusal(caught) == "listing.sold_out"


async def test_a_process_that_was_lost_is_taken_up_by_a_nudge(town: Town):
    await town.bid()
    await town.deal.terminate("lost")
    await town.client.start_workflow(
        NEGOTIATION, town.deal_start(), id=negotiation_process(town.deal_id), task_queue=town.queue, start_signal=NUDGE
    )
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_a_refused_command_takes_up_a_lost_process_too(town: Town):
    await town.bid()
    await town.deal.terminate("lost")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.answer("accept", "bid", BUYER)
    assert refusal(caught) == "offer.not_your_turn"
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    assert not await has_ended(town.deal)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_a_refused_command_takes_up_a_lost_order_too(town: Town):
    await town.buy()
    await town.order.terminate("lost")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.on_order("request_refund", BUYER)
    assert refusal(caught) == "order.not_delivered"
    await until(lambda: town.books.attempts["settle_order"] == 1)
    await town.end(town.order)
    assert town.books.sent == ["REFUNDED NOT_PAID"]


async def test_a_review_window_hears_of_a_refund_whose_answer_was_lost(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: window_opened(town))
    await town.on_order("request_refund", BUYER)
    town.books.after["answer_refund"].append(crash())
    await town.on_order("answer_refund", SELLER, approve=True, goods_returned=True)
    assert town.books.attempts["answer_refund"] == 2
    await until(lambda: has_ended(town.window))


async def start_alone(town: Town) -> None:
    """What is left of an update with start when the engine dies in its middle: the process, and no command."""
    await town.client.start_workflow(
        NEGOTIATION, town.deal_start(), id=negotiation_process(town.deal_id), task_queue=town.queue
    )


async def test_a_process_whose_first_command_never_came_ends(town: Town):
    await start_alone(town)
    await town.end(town.deal)
    assert town.books.attempts["settle_negotiation"] == 1
    await town.bid()
    assert len(haggle(town).state.offers) == 1


async def test_a_process_whose_first_answer_was_lost_goes_on_from_what_is_recorded(town: Town):
    await town.bid()
    await town.deal.terminate("lost")
    await start_alone(town)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_a_process_that_cannot_be_looked_up_is_not_taken_for_absent(town: Town):
    await town.bid()
    await town.deal.terminate("lost")

    async def refuse() -> None:
        raise errors.LISTING_NOT_ACTIVE.error()

    town.books.before["settle_negotiation"] += [refuse, refuse]
    await start_alone(town)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    # Refused twice, then read, then expired: and not over and over.
    assert 4 <= town.books.attempts["settle_negotiation"] < 10


async def test_a_nudge_whose_look_fails_is_not_forgotten(town: Town):
    await town.bid()

    async def refuse() -> None:
        raise errors.LISTING_NOT_ACTIVE.error()

    town.books.before["settle_negotiation"].append(refuse)
    await town.deal.signal(NUDGE)
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    await town.sleep(120)
    await until(lambda: town.books.attempts["settle_negotiation"] == 2)
    assert not await has_ended(town.deal)


async def test_a_purchase_ends_a_negotiation_that_knows_of_no_offer(town: Town):
    await town.bid()
    await town.answer("accept", "bid", SELLER)
    await town.deal.terminate("lost")
    await start_alone(town)
    await town.buy("bid")
    await until(lambda: has_ended(town.deal))
    assert town.books.attempts["settle_negotiation"] == 0
    assert outcome(town) == (OfferStatus.ACCEPTED, CloseReason.PURCHASED)


@pytest.mark.parametrize("kind", [NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST])
async def test_a_process_started_with_nonsense_fails_clearly(town: Town, kind: str):
    handle = await town.client.start_workflow(kind, {"nonsense": True}, id=kind, task_queue=town.queue)
    await until(lambda: has_ended(handle))
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "ValidationError"
    assert "nonsense" in cause.message


async def test_a_command_that_does_not_decode_is_refused_and_the_process_goes_on(town: Town):
    await town.bid()
    with pytest.raises(WorkflowUpdateFailedError):
        await town.deal.execute_update("accept_offer", {"nonsense": True}, rpc_timeout=RPC_TIMEOUT)
    assert not await has_ended(town.deal)
    await town.answer("accept", "bid", SELLER)
    assert outcome(town)[0] is OfferStatus.ACCEPTED
    assert town.books.listing.status is ListingStatus.ACTIVE
