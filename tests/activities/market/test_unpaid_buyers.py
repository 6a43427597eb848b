"""Buyers who do not pay: what their orders and holds can bind, for how long, and what the seller may do."""

from collections.abc import Awaitable
from typing import Any

import pytest

from domain.market import errors
from domain.market.states import DeliveryKind, OrderStatus
from tests.activities.market.scene import Purchase, Scene, code_of, race, refused
from tests.activities.market.traces import counts

SHIPPED = {"delivery": DeliveryKind.SHIPPED, "promised_delivery_seconds": 7 * 86_400}


async def _twice(scene: Scene, order: Purchase) -> None:
    before = await counts(scene), await order.state()
    await order.again()
    assert (await counts(scene), await order.state()) == before


async def test_an_order_that_nobody_pays_ends_by_itself(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer, 4)
    order.past("payment_remind_at")
    for _ in range(2):
        await order.settle()
    assert (await scene.inbox(buyer))[1:] == ["PAYMENT_DUE_SOON"]
    assert (await scene.inbox(shop.merchant_id))[1:] == ["PAYMENT_DUE_SOON"]
    order.past("payment_due_at")
    snapshot = await order.settle()
    assert (snapshot.closed, snapshot.trust_moved) == (True, False)
    assert await order.state() == ("REFUNDED", "NOT_PAID", True)
    assert await scene.listing(shop) == (10, "ACTIVE")
    assert await scene.facts(shop) == []
    assert (await scene.inbox(buyer))[-1] == (await scene.inbox(shop.merchant_id))[-1] == "ORDER_REFUNDED"


