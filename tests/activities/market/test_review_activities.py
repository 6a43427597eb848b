"""Reviews and their windows over the real database."""

import pytest

from config.settings import Settings
from db.platform.database import Database
from domain.market import errors
from domain.market.states import DeliveryKind
from tests.activities.market.scene import Purchase, Scene, refused
from tests.activities.market.traces import counts


async def _window(scene: Scene, order: Purchase) -> str:
    query = "SELECT status::text FROM review_windows WHERE order_id = :id"
    return await scene.value(query, id=order.order_id)


async def test_a_review_and_its_traces(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    snapshot = await order.review(rating=4, as_described=5, title="Bright")
    assert (snapshot.closed, snapshot.trust_moved) == (True, True)
    before = await counts(scene)
    await order.again()
    assert await counts(scene) == before
    assert await _window(scene, order) == "REVIEWED"
    query = """
        SELECT v.rating, v.as_described, v.title, m.body = v.body, t.type::text, t.title, t.context_store_id
          FROM reviews v JOIN messages m USING (message_id) JOIN threads t USING (thread_id) WHERE order_id = :id
    """
    assert [tuple(row) for row in await scene.rows(query, id=order.order_id)] == [
        (4, 5, "Bright", True, "REVIEW", "Reviews of A lamp", shop.store_id)
    ]
    assert (await scene.inbox(shop.merchant_id))[-1] == "REVIEW_POSTED"
    stats = "SELECT reviews_posted, rating_sum FROM store_stats WHERE store_id = :id"
    assert [tuple(row) for row in await scene.rows(stats, id=shop.store_id)] == [(1, 4)]
    inputs = await scene.value("SELECT inputs FROM trust_facts WHERE store_id = :id", id=shop.store_id)
    assert inputs == {
        "rating": 4, "as_described": 5, "weight_cents": 1_000, "full_weight_cents": 1_000, "paid": False,
    }  # fmt: skip


async def test_the_thread_is_shared(scene: Scene) -> None:
    shop = await scene.shop()
    for rating in (5, 1):
        await (await scene.bought(shop, await scene.customer(shop))).review(rating=rating)
    query = "SELECT count(*) FROM threads WHERE context_listing_id = :id AND type = 'REVIEW'"
    assert await scene.value(query, id=shop.listing_id) == 1


async def test_a_negotiated_price_is_not_in_the_fact(scene: Scene) -> None:
    """1 237 was agreed in private for three quarters of V0's worth: the public number is a quarter of V0's multiple."""
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer, 937)
    order = await scene.bought(shop, buyer, offer_id=deal.standing)
    await order.review()
    query = "SELECT inputs FROM trust_facts WHERE store_id = :id AND reason = 'REVIEW_POSTED'"
    assert (await scene.value(query, id=shop.store_id))["weight_cents"] == 750


async def test_refusals(scene: Scene) -> None:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    async with refused(errors.REVIEW_UNDELIVERED):
        await order.review()
    await order.tell("deliver_order", shop.merchant_id)
    for foreign in (shop.merchant_id, await scene.customer()):
        async with refused(errors.ORDER_NOT_FOUND):
            await order.review(foreign)
    async with refused(errors.ORDER_NOT_FOUND):
        await scene.purchase(shop, buyer).review()
    async with refused(errors.ORDER_NOT_FOUND):
        await scene.purchase(shop, buyer).settle_window()
    await order.review()
    async with refused(errors.REVIEW_EXISTS):
        await order.review()
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=True)
    # The review stays: the order was delivered when it was written.
    assert await _window(scene, order) == "REVIEWED"
    async with refused(errors.REVIEW_REFUNDED):
        await order.review()


@pytest.mark.parametrize("settled", [True, False])
async def test_a_late_review_is_refused(scene: Scene, settled: bool) -> None:
    """Also when the window's timer has not fired yet."""
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    assert not (await order.settle_window()).closed
    order.past("closes_at", table="review_windows")
    if settled:
        for _ in range(2):
            assert (await order.settle_window()).closed
        assert (await scene.inbox(buyer)).count("REVIEW_WINDOW_CLOSED") == 1
    async with refused(errors.REVIEW_TOO_LATE):
        await order.review()
    assert await _window(scene, order) == ("LAPSED" if settled else "OPEN")
    await order.settle_window()


async def test_a_refund_voids_the_window(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=True)
    async with refused(errors.REVIEW_REFUNDED):
        await order.review()
    order.past("closes_at", table="review_windows")
    assert (await order.settle_window()).closed
    assert await _window(scene, order) == "VOID"


async def test_first_reviews_of_many_listings_over_one_connection(owner_url: str) -> None:
    """The driver prepares a statement after a few runs, and a prepared one must still find its partial index."""
    database = Database(Settings(database_url=owner_url).role_url("worker"), 1, "test-one-connection")
    scene = Scene(database, owner_url)
    for _ in range(16):
        shop = await scene.shop()
        order = scene.purchase(shop, await scene.customer(shop))
        await order.place(1)
        await order.review()
    await database.close()
