"""A blocked customer: what it may not do any more, what ends, and what it keeps."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.market import blocks, negotiations, orders
from db.platform import console
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.keys import insert_key, random_secret
from db.platform.tables import ApiKeyKind
from domain.market import errors
from domain.market.states import DeliveryKind
from domain.platform.identity import NOT_A_CUSTOMER
from tests.activities.market.scene import Scene, code_of, race, refused
from tests.builders import Shop

SHIPPED = {"delivery": DeliveryKind.SHIPPED, "promised_delivery_seconds": 86_400}


async def block(scene: Scene, shop: Shop, agent: UUID) -> None:
    async with scene.database.transaction() as transaction:
        await blocks.put_block(transaction, shop.store_id, shop.merchant_id, agent, "Pays for nothing.")


async def _found(scene: Scene, query: Any, key: UUID) -> bool:
    async with scene.database.transaction() as transaction:
        return key in await query(transaction, 100_000)


async def test_nothing_new_begins(scene: Scene) -> None:
    shop, other = await scene.shop(), await scene.shop()
    buyer = await scene.customer(shop, other)
    await block(scene, shop, buyer)
    async with refused(errors.STORE_BLOCKED):
        await scene.offer(shop, buyer)
    async with refused(errors.STORE_BLOCKED):
        await scene.bought(shop, buyer)
    await scene.bought(other, buyer)
    async with scene.database.transaction() as transaction:
        await blocks.remove_block(transaction, shop.store_id, shop.merchant_id, buyer)
    await scene.bought(shop, buyer)


async def test_what_is_under_way_and_unpaid_ends(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    held = await scene.accepted(shop, buyer, quantity=2)
    standing = await scene.offer(shop, buyer)
    owed, paid = await scene.bought(shop, buyer), await scene.bought(shop, buyer)
    await paid.tell("confirm_payment", shop.merchant_id)
    await block(scene, shop, buyer)
    for deal in (held, standing):
        assert await _found(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)
        assert (await deal.settle()).closed
        assert await deal.state() == ("CANCELLED", "BUYER_BLOCKED", True)
        assert not await _found(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)
    assert await _found(scene, orders.list_overdue_orders, owed.order_id)
    assert not await _found(scene, orders.list_overdue_orders, paid.order_id)
    await owed.settle()
    await paid.settle()
    assert await owed.state() == ("REFUNDED", "BUYER_BLOCKED", True)
    assert await paid.state() == ("PLACED", None, False)
    assert await scene.listing(shop) == (9, "ACTIVE")
    # What was accepted is broken, as by a withdrawal; the order that nobody paid is no promise.
    assert await scene.facts(shop) == ["OFFER_BROKEN"]


async def test_who_sees_that_there_was_a_block_by_what_it_ended(scene: Scene, api: Database) -> None:
    """As docs/privacy.md says under "What a block shows"."""
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    standing, owed = await scene.offer(shop, buyer), await scene.bought(shop, buyer)
    await block(scene, shop, buyer)
    await standing.settle()
    await owed.settle()
    key_id = new_id()
    async with scene.database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "blocks", random_secret())
    async with api.session() as session:
        await console.name_operator(session, key_id)
        seen = await session.execute(
            text(
                "SELECT buyer_customer_id, store_id, refund_reason FROM operator_orders WHERE order_id = :owed"
                " UNION ALL SELECT buyer_customer_id, seller_store_id, close_reason FROM operator_negotiations"
                " WHERE negotiation_id = :standing"
            ),
            {"owed": owed.order_id, "standing": standing.negotiation_id},
        )
        assert [tuple(row) for row in seen.all()] == [(buyer, shop.store_id, "BUYER_BLOCKED")] * 2
        assert await session.scalar(text("SELECT count(*) FROM store_blocks")) == 0
    async with api.session(viewer=buyer) as session:
        told = "SELECT type FROM inbox_events WHERE meta ->> 'reason' = 'BUYER_BLOCKED' AND agent_id = :buyer"
        assert set((await session.scalars(text(told), {"buyer": buyer})).all()) == {"OFFER_CANCELLED", "ORDER_REFUNDED"}
        assert await session.scalar(text("SELECT count(*) FROM store_blocks")) == 0
    async with scene.database.session() as session:
        public = "SELECT count(*) FROM activity_events e WHERE to_jsonb(e)::text LIKE '%BLOCKED%' AND store_id = :store"
        assert await session.scalar(text(public), {"store": shop.store_id}) == 0


async def test_a_blocked_buyer_agrees_to_nothing_more(scene: Scene) -> None:
    """Also while the negotiation has not heard of the block: a hold made now would break at the store's cost."""
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    deal = await scene.offer(shop, buyer)
    await deal.counter(shop.merchant_id, 1_200)
    await block(scene, shop, buyer)
    async with refused(errors.STORE_BLOCKED):
        await deal.accept(buyer)
    async with refused(errors.STORE_BLOCKED):
        await deal.counter(buyer, 1_100)
    assert (await deal.settle()).closed
    assert await scene.facts(shop) == []


async def test_no_threshold_answers_a_blocked_buyer(scene: Scene) -> None:
    shop = await scene.shop()
    await scene.limit_listing(shop, auto_accept_cents=500)
    buyer = await scene.customer(shop)
    deal = await scene.offer(shop, buyer)
    await block(scene, shop, buyer)
    assert not (await deal.answer_automatically()).auto_answer
    assert await deal.state() == ("PROPOSED", None, False)


async def test_a_promise_that_was_broken_before_the_block_stays_broken(scene: Scene) -> None:
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    missed = await scene.bought(shop, buyer)
    scene.as_owner("UPDATE orders SET promised_at = clock_timestamp() WHERE order_id = %s", missed.order_id)
    await block(scene, shop, buyer)
    await missed.settle()
    assert await missed.state() == ("REFUNDED", "DELIVERY_MISSED", True)


async def test_what_was_paid_stays_a_right(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    paid, unpaid = await scene.bought(shop, buyer), await scene.bought(shop, buyer)
    await paid.tell("confirm_payment", shop.merchant_id)
    await block(scene, shop, buyer)
    await paid.review()
    async with refused(errors.STORE_BLOCKED):
        await unpaid.review()
    await paid.tell("request_refund", buyer)


async def test_only_customers_are_blocked_by_their_own_stores_owner(scene: Scene) -> None:
    shop, other = await scene.shop(), await scene.shop()
    async with refused(NOT_A_CUSTOMER):
        await block(scene, shop, other.merchant_id)
    foreign = Shop(other.merchant_id, shop.store_id, shop.product_id, shop.listing_id)
    async with refused(errors.STORE_NOT_YOURS):
        await block(scene, foreign, await scene.customer())


@pytest.mark.parametrize("seed", range(3))
async def test_an_order_and_a_block_at_once(scene: Scene, seed: int) -> None:
    """Either the order is refused, or it is there before the block and ended by it."""
    shop = await scene.shop(**SHIPPED)
    buyer = await scene.customer(shop)
    order = scene.purchase(shop, buyer)
    codes = await race(seed, order.place(), block(scene, shop, buyer))
    assert codes[1] == "ok"
    assert codes[0] in {"ok", "store.blocked"}
    if codes[0] == "ok":
        await order.settle()
        assert (await order.state())[1] == "BUYER_BLOCKED"
    assert await scene.listing(shop) == (10, "ACTIVE")
    assert await code_of(scene.bought(shop, buyer)) == "store.blocked"
