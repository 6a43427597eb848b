"""A crash between any two statements of a process command leaves nothing; the retry then does all of it, once.

Every activity that changes the market is crashed before each of its statements in turn, right before its
commit, and after the commit before it can answer; by an error in the process, and by a connection that the
server closed. What Temporal does next is to run the activity again: so does the test.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from psycopg import OperationalError

from domain.market.states import DeliveryKind
from tests.activities.market.scene import Scene
from tests.faults.faulty import AFTER_COMMIT, BEFORE_COMMIT, CrashedError, FaultyDatabase

Run = Callable[[], Awaitable[Any]]
"""Carries a command out, as often as one likes: always the same command, with the same id."""


def repeatable(first: Run, again: Run) -> Run:
    """The first call makes the command, every later one repeats it with the same id."""
    made: list[bool] = []

    async def run() -> Any:
        if made:
            return await again()
        made.append(True)
        return await first()

    return run


async def make_offer(scene: Scene) -> Run:
    shop = await scene.shop()
    await scene.limit_listing(shop, auto_accept_cents=900)
    deal = scene.deal(shop, await scene.customer())
    return repeatable(lambda: deal.make(1_000, 2), deal.again)


async def counter_offer(scene: Scene) -> Run:
    shop = await scene.shop()
    deal = await scene.offer(shop, await scene.customer())
    first = deal.standing
    return repeatable(lambda: deal.counter(shop.merchant_id, 1_200, offer_id=first), deal.again)


async def accept_last(scene: Scene) -> Run:
    """The accept that sells a listing out."""
    shop = await scene.shop(stock=1)
    deal = await scene.offer(shop, await scene.customer())
    return repeatable(lambda: deal.accept(shop.merchant_id), deal.again)


async def accept_while_paused(scene: Scene) -> Run:
    """An accept that is refused and closes the offer all the same."""
    shop = await scene.shop()
    deal = await scene.offer(shop, await scene.customer())
    scene.as_owner("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", shop.listing_id)
    return repeatable(lambda: deal.accept(shop.merchant_id), deal.again)


async def reject_offer(scene: Scene) -> Run:
    shop = await scene.shop()
    deal = await scene.offer(shop, await scene.customer())
    return repeatable(lambda: deal.reject(shop.merchant_id), deal.again)


async def break_accepted_offer(scene: Scene) -> Run:
    shop = await scene.shop()
    deal = await scene.accepted(shop, await scene.customer())
    return repeatable(lambda: deal.withdraw(shop.merchant_id), deal.again)


async def expire_offer(scene: Scene) -> Run:
    deal = await scene.offer(await scene.shop(), await scene.customer())
    deal.expire()
    return deal.settle


async def lapse_hold(scene: Scene) -> Run:
    deal = await scene.accepted(await scene.shop(stock=1), await scene.customer())
    deal.lapse()
    return deal.settle


async def answer_automatically(scene: Scene) -> Run:
    shop = await scene.shop()
    await scene.limit_listing(shop, auto_accept_cents=500)
    deal = await scene.offer(shop, await scene.customer())
    return deal.answer_automatically


async def place_order(scene: Scene) -> Run:
    shop = await scene.shop(stock=1)
    order = scene.purchase(shop, await scene.customer(shop))
    return repeatable(order.place, order.again)


async def buy_accepted_offer(scene: Scene) -> Run:
    shop = await scene.shop()
    buyer = await scene.customer()
    deal = await scene.accepted(shop, buyer)
    order = scene.purchase(shop, buyer)
    return repeatable(lambda: order.place(1, deal.standing), order.again)


async def confirm_payment(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    return repeatable(lambda: order.tell("confirm_payment", shop.merchant_id), order.again)


async def deliver_order(scene: Scene) -> Run:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    return repeatable(lambda: order.tell("deliver_order", shop.merchant_id), order.again)


async def cancel_order(scene: Scene) -> Run:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED, stock=1)
    order = await scene.bought(shop, await scene.customer(shop))
    return repeatable(lambda: order.tell("cancel_order", order.buyer), order.again)


async def request_refund(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    return repeatable(lambda: order.tell("request_refund", order.buyer, reason="It went out."), order.again)


async def grant_refund(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("request_refund", order.buyer)
    answer = {"approve": True, "goods_returned": True}
    return repeatable(lambda: order.tell("answer_refund", shop.merchant_id, **answer), order.again)


async def decline_order(scene: Scene) -> Run:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("confirm_payment", shop.merchant_id)
    return repeatable(lambda: order.tell("decline_order", shop.merchant_id, reason="None left."), order.again)


async def miss_payment(scene: Scene) -> Run:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    order.past("payment_due_at")
    return order.settle


async def appeal_refund(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("request_refund", order.buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=False)
    return repeatable(lambda: order.tell("appeal_refund", order.buyer, reason="It never lit."), order.again)


async def release_hold(scene: Scene) -> Run:
    deal = await scene.accepted(await scene.shop(), await scene.customer())
    return repeatable(lambda: deal.withdraw(deal.buyer), deal.again)


async def miss_delivery(scene: Scene) -> Run:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))
    order.past("promised_at")
    return order.settle


async def post_review(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    return repeatable(order.review, order.again)


async def close_review_window(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    order.past("closes_at", table="review_windows")
    return order.settle_window


async def fold_trust(scene: Scene) -> Run:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.review()
    return lambda: scene.fold(shop)


COMMANDS = [
    make_offer, counter_offer, accept_last, accept_while_paused, reject_offer, break_accepted_offer, expire_offer,
    lapse_hold, answer_automatically, place_order, buy_accepted_offer, confirm_payment, deliver_order, cancel_order,
    request_refund, grant_refund, decline_order, miss_payment, appeal_refund, release_hold, miss_delivery, post_review,
    close_review_window, fold_trust,
]  # fmt: skip


@pytest.mark.parametrize("cut", [False, True], ids=["crash", "connection lost"])
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda prepare: prepare.__name__)
async def test_a_crash_between_any_two_statements(
    scene: Scene, faulty: FaultyDatabase, prepare: Any, cut: bool
) -> None:
    run = await prepare(scene)
    before = faulty.fingerprint()

    async def crash(point: int | str) -> int:
        with faulty.failing(point, cut=cut and point != AFTER_COMMIT) as plan:
            with pytest.raises((CrashedError, OperationalError)):
                await run()
            assert plan.struck
            return plan.seen

    statements = await crash(BEFORE_COMMIT)
    assert statements >= 3, "locks, a reading, what is written"
    for number in range(1, statements + 1):
        await crash(number)
    assert faulty.fingerprint() == before
    await crash(AFTER_COMMIT)
    done = faulty.fingerprint()
    assert done != before
    answer = await run()
    assert await run() == answer
    assert faulty.fingerprint() == done
