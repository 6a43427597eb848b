"""Orders over the real database: placement, delivery, the ways back, and what a repeated command leaves alone."""

import pytest

from db.market.evidence import insert_store_evidence
from db.platform.ids import new_id
from domain.market import errors
from domain.market.states import DeliveryKind, OrderStatus
from tests.activities.market.scene import Purchase, Scene, refused
from tests.activities.market.traces import counts
from tests.builders import Shop

SHIPPED = {"delivery": DeliveryKind.SHIPPED, "promised_delivery_seconds": 86_400}


async def _twice(scene: Scene, purchase: Purchase) -> None:
    before, stats, state = await counts(scene), await _stats(scene, purchase.shop), await purchase.state()
    await purchase.again()
    assert (await counts(scene), await _stats(scene, purchase.shop), await purchase.state()) == (before, stats, state)


async def _stats(scene: Scene, shop: Shop) -> tuple[int, ...]:
    query = "SELECT orders_placed, orders_delivered, orders_refunded, reviews_posted, rating_sum FROM store_stats"
    return tuple((await scene.rows(f"{query} WHERE store_id = :id", id=shop.store_id))[0])


async def test_an_instant_order_is_delivered_at_once(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    buyer = await scene.customer(shop)
    order = scene.purchase(shop, buyer)
    snapshot = await order.place()
    assert (snapshot.status, snapshot.closed, snapshot.sold_out) == (OrderStatus.DELIVERED, False, True)
    assert (snapshot.review_window_open, snapshot.trust_moved, snapshot.negotiation_id) == (True, False, None)
    assert snapshot.awaiting == "the end of the return window"
    assert await scene.listing(shop) == (0, "SOLD_OUT")
    assert await scene.inbox(buyer) == ["ORDER_PLACED", "ORDER_DELIVERED", "REVIEW_WINDOW_OPENED"]
    assert await scene.inbox(shop.merchant_id) == ["ORDER_PLACED"]
    assert await _stats(scene, shop) == (1, 1, 0, 0, 0)
    await _twice(scene, order)


async def test_a_shipped_order_waits_for_its_merchant(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    order = scene.purchase(shop, buyer)
    snapshot = await order.place()
    assert (snapshot.status, snapshot.review_window_open) == (OrderStatus.PLACED, False)
    assert snapshot.awaiting == "payment or the merchant's delivery"
    async with refused(errors.SELLER_ONLY):
        await order.tell("deliver_order", buyer)
    async with refused(errors.BUYER_ONLY):
        await order.tell("cancel_order", shop.merchant_id)
    async with refused(errors.ORDER_NOT_DELIVERED):
        await order.tell("request_refund", buyer)
    async with refused(errors.NO_REFUND_REQUEST):
        await order.tell("answer_refund", shop.merchant_id, approve=True)
    order.past("remind_at")
    for _ in range(2):
        await order.settle()
    assert await scene.inbox(shop.merchant_id) == ["ORDER_PLACED", "DELIVERY_DUE_SOON"]
    snapshot = await order.tell("deliver_order", shop.merchant_id)
    assert snapshot.status is OrderStatus.DELIVERED
    await _twice(scene, order)
    async with refused(errors.ORDER_NOT_PLACED):
        await order.tell("deliver_order", shop.merchant_id)
    async with refused(errors.ORDER_NOT_PLACED):
        await order.tell("cancel_order", buyer)
    assert await _stats(scene, shop) == (1, 1, 0, 0, 0)


async def _paid(scene: Scene, order: Purchase) -> str | None:
    query = "SELECT payment_source::text, paid_at IS NOT NULL FROM orders WHERE order_id = :id"
    [(source, paid)] = await scene.rows(query, id=order.order_id)
    assert paid == (source is not None)
    return source if source is None else str(source)


async def test_the_seller_says_that_the_money_is_there(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    for other, code in ((buyer, errors.SELLER_ONLY), (await scene.customer(), errors.ORDER_NOT_FOUND)):
        async with refused(code):
            await order.tell("confirm_payment", other)
    assert await _paid(scene, order) is None
    await order.tell("confirm_payment", shop.merchant_id)
    await _twice(scene, order)
    assert await _paid(scene, order) == "CONFIRMED"
    [(since,)] = await scene.rows("SELECT paid_at FROM orders WHERE order_id = :id", id=order.order_id)
    await order.tell("confirm_payment", shop.merchant_id)
    assert await scene.rows("SELECT paid_at FROM orders WHERE order_id = :id", id=order.order_id) == [(since,)]
    assert (await scene.inbox(buyer)).count("PAYMENT_CONFIRMED") == 1
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=True)
    async with refused(errors.ORDER_REFUNDED):
        await order.tell("confirm_payment", shop.merchant_id)


@pytest.mark.parametrize("paid_before", [False, True])
async def test_a_delivery_may_confirm_the_payment_as_well(scene: Scene, paid_before: bool) -> None:
    shop = await scene.shop(**SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    if paid_before:
        await order.tell("confirm_payment", shop.merchant_id)
    await order.tell("deliver_order", shop.merchant_id, payment_received=True)
    await _twice(scene, order)
    assert await _paid(scene, order) == "CONFIRMED"
    assert (await scene.inbox(order.buyer)).count("PAYMENT_CONFIRMED") == 1


async def test_a_delivery_alone_confirms_no_payment(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("deliver_order", shop.merchant_id)
    assert await _paid(scene, order) is None


async def test_the_buyer_cancels_before_delivery(scene: Scene) -> None:
    shop = await scene.shop(stock=1, **SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    assert await scene.listing(shop) == (0, "SOLD_OUT")
    snapshot = await order.tell("cancel_order", buyer)
    assert (snapshot.status, snapshot.closed, snapshot.trust_moved) == (OrderStatus.REFUNDED, True, False)
    assert await order.state() == ("REFUNDED", "CANCELLED_BY_BUYER", True)
    assert await scene.listing(shop) == (1, "ACTIVE")
    await _twice(scene, order)
    for what, by, fields in (
        ("cancel_order", buyer, {}),
        ("request_refund", buyer, {}),
        ("deliver_order", shop.merchant_id, {}),
        ("answer_refund", shop.merchant_id, {"approve": True}),
    ):
        async with refused(errors.ORDER_REFUNDED):
            await order.tell(what, by, **fields)
    assert await scene.facts(shop) == []
    assert await _stats(scene, shop) == (1, 0, 1, 0, 0)


async def test_a_missed_delivery_is_refunded_and_remembered(scene: Scene) -> None:
    shop = await scene.shop(stock=1, **SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    order.past("promised_at")
    async with refused(errors.ORDER_NOT_PLACED):
        await order.tell("deliver_order", shop.merchant_id)
    snapshot = await order.settle()
    assert (snapshot.status, snapshot.closed, snapshot.trust_moved) == (OrderStatus.REFUNDED, True, True)
    assert await order.state() == ("REFUNDED", "DELIVERY_MISSED", True)
    assert await scene.listing(shop) == (1, "ACTIVE")
    before = await counts(scene)
    await order.settle()
    assert await counts(scene) == before
    assert await scene.facts(shop) == ["OFFER_BROKEN"]
    assert (await scene.inbox(buyer))[-1] == (await scene.inbox(shop.merchant_id))[-1] == "ORDER_REFUNDED"


@pytest.mark.parametrize("goods_returned", [True, False])
async def test_a_granted_refund(scene: Scene, goods_returned: bool) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    await order.tell("request_refund", buyer, reason="It does not shine.")
    await _twice(scene, order)
    async with refused(errors.REFUND_PENDING):
        await order.tell("request_refund", buyer)
    async with refused(errors.SELLER_ONLY):
        await order.tell("answer_refund", buyer, approve=True)
    snapshot = await order.tell("answer_refund", shop.merchant_id, approve=True, goods_returned=goods_returned)
    assert (snapshot.status, snapshot.review_window_void) == (OrderStatus.REFUNDED, True)
    assert await order.state() == ("REFUNDED", "GRANTED", True)
    assert await scene.listing(shop) == (10 if goods_returned else 9, "ACTIVE")
    await _twice(scene, order)
    query = "SELECT status::text FROM review_windows WHERE order_id = :id"
    assert await scene.value(query, id=order.order_id) == "VOID"
    # Said again to an order that has not heard it: its review window must end.
    assert (await order.again()).review_window_void
    assert (await order.settle()).review_window_void
    assert await _stats(scene, shop) == (1, 0, 1, 0, 0)


async def test_a_declined_refund_is_final(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=False)
    assert await order.state() == ("DELIVERED", None, False)
    await _twice(scene, order)
    assert (await scene.inbox(buyer))[-1] == "REFUND_DECLINED"
    async with refused(errors.NO_REFUND_REQUEST):
        await order.tell("answer_refund", shop.merchant_id, approve=True)
    async with refused(errors.REFUND_PENDING):
        await order.tell("request_refund", buyer)
    order.past("refund_answer_due_at")
    assert (await order.settle()).status is OrderStatus.DELIVERED
    order.past("return_window_closes_at", "appeal_by")
    assert (await order.settle()).closed
    assert await order.state() == ("DELIVERED", None, True)


async def test_silence_grants_a_refund(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    await order.tell("request_refund", buyer)
    # The return window may close meanwhile: what was asked in time is answered.
    order.past("return_window_closes_at")
    assert not (await order.settle()).closed
    order.past("refund_answer_due_at")
    assert (await order.settle()).status is OrderStatus.REFUNDED
    assert await order.state() == ("REFUNDED", "NOT_ANSWERED", True)
    # What was delivered is not known to have come back.
    assert await scene.listing(shop) == (9, "ACTIVE")


async def test_the_return_window_closes(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    order.past("return_window_closes_at")
    async with refused(errors.RETURN_WINDOW_CLOSED):
        await order.tell("request_refund", buyer)
    assert (await order.settle()).closed
    async with refused(errors.RETURN_WINDOW_CLOSED):
        await order.tell("request_refund", buyer)


async def test_placement_is_refused(scene: Scene) -> None:
    shop = await scene.shop(stock=2)
    buyer, stranger = await scene.customer(shop), await scene.customer()
    async with refused(errors.GATING_UNSATISFIED):
        await scene.bought(shop, stranger)
    async with refused(errors.OWN_LISTING):
        await scene.bought(shop, shop.merchant_id)
    async with refused(errors.LISTING_SOLD_OUT):
        await scene.bought(shop, buyer, 3)
    async with refused(errors.OFFER_NOT_FOUND):
        await scene.bought(shop, buyer, offer_id=new_id())
    missing = scene.purchase(shop, buyer)
    async with refused(errors.ORDER_NOT_FOUND):
        await missing.settle()
    scene.as_owner("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", shop.listing_id)
    async with refused(errors.LISTING_NOT_ACTIVE):
        await scene.bought(shop, buyer)
    scene.as_owner("UPDATE stores SET status = 'CLOSED' WHERE store_id = %s", shop.store_id)
    async with refused(errors.STORE_CLOSED):
        await scene.bought(shop, buyer)
    missing.shop = Shop(shop.merchant_id, shop.store_id, shop.product_id, new_id())
    async with refused(errors.LISTING_NOT_FOUND):
        await missing.place()
    assert await _stats(scene, shop) == (0, 0, 0, 0, 0)


async def test_a_purchase_of_an_offer_is_refused(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    async with refused(errors.OFFER_NOT_ACCEPTED):
        await scene.bought(shop, buyer, offer_id=deal.standing)
    await deal.accept(shop.merchant_id)
    async with refused(errors.OFFER_NOT_FOUND):
        await scene.bought(shop, await scene.customer(shop), offer_id=deal.standing)
    await scene.bought(shop, buyer, offer_id=deal.standing)
    async with refused(errors.OFFER_SPENT):
        await scene.bought(shop, buyer, offer_id=deal.standing)
    late = await scene.accepted(shop, await scene.customer())
    late.lapse()
    for _ in range(2):
        async with refused(errors.PURCHASE_WINDOW_PASSED):
            await scene.bought(shop, late.buyer, offer_id=late.standing)
        await late.settle()
    broken = await scene.accepted(shop, await scene.customer())
    await broken.withdraw(shop.merchant_id)
    async with refused(errors.OFFER_NOT_ACCEPTED):
        await scene.bought(shop, broken.buyer, offer_id=broken.standing)


async def test_an_offer_of_another_listing_is_not_bought_here(scene: Scene) -> None:
    shop, other, buyer = await scene.shop(), await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    await scene.offer(other, buyer)
    async with refused(errors.OFFER_NOT_ACCEPTED):
        await scene.bought(other, buyer, offer_id=deal.standing)
    assert await deal.state() == ("ACCEPTED", None, False)


async def test_a_question_to_the_store_opens_each_of_its_listings(scene: Scene) -> None:
    asked, shop, buyer = await scene.shop(), await scene.shop(), await scene.customer()
    other = await scene.customer(asked)
    query = "SELECT thread_id, message_id, created_at FROM interaction_evidence WHERE customer_id = :id"
    thread_id, message_id, now = (await scene.rows(query, id=other))[0]
    async with scene.database.session() as session:
        insert_store_evidence(session, buyer, shop.store_id, thread_id, message_id, now)
    await scene.bought(shop, buyer)
    query = "SELECT type::text, message_id, created_at FROM interaction_evidence WHERE customer_id = :id"
    assert [tuple(row) for row in await scene.rows(query, id=buyer)] == [("QUESTION_POSTED", message_id, now)]
    await scene.bought(shop, buyer)
