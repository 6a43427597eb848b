"""The Order process: each of its waits ends by itself, and whoever is concerned hears of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.market.policy import DAY, HOUR
from domain.market.states import (
    CloseReason,
    DeliveryKind,
    ListingStatus,
    OfferStatus,
    OrderStatus,
    RefundReason,
    ReviewWindowStatus,
)
from domain.platform.workflows import NUDGE
from tests.workflows.market.books import BUYER, SELLER, STRANGER, Bought
from tests.workflows.market.town import Town, refusal
from tests.workflows.waiting import has_begun, has_ended, until


def bought(town: Town) -> Bought:
    return town.books.orders[town.order_id]


async def window_opened(town: Town) -> bool:
    return await has_begun(town.window)


async def test_a_missed_delivery_is_reminded_once_then_refunded(town: Town):
    await town.buy(quantity=2)
    assert town.books.listing.stock == 8
    await town.on_order("confirm_payment", SELLER)
    await town.sleep(0.7 * town.policy.promised_delivery_seconds)
    assert town.books.sent == []
    await town.sleep(0.1 * town.policy.promised_delivery_seconds)
    await until(lambda: town.books.sent == ["DELIVERY_DUE_SOON"])
    await town.end(town.order)
    assert (bought(town).state.status, bought(town).refund_reason) == (
        OrderStatus.REFUNDED,
        RefundReason.DELIVERY_MISSED,
    )
    assert town.books.sent == ["DELIVERY_DUE_SOON", "REFUNDED DELIVERY_MISSED"]
    assert town.books.listing.stock == 10
    assert town.books.attempts["tell_store_trust"] == 1
    assert bought(town).window is None


async def test_an_order_that_nobody_pays_is_reminded_of_once_and_ends(town: Town):
    town.books.reminds = True
    await town.buy(quantity=2)
    await town.sleep(0.7 * town.policy.payment_window_seconds)
    assert town.books.sent == []
    await town.sleep(0.1 * town.policy.payment_window_seconds)
    await until(lambda: town.books.sent == ["PAYMENT_DUE_SOON"])
    await town.end(town.order)
    assert (bought(town).state.status, bought(town).refund_reason) == (OrderStatus.REFUNDED, RefundReason.NOT_PAID)
    assert town.books.sent == ["PAYMENT_DUE_SOON", "REFUNDED NOT_PAID"]
    assert town.books.listing.stock == 10
    assert town.books.attempts["tell_store_trust"] == 0


@pytest.mark.parametrize(("paid", "broken"), [(False, 0), (True, 1)])
async def test_a_merchant_declines(town: Town, paid: bool, broken: int):
    await town.buy(quantity=2)
    if paid:
        await town.on_order("confirm_payment", SELLER)
    await town.on_order("decline_order", SELLER, reason="None left.")
    await until(lambda: has_ended(town.order))
    assert bought(town).refund_reason is RefundReason.DECLINED_BY_SELLER
    assert town.books.listing.stock == 10
    await until(lambda: town.books.attempts["tell_store_trust"] == broken)


async def test_whom_a_deal_tells_need_not_look_it_up(town: Town):
    await town.bid()
    await town.answer("accept", "bid", SELLER)
    await town.buy("bid")
    await until(lambda: has_ended(town.deal))
    await town.on_order("deliver_order", SELLER)
    await until(lambda: window_opened(town))
    await town.review()
    await until(lambda: has_ended(town.window))
    assert town.books.attempts["settle_negotiation"] == town.books.attempts["settle_review_window"] == 0


async def test_after_delivery_the_return_window_ends_the_process(town: Town):
    await town.buy()
    await town.on_order("deliver_order", SELLER)
    await until(lambda: window_opened(town))
    await town.sleep(town.policy.return_window_seconds - HOUR)
    assert not await has_ended(town.order)
    await town.sleep_till(bought(town).state.return_window_closes_at)
    await until(lambda: has_ended(town.order))
    assert bought(town).state.status is OrderStatus.DELIVERED
    assert bought(town).state.closed
    # The window outlives the order that opened it.
    assert not await has_ended(town.window)
    assert bought(town).window is ReviewWindowStatus.OPEN
    assert "DELIVERY_DUE_SOON" not in town.books.sent


async def test_an_instant_delivery_opens_the_review_window(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    assert bought(town).state.status is OrderStatus.DELIVERED
    await until(lambda: window_opened(town))
    assert not await has_ended(town.window)


async def test_an_unanswered_refund_request_is_granted_and_voids_the_review_window(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy(quantity=4)
    await until(lambda: window_opened(town))
    await town.on_order("request_refund", BUYER, reason="It does not shine.")
    asked = await town.now()
    await town.sleep(town.policy.refund_answer_seconds - HOUR)
    assert bought(town).state.status is OrderStatus.DELIVERED
    await town.sleep_till(bought(town).state.refund_answer_due_at)
    await until(lambda: has_ended(town.order))
    assert (bought(town).state.status, bought(town).refund_reason) == (OrderStatus.REFUNDED, RefundReason.NOT_ANSWERED)
    # The goods are not known to come back.
    assert town.books.listing.stock == 6
    await until(lambda: has_ended(town.window))
    assert bought(town).window is ReviewWindowStatus.VOID
    assert await town.now() - asked < timedelta(days=4)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.review()
    assert refusal(caught) == "review.order_refunded"


async def test_a_declined_refund_request_leaves_the_rest_of_the_return_window(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await town.on_order("request_refund", BUYER)
    await town.on_order("answer_refund", SELLER, approve=False)
    await town.sleep(4 * DAY)
    assert not await has_ended(town.order)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.on_order("request_refund", BUYER, "again")
    assert refusal(caught) == "order.refund_already_requested"
    await town.end(town.order)
    assert bought(town).state.status is OrderStatus.DELIVERED


async def test_an_appeal_that_nobody_decides_is_declined_and_said_so(town: Town):
    town.policy = town.policy.model_copy(update={"return_window_seconds": DAY})
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await town.on_order("request_refund", BUYER)
    await town.on_order("answer_refund", SELLER, approve=False)
    await town.sleep(2 * DAY)
    assert not await has_ended(town.order)
    await town.on_order("appeal_refund", BUYER, reason="It never lit.")
    await town.sleep(6 * DAY)
    assert not await has_ended(town.order)
    await town.end(town.order)
    assert town.books.sent[-1] == "APPEAL_DECLINED NOT_DECIDED"
    assert bought(town).state.status is OrderStatus.DELIVERED


async def test_an_approved_refund_returns_goods_that_come_back(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: window_opened(town))
    await town.on_order("request_refund", BUYER)
    await town.on_order("answer_refund", SELLER, approve=True, goods_returned=True)
    await until(lambda: has_ended(town.order))
    await until(lambda: has_ended(town.window))
    assert town.books.listing.stock == 10
    assert bought(town).refund_reason is RefundReason.GRANTED


async def test_the_buyer_cancels_before_delivery(town: Town):
    await town.buy()
    await town.on_order("cancel_order", BUYER)
    await until(lambda: has_ended(town.order))
    assert bought(town).refund_reason is RefundReason.CANCELLED_BY_BUYER
    assert not await window_opened(town)
    # The process is over; a later command starts it again, only to be refused.
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.on_order("deliver_order", SELLER)
    assert refusal(caught) == "order.refunded"
    await until(lambda: has_ended(town.order))


async def test_a_purchase_without_evidence_is_refused_with_the_ways_on_and_ends(town: Town):
    town.books.gated = False
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.buy()
    assert refusal(caught) == "order.gating_unsatisfied"
    assert isinstance(caught.value.cause, ApplicationError)
    assert len(caught.value.cause.details[0]["details"]["ways"]) == 3
    await until(lambda: has_ended(town.order))
    assert town.order_id not in town.books.orders


async def test_a_refused_later_command_leaves_it_open(town: Town):
    await town.buy()
    for update, by, fields, expected in (
        ("request_refund", BUYER, {}, "order.not_delivered"),
        ("answer_refund", SELLER, {"approve": True}, "order.no_refund_request"),
        ("deliver_order", STRANGER, {}, "order.not_found"),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await town.on_order(update, by, **fields)
        assert refusal(caught) == expected
    assert not await has_ended(town.order)
    await town.on_order("deliver_order", SELLER, "now truly")
    assert bought(town).state.status is OrderStatus.DELIVERED


async def test_a_nudge_with_nothing_due_changes_nothing(town: Town):
    await town.buy()
    await town.order.signal(NUDGE)
    await until(lambda: town.books.attempts["settle_order"] == 1)
    assert not await has_ended(town.order)
    assert bought(town).state.status is OrderStatus.PLACED


async def test_a_purchase_ends_its_negotiation_and_honours_the_offer(town: Town):
    await town.bid(quantity=2)
    await town.answer("accept", "bid", SELLER)
    await town.buy("bid")
    await until(lambda: has_ended(town.deal))
    haggle = town.books.negotiations[town.deal_id]
    assert (haggle.state.latest.status, haggle.reason) == (OfferStatus.ACCEPTED, CloseReason.PURCHASED)
    assert bought(town).total_cents == 1_600
    assert town.books.listing.stock == 8
    await town.on_order("deliver_order", SELLER)
    await until(lambda: town.books.attempts["tell_store_trust"] == 1)


async def test_a_purchase_goes_on_when_its_negotiation_is_gone(town: Town):
    await town.bid()
    await town.answer("accept", "bid", SELLER)
    await town.deal.terminate("lost")
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy("bid")
    await until(lambda: window_opened(town))


async def test_an_accepted_offer_cannot_be_bought_after_its_window(town: Town):
    await town.bid()
    await town.answer("accept", "bid", SELLER)
    await town.end(town.deal)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.buy("bid")
    assert refusal(caught) == "order.purchase_window_passed"
    await until(lambda: has_ended(town.order))


async def test_an_order_taken_up_again_starts_no_window_that_is_over(town: Town):
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: window_opened(town))
    await town.review()
    await until(lambda: has_ended(town.window))
    reviewed = (await town.window.describe()).run_id
    await town.order.terminate("lost")
    await town.on_order("request_refund", BUYER)
    await town.on_order("answer_refund", SELLER, approve=True)
    await until(lambda: has_ended(town.order))
    assert (await town.window.describe()).run_id == reviewed


async def test_the_last_piece_tells_the_listings_negotiations(town: Town):
    town.books.listing = replace(town.books.listing, stock=1)
    await town.buy()
    assert town.books.listing.status is ListingStatus.SOLD_OUT
    await until(lambda: town.books.attempts["nudge_negotiations_on_listing"] == 1)
    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in (await town.order.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    # Of a worker that died with it the engine knows by then, and not by the end of its minute.
    assert [each.heartbeat_timeout.ToTimedelta() for each in scheduled] == [timedelta(seconds=10)]