@pytest.mark.parametrize("word", ["confirm_payment", "deliver_order"])
async def test_a_paid_or_delivered_order_stays(scene: Scene, word: str) -> None:
    shop = await scene.shop(**SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell(word, shop.merchant_id)
    order.past("payment_due_at")
    assert not (await order.settle()).closed
    assert "PAYMENT_DUE_SOON" not in await scene.inbox(shop.merchant_id)


async def test_a_merchant_declines_what_nobody_paid_and_it_costs_nothing(scene: Scene) -> None:
    shop = await scene.shop(stock=1, **SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    async with refused(errors.SELLER_ONLY):
        await order.tell("decline_order", buyer, reason="mine")
    snapshot = await order.tell("decline_order", shop.merchant_id, reason="None left after all.")
    assert (snapshot.status, snapshot.trust_moved) == (OrderStatus.REFUNDED, False)
    assert await order.state() == ("REFUNDED", "DECLINED_BY_SELLER", True)
    assert await scene.listing(shop) == (1, "ACTIVE")
    assert await scene.facts(shop) == []
    query = "SELECT decline_reason FROM orders WHERE order_id = :id"
    assert await scene.value(query, id=order.order_id) == "None left after all."
    assert (await scene.inbox(buyer))[-1] == "ORDER_REFUNDED"
    await _twice(scene, order)
    async with refused(errors.ORDER_REFUNDED):
        await order.tell("decline_order", shop.merchant_id, reason="again")


async def test_a_merchant_that_declines_what_was_paid_breaks_its_word(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("confirm_payment", shop.merchant_id)
    assert (await order.tell("decline_order", shop.merchant_id, reason="No.")).trust_moved
    assert await scene.facts(shop) == ["OFFER_BROKEN"]
    late = await scene.bought(shop, await scene.customer(shop))
    late.past("promised_at")
    async with refused(errors.ORDER_OVERDUE):
        await late.tell("decline_order", shop.merchant_id, reason="Too late.")
    await late.settle()
    delivered = await scene.bought(shop, await scene.customer(shop))
    await delivered.tell("deliver_order", shop.merchant_id)
    async with refused(errors.ORDER_NOT_PLACED):
        await delivered.tell("decline_order", shop.merchant_id, reason="Too late.")


async def _codes(scene: Scene, shop: Any, buyer: Any, *quantities: int) -> list[str]:
    return [await code_of(scene.bought(shop, buyer, quantity)) for quantity in quantities]


@pytest.mark.parametrize("delivery", DeliveryKind)
async def test_a_buyer_takes_half_of_the_stock_without_paying_and_no_more(scene: Scene, delivery: DeliveryKind) -> None:
    shop = await scene.shop(stock=10, delivery=delivery)
    buyer, other = await scene.customer(shop), await scene.customer(shop)
    over = errors.UNPAID_UNITS.code
    assert await _codes(scene, shop, buyer, 6, 3, 2, 1, 1, 1) == [over, "ok", "ok", over, over, over]
    assert await scene.listing(shop) == (5, "ACTIVE")
    # The bound is each buyer's own.
    assert await _codes(scene, shop, other, 3, 2) == [over, "ok"]


async def test_what_is_paid_is_not_counted(scene: Scene) -> None:
    shop = await scene.shop(stock=4, **SHIPPED)
    buyer = await scene.customer(shop)
    first = await scene.bought(shop, buyer, 2)
    assert await _codes(scene, shop, buyer, 1) == [errors.UNPAID_UNITS.code]
    await first.tell("confirm_payment", shop.merchant_id)
    assert await _codes(scene, shop, buyer, 2, 1) == [errors.UNPAID_UNITS.code, "ok"]


async def test_holds_and_orders_count_together_and_what_is_let_go_does_not(scene: Scene) -> None:
    shop = await scene.shop(stock=10, **SHIPPED)
    buyer = await scene.customer(shop)
    # What the merchant agrees to itself has no bound, but it counts.
    deal = await scene.accepted(shop, buyer, quantity=8)
    assert await _codes(scene, shop, buyer, 1) == [errors.UNPAID_UNITS.code]
    await deal.withdraw(buyer)
    order = await scene.bought(shop, buyer, 5)
    assert await _codes(scene, shop, buyer, 1) == [errors.UNPAID_UNITS.code]
    await order.tell("cancel_order", buyer)
    assert await _codes(scene, shop, buyer, 5) == ["ok"]


async def test_what_a_buyer_let_lapse_counts_for_a_while(scene: Scene) -> None:
    shop = await scene.shop(stock=10, **SHIPPED)
    buyer = await scene.customer(shop)
    deal = await scene.accepted(shop, buyer, quantity=2)
    order = await scene.bought(shop, buyer, 3)
    deal.lapse()
    order.past("payment_due_at")
    assert (await deal.settle()).closed
    assert (await order.settle()).closed
    assert await scene.listing(shop) == (10, "ACTIVE")
    assert await _codes(scene, shop, buyer, 1) == [errors.UNPAID_UNITS.code]
    forgetful = scene.with_policy(lapse_memory_seconds=0)
    assert await _codes(forgetful, shop, buyer, 5) == ["ok"]


async def test_a_threshold_holds_no_more_than_an_unpaid_order_takes(scene: Scene) -> None:
    shop = await scene.shop(stock=10)
    await scene.limit_listing(shop, auto_accept_cents=700)
    greedy, modest = await scene.customer(), await scene.customer()
    too_much, enough = await scene.offer(shop, greedy, quantity=6), await scene.offer(shop, modest, quantity=5)
    for deal in (too_much, enough):
        await deal.answer_automatically()
    assert await too_much.state() == ("PROPOSED", None, False)
    assert await enough.state() == ("ACCEPTED", None, False)
    # By hand the merchant may.
    shop = await scene.shop(stock=10)
    deal = await scene.accepted(shop, greedy, quantity=10)
    assert await deal.state() == ("ACCEPTED", None, False)


async def test_forty_bids_over_the_threshold_hold_half_of_the_stock(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=40), await scene.customer()
    await scene.limit_listing(shop, auto_accept_cents=700)
    # As if the number of bids that are considered were no bound.
    scene = scene.with_policy(auto_answer_first_bids_per_listing=100, auto_answer_first_bids_per_store=100)
    for _ in range(20):
        deal = await scene.offer(shop, buyer)
        await deal.answer_automatically()
        assert (await deal.state())[0] == "ACCEPTED"
    last = await scene.offer(shop, buyer)
    await last.answer_automatically()
    assert (await last.state())[0] == "PROPOSED"
    assert await scene.listing(shop) == (20, "ACTIVE")


async def test_orders_that_are_owed_for_are_counted_across_the_market(scene: Scene) -> None:
    small = scene.with_policy(max_unpaid_orders=2)
    shops = [await scene.shop(**SHIPPED) for _ in range(3)]
    buyer = await scene.customer(*shops)
    deal = await small.accepted(shops[2], buyer)
    first, _ = [await small.bought(shop, buyer) for shop in shops[:2]]
    async with refused(errors.TOO_MANY_UNPAID):
        await small.bought(shops[2], buyer)
    async with refused(errors.TOO_MANY_UNPAID):
        await small.bought(shops[2], buyer, offer_id=deal.standing)
    instant = await scene.shop()
    assert await code_of(small.bought(instant, await scene.customer(instant))) == "ok"
    await first.tell("confirm_payment", shops[0].merchant_id)
    await small.bought(shops[2], buyer, offer_id=deal.standing)


@pytest.mark.parametrize("seed", range(3))
async def test_two_orders_at_once_take_no_more_than_one_after_the_other(scene: Scene, seed: int) -> None:
    shop = await scene.shop(stock=10, **SHIPPED)
    buyer = await scene.customer(shop)
    codes = await race(seed, *(scene.bought(shop, buyer, 2) for _ in range(4)))
    assert sorted(codes) == ["ok", "ok", errors.UNPAID_UNITS.code, errors.UNPAID_UNITS.code]
    shops = [await scene.shop(**SHIPPED) for _ in range(4)]
    eager, small = await scene.customer(*shops), scene.with_policy(max_unpaid_orders=2)
    codes = await race(seed, *(small.bought(shop, eager) for shop in shops))
    assert sorted(codes) == ["ok", "ok", errors.TOO_MANY_UNPAID.code, errors.TOO_MANY_UNPAID.code]


@pytest.mark.parametrize("seed", range(3))
async def test_an_order_declined_paid_cancelled_and_delivered_at_once(scene: Scene, seed: int) -> None:
    shop = await scene.shop(stock=1, **SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    doing: list[Awaitable[Any]] = [
        order.tell("decline_order", shop.merchant_id, reason="No."),
        order.tell("cancel_order", buyer),
        order.tell("deliver_order", shop.merchant_id),
        order.tell("confirm_payment", shop.merchant_id),
    ]
    codes = await race(seed, *doing)
    assert codes[:3].count("ok") == 1
    status, reason, _ = await order.state()
    assert (status, reason) == [
        ("REFUNDED", "DECLINED_BY_SELLER"), ("REFUNDED", "CANCELLED_BY_BUYER"), ("DELIVERED", None),
    ][codes.index("ok")]  # fmt: skip
    assert await scene.listing(shop) == ((0, "SOLD_OUT") if status == "DELIVERED" else (1, "ACTIVE"))
    paid_first = await scene.value("SELECT paid_at IS NOT NULL FROM orders WHERE order_id = :id", id=order.order_id)
    broken = reason == "DECLINED_BY_SELLER" and paid_first
    assert await scene.facts(shop) == (["OFFER_BROKEN"] if broken else [])
