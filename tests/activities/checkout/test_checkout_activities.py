"""Sessions on a real Postgres: priced by the server, completed once, all of their orders or none."""

import pytest

from domain.checkout import errors
from domain.checkout.models import Buyer, ItemChoice
from domain.checkout.states import CheckoutClose, CheckoutStatus, PaymentStatus
from domain.market import errors as market
from domain.market.states import DeliveryKind, OrderStatus
from tests.activities.checkout.checkout_scene import PAYS, pays, shipped_to, shopping
from tests.activities.market.scene import Scene, code_of, refused


async def test_a_session_is_priced_by_the_server_and_becomes_an_order(scene: Scene) -> None:
    buy = await shopping(scene)
    opened = await buy.open(2, buyer=Buyer(email="someone@example.com"))
    assert (opened.status, opened.closed) == (CheckoutStatus.READY_FOR_COMPLETE, False)
    done = await buy.complete()
    assert (done.status, done.closed, done.refused) == (CheckoutStatus.COMPLETED, True, None)
    found = await buy.read()
    assert found.totals.total_cents == 3_000
    assert found.order is not None
    assert [order.status for order in found.order.orders] == [OrderStatus.DELIVERED]
    assert found.payment is not None
    assert found.payment.status is PaymentStatus.CAPTURED
    assert buy.ledger.words() == ["authorize", "capture"]
    assert {key for _, key, _ in buy.ledger.asked} == {str(found.order.order_id)}
    assert await scene.listing(buy.shop) == (8, "ACTIVE")
    assert await buy.payments() == ["CAPTURED"]


