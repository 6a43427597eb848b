"""Appeals over the real database: once, in time, decided by operators or by the date."""

from typing import Any
from uuid import UUID

import pytest

from db.platform.ids import new_id
from db.platform.keys import insert_key, random_secret
from db.platform.tables import ApiKeyKind
from domain.market import errors
from domain.market.commands import AppealDecision, OrderSnapshot
from tests.activities.market.scene import Purchase, Scene, code_of, race, refused
from tests.activities.market.traces import counts
from tests.builders import Shop


async def _operator(scene: Scene) -> UUID:
    key_id = new_id()
    async with scene.database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "appeals", random_secret())
    return key_id


async def _declined(scene: Scene) -> tuple[Shop, Purchase]:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("request_refund", order.buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=False)
    return shop, order


async def _appealed(scene: Scene) -> tuple[Shop, Purchase]:
    shop, order = await _declined(scene)
    await order.tell("appeal_refund", order.buyer, reason="It never lit.")
    return shop, order


async def _decide(scene: Scene, order: Purchase, key_id: UUID, **options: Any) -> OrderSnapshot:
    command = AppealDecision(
        command_id=new_id(), order_id=order.order_id, key_id=key_id, reason="Ticket 812", **options
    )
    return await order._run(lambda: scene.order.decide_appeal(order.start, command))


async def test_only_a_declined_refund_is_appealed_by_its_buyer_once(scene: Scene) -> None:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    for step in ("request_refund", None):
        async with refused(errors.NOTHING_TO_APPEAL):
            await order.tell("appeal_refund", order.buyer, reason="Now.")
        if step:
            await order.tell(step, order.buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=False)
    async with refused(errors.BUYER_ONLY):
        await order.tell("appeal_refund", shop.merchant_id, reason="Not mine.")
    snapshot = await order.tell("appeal_refund", order.buyer, reason="It never lit.")
    assert snapshot.awaiting == "the operators' decision on an appeal"
    assert (await scene.inbox(shop.merchant_id))[-1] == "APPEAL_MADE"
    before = await counts(scene)
    await order.again()
    assert await counts(scene) == before
    async with refused(errors.APPEAL_MADE):
        await order.tell("appeal_refund", order.buyer, reason="Again.")


async def test_the_time_to_appeal_ends_and_the_order_waits_for_it(scene: Scene) -> None:
    shop, order = await _declined(scene)
    order.past("return_window_closes_at")
    assert not (await order.settle()).closed
    order.past("appeal_by")
    async with refused(errors.APPEAL_WINDOW_CLOSED):
        await order.tell("appeal_refund", order.buyer, reason="Too late.")
    assert (await order.settle()).closed
    assert await order.state() == ("DELIVERED", None, True)
    assert "APPEAL_DECLINED" not in await scene.inbox(shop.merchant_id)


@pytest.mark.parametrize("goods_returned", [False, True])
async def test_operators_grant(scene: Scene, goods_returned: bool) -> None:
    shop, order = await _appealed(scene)
    key_id = await _operator(scene)
    snapshot = await _decide(scene, order, key_id, grant=True, goods_returned=goods_returned)
    assert (snapshot.closed, snapshot.review_window_void) == (True, True)
    assert await order.state() == ("REFUNDED", "APPEAL_GRANTED", True)
    assert (await scene.listing(shop))[0] == (10 if goods_returned else 9)
    for agent in (order.buyer, shop.merchant_id):
        assert (await scene.inbox(agent))[-1] == "ORDER_REFUNDED"
    query = "SELECT action, reason FROM operator_audit_log WHERE key_id = :id"
    assert [tuple(row) for row in await scene.rows(query, id=key_id)] == [("order.appeal_granted", "Ticket 812")]
    before = await counts(scene)
    await order.again()
    assert await counts(scene) == before


async def test_operators_decline(scene: Scene) -> None:
    shop, order = await _appealed(scene)
    key_id = await _operator(scene)
    assert not (await _decide(scene, order, key_id, grant=False)).closed
    for agent in (order.buyer, shop.merchant_id):
        assert (await scene.inbox(agent))[-1] == "APPEAL_DECLINED"
    async with refused(errors.NO_APPEAL):
        await _decide(scene, order, key_id, grant=True)
    order.past("return_window_closes_at")
    assert (await order.settle()).closed


async def test_no_decision_in_time_declines_and_says_so(scene: Scene) -> None:
    shop, order = await _appealed(scene)
    order.past("return_window_closes_at", "appeal_by")
    assert not (await order.settle()).closed
    order.past("appeal_due_at")
    async with refused(errors.APPEAL_DECISION_LATE):
        await _decide(scene, order, await _operator(scene), grant=True)
    await order.settle()
    query = "SELECT meta ->> 'reason' FROM inbox_events WHERE agent_id = :id AND type = 'APPEAL_DECLINED'"
    for agent in (order.buyer, shop.merchant_id):
        assert [row[0] for row in await scene.rows(query, id=agent)] == ["NOT_DECIDED"]
    assert (await order.settle()).closed


@pytest.mark.parametrize("seed", range(3))
async def test_two_operators_decide_at_once(scene: Scene, seed: int) -> None:
    _, order = await _appealed(scene)
    key_id = await _operator(scene)
    codes = await race(
        seed, _decide(scene, order, key_id, grant=True), _decide(scene, order, key_id, grant=False), order.settle()
    )
    assert codes[:2].count("ok") == 1
    granted = codes[0] == "ok"
    assert await order.state() == (("REFUNDED", "APPEAL_GRANTED", True) if granted else ("DELIVERED", None, False))
    assert await code_of(_decide(scene, order, key_id, grant=True)) in {"order.refunded", "order.no_appeal"}