async def test_what_the_parties_settle_between_themselves_is_not_paid_until_the_seller_says_so(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    assert (await buy.complete(None)).status is CheckoutStatus.COMPLETED
    assert await buy.payments() == [None]


async def test_delivery_is_chosen_among_what_the_store_offers(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    await buy.rate("std", "standard", 500)
    await buy.rate("exp-us", "express", 1_500, "US")
    await buy.rate("exp", "express", 2_500)
    await buy.free_above(4_000)
    assert (await buy.open()).status is CheckoutStatus.INCOMPLETE
    async with refused(errors.FULFILLMENT_MISSING):
        await buy.complete()
    for country, expected in (("US", ["std", "exp-us"]), ("CA", ["std", "exp"])):
        await buy.update(fulfillment=shipped_to(country))
        options = (await buy.read()).fulfillment.methods[0].groups[0].options
        assert [option.id for option in options] == expected
    await buy.update(fulfillment=shipped_to("US", "exp-us"))
    assert (await buy.read()).totals.total_cents == 3_000
    # What is not on offer there is not chosen.
    assert (await buy.update(fulfillment=shipped_to("CA", "exp-us"))).status is CheckoutStatus.INCOMPLETE
    await buy.update(
        fulfillment=shipped_to("US", "std"), items=(ItemChoice(listing_id=buy.shop.listing_id, quantity=3),)
    )
    found = await buy.read()
    assert (found.totals.subtotal_cents, found.totals.fulfillment_cents) == (4_500, 0)
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED


async def test_discounts_lower_the_charge_and_not_the_orders_price(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.discount("10OFF", "percentage", 10)
    await buy.discount("FIXED500", "fixed_amount", 500, 2)
    await buy.open(2, discount_codes=("fixed500", "10off", "NOSUCH"))
    found = await buy.read()
    assert [applied.code for applied in found.discounts.applied] == ["10OFF", "FIXED500"]
    assert found.totals.total_cents == 3_000 - 300 - 500
    assert [notice.code for notice in found.notices] == ["discount_code_invalid"]
    await buy.complete()
    assert await buy.orders() == [("DELIVERED", 3_000, 2_200)]


async def test_a_changed_price_is_never_charged_silently(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    scene.as_owner("UPDATE listings SET price_cents = 1600 WHERE listing_id = %s", buy.shop.listing_id)
    command = buy.completion()
    for _ in range(2):
        # The same command again hears the same, though the session holds the new price by now.
        answer = await buy.do.begin_completion(buy.start, command)
        assert (answer.refused, answer.status) == (errors.PRICE_CHANGED.code, CheckoutStatus.READY_FOR_COMPLETE)
    # Nor is it charged to a platform that asks again without having been answered it.
    for _ in range(2):
        assert (await buy.complete()).refused == errors.PRICE_CHANGED.code
    found = await buy.read()
    assert found.totals.total_cents == 1_600
    assert [notice.code for notice in found.notices] == ["price_changed"]
    assert buy.ledger.asked == []
    async with refused(market.LISTING_SOLD_OUT):
        await buy.update(items=(ItemChoice(listing_id=buy.shop.listing_id, quantity=11),))
    assert (await buy.complete(seen_total_cents=1_500)).refused == errors.PRICE_CHANGED.code
    assert (await buy.complete(seen_total_cents=1_600)).status is CheckoutStatus.COMPLETED


async def test_a_price_that_changes_while_the_payment_is_authorized(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    snapshot = await buy.do.begin_completion(buy.start, buy.completion())
    snapshot = await buy.step(snapshot, PAYS)
    scene.as_owner("UPDATE listings SET price_cents = 1 WHERE listing_id = %s", buy.shop.listing_id)
    snapshot = await buy.step(snapshot, PAYS)
    assert snapshot.failed
    ended = await buy.advance(snapshot, PAYS)
    assert (ended.refused, ended.status) == (market.ORDER_PRICE_CHANGED.code, CheckoutStatus.READY_FOR_COMPLETE)
    assert buy.ledger.words() == ["authorize", "void"]
    assert await buy.orders() == []
    assert [notice.code for notice in (await buy.read()).notices] == ["price_changed"]
    for _ in range(2):
        assert (await buy.complete()).refused == errors.PRICE_CHANGED.code
    assert (await buy.read()).totals.total_cents == 1
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    assert await buy.orders() == [("DELIVERED", 1, None)]


@pytest.mark.parametrize(
    ("token", "code", "status"),
    [
        ("fail_token", errors.PAYMENT_DECLINED, CheckoutStatus.READY_FOR_COMPLETE),
        ("fraud_token", errors.PAYMENT_FRAUD, CheckoutStatus.READY_FOR_COMPLETE),
        ("escalate_token", errors.ESCALATED, CheckoutStatus.REQUIRES_ESCALATION),
    ],
)
async def test_a_payment_that_is_not_authorized(scene: Scene, token: str, code: object, status: object) -> None:
    buy = await shopping(scene)
    await buy.open()
    command = buy.completion(pays(token))
    ended = await buy.advance(await buy.do.begin_completion(buy.start, command), command.payment)
    assert (ended.refused, ended.status) == (code.code, status)
    again = await buy.do.begin_completion(buy.start, command)
    assert (again.refused, again.payment) == (code.code, None)
    assert await buy.orders() == []
    assert await scene.value("SELECT count(*) FROM interaction_evidence WHERE customer_id = :id", id=buy.agent_id) == 0
    assert (await buy.read()).notices[0].type == "error"
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED


async def test_a_payment_that_is_not_captured_takes_its_orders_back(scene: Scene) -> None:
    """Delivered at once and reversed all the same: all or nothing."""
    buy = await shopping(scene, await scene.shop(stock=1))
    await buy.open()
    ended = await buy.complete(pays("capture_fails_token"))
    assert (ended.refused, ended.status) == (errors.PAYMENT_DECLINED.code, CheckoutStatus.READY_FOR_COMPLETE)
    assert buy.ledger.words() == ["authorize", "capture", "void"]
    assert await buy.orders() == [("REFUNDED", 1_500, None)]
    assert await scene.listing(buy.shop) == (1, "ACTIVE")
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    assert await scene.listing(buy.shop) == (0, "SOLD_OUT")


async def test_several_lines_are_several_orders_or_none(scene: Scene) -> None:
    buy = await shopping(scene)
    listing = buy.shop.listing_id
    two = (
        ItemChoice(listing_id=listing, quantity=2, line_id="a"),
        ItemChoice(listing_id=listing, quantity=3, line_id="b"),
    )
    await buy.discount("HALF", "percentage", 50)
    await buy.open(items=two, discount_codes=("half",))
    snapshot = await buy.do.begin_completion(buy.start, buy.completion())
    snapshot = await buy.step(snapshot, PAYS)
    scene.as_owner("UPDATE listings SET inventory_on_hand = 4 WHERE listing_id = %s", listing)
    scene.as_owner("UPDATE stock_movements SET delta = 4 WHERE listing_id = %s", listing)
    ended = await buy.advance(snapshot, PAYS)
    assert ended.refused == market.LISTING_SOLD_OUT.code
    assert (await buy.orders(), buy.ledger.words()) == ([], ["authorize", "void"])
    assert [notice.code for notice in (await buy.read()).notices] == ["out_of_stock"]
    await buy.update(items=(two[0].model_copy(update={"quantity": 1}), two[1]))
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    assert sorted(await buy.orders()) == [("DELIVERED", 1_500, 750), ("DELIVERED", 4_500, 2_250)]
    assert await scene.listing(buy.shop) == (0, "SOLD_OUT")


async def test_a_terminal_session_takes_nothing_more(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    assert (await buy.cancel()).status is CheckoutStatus.CANCELED
    for doing in (buy.cancel, buy.update, buy.complete):
        assert await code_of(doing()) == errors.CHECKOUT_OVER.code
    await buy.open()
    await buy.complete()
    for doing in (buy.cancel, buy.update, buy.complete):
        assert await code_of(doing()) == errors.CHECKOUT_OVER.code


async def test_a_session_expires_and_another_agent_finds_none(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    stranger = await shopping(scene, buy.shop)
    stranger.checkout_id = buy.checkout_id
    for doing in (stranger.cancel, stranger.update, stranger.complete):
        assert await code_of(doing()) == errors.CHECKOUT_NOT_FOUND.code
    scene.as_owner("UPDATE checkouts SET expires_at = now() WHERE checkout_id = %s", buy.checkout_id)
    assert await code_of(buy.complete()) == errors.CHECKOUT_EXPIRED.code
    assert (await buy.settle()).closed
    assert (await buy.read()).close_reason is CheckoutClose.EXPIRED


async def test_a_refunded_order_is_paid_back_once_with_its_delivery(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    await buy.rate("std", "standard", 500)
    await buy.open(2, fulfillment=shipped_to("US", "std"))
    await buy.complete()
    order = (await buy.read()).order.orders[0]
    purchase = scene.purchase(buy.shop, buy.agent_id)
    purchase.order_id = order.order_id
    purchase.start = purchase.start.model_copy(update={"order_id": order.order_id})
    await purchase.tell("cancel_order", buy.agent_id)
    for _ in range(2):
        assert not (await buy.settle()).owes_refund
    assert [(word, cents) for word, _, cents in buy.ledger.asked] == [
        ("authorize", 3_500), ("capture", 3_500), ("refund", 3_000), ("refund", 500),
    ]  # fmt: skip
