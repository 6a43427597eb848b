"""What the sweep finds: every projection whose date has passed, and none whose process can still wait."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from db.locks import clock
from db.market import negotiations, orders, trust
from db.platform.commands import list_unanswered
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout.processes import CHECKOUT
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW
from domain.market.states import DeliveryKind
from domain.market.trust import TrustReason
from domain.platform.commands import kinds_told_again
from tests.activities.market.scene import Scene
from tests.invariants import assert_sound

MANY = 100_000
MARKET = kinds_told_again(NEGOTIATION, ORDER, REVIEW_WINDOW)


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str) -> AsyncIterator[Scene]:
    yield Scene(worker_database, owner_url)
    await assert_sound(worker_database)


async def _finds(scene: Scene, query: Callable[[Any, int], Awaitable[Any]], key: UUID) -> bool:
    async with scene.database.transaction() as transaction:
        return key in await query(transaction, MANY)


@pytest.mark.parametrize(
    ("change", "overdue"),
    [
        ("UPDATE listings SET updated_at = now() WHERE listing_id = %s", False),
        ("UPDATE listings SET price_cents = 1501 WHERE listing_id = %s", False),
        ("UPDATE listings SET price_cents = 1499 WHERE listing_id = %s", True),
        ("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", True),
        (
            "UPDATE stores s SET status = 'CLOSED' FROM listings l WHERE l.store_id = s.store_id AND listing_id = %s",
            True,
        ),
    ],
)
async def test_negotiations_whose_listing_changed(scene: Scene, change: str, overdue: bool) -> None:
    shop = await scene.shop()
    deal = await scene.offer(shop, await scene.customer(), 1_000)
    scene.as_owner(change, shop.listing_id)
    found = await _finds(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)
    assert found == overdue
    # What the sweep finds, the process ends; and what it does not find stays.
    assert (await deal.settle()).closed == overdue
    assert not await _finds(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)


async def test_expired_lapsed_and_sold_out_negotiations(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    expired, held, stranded = [await scene.offer(shop, await scene.customer()) for _ in range(3)]
    expired.expire()
    await held.accept(shop.merchant_id)
    query = negotiations.list_overdue_negotiations
    assert [await _finds(scene, query, deal.negotiation_id) for deal in (expired, held, stranded)] == [
        True,
        False,
        True,
    ]
    held.lapse()
    assert await _finds(scene, query, held.negotiation_id)
    for deal in (stranded, expired, held):
        assert (await deal.settle()).closed
        assert not await _finds(scene, query, deal.negotiation_id)


async def test_late_orders(scene: Scene) -> None:
    """Found once a date lies some seconds back, and no longer when settled."""
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    buyer = await scene.customer(shop)

    def back(column: str, order_id: UUID) -> None:
        scene.as_owner(f"UPDATE orders SET {column} = now() - interval '10 seconds' WHERE order_id = %s", order_id)

    for case in ("promised_at", "payment_due_at", "return_window_closes_at", "refund_answer_due_at", "declined"):
        order = await scene.bought(shop, buyer)
        if case not in {"promised_at", "payment_due_at"}:
            await order.tell("deliver_order", shop.merchant_id)
        if case in {"refund_answer_due_at", "declined"}:
            await order.tell("request_refund", buyer)
        if case == "declined":
            # Nothing awaits an answer any more; the process still ends with the return window.
            await order.tell("answer_refund", shop.merchant_id, approve=False)
        assert not await _finds(scene, orders.list_overdue_orders, order.order_id)
        if case == "declined":
            back("appeal_by", order.order_id)
        back("return_window_closes_at" if case == "declined" else case, order.order_id)
        assert await _finds(scene, orders.list_overdue_orders, order.order_id)
        assert (await order.settle()).closed
        assert not await _finds(scene, orders.list_overdue_orders, order.order_id)


async def test_appeals_that_nobody_decided(scene: Scene) -> None:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.tell("request_refund", order.buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=False)
    await order.tell("appeal_refund", order.buyer, reason="It never lit.")
    # It waits for the operators alone.
    order.past("return_window_closes_at", "appeal_by")
    assert not await _finds(scene, orders.list_overdue_orders, order.order_id)
    scene.as_owner(
        "UPDATE orders SET appeal_due_at = now() - interval '10 seconds' WHERE order_id = %s", order.order_id
    )
    assert await _finds(scene, orders.list_overdue_orders, order.order_id)
    await order.settle()
    assert (await order.settle()).closed
    assert not await _finds(scene, orders.list_overdue_orders, order.order_id)


async def test_commands_whose_callers_were_never_told(scene: Scene) -> None:
    """Found from some seconds after the lease until a day after they were carried out."""
    shop = await scene.shop()
    states = {
        "lost": ("-1 minute", "-10 seconds", None),
        "in flight": ("-1 minute", "10 seconds", None),
        "given up just now": ("-1 minute", "-1 second", None),
        "answered": ("-1 minute", "-10 seconds", "-10 seconds"),
        "of old": ("-25 hours", "-10 seconds", None),
    }
    deals = {}
    for name, (carried_out, lease, completed) in states.items():
        deals[name] = await scene.offer(shop, await scene.customer())
        scene.as_owner(
            "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash, lease_until, completed_at,"
            " status_code) VALUES (%s, %s, 'k', 'r', now() + %s::interval, now() + %s::interval, %s)",
            deals[name].negotiation_id, deals[name].buyer, lease, completed, 201 if completed else None,
        )  # fmt: skip
        scene.as_owner(
            "UPDATE processed_commands SET created_at = now() + %s::interval WHERE command_id = %s",
            carried_out,
            deals[name].negotiation_id,
        )
    # Never carried out: its process has nothing to learn.
    scene.as_owner(
        "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash, lease_until)"
        " VALUES (%s, %s, 'k', 'r', now() - interval '10 seconds')", new_id(), new_id(),
    )  # fmt: skip
    async with scene.database.session() as session:
        found = {
            (command.kind, command.entity_id)
            for command in await list_unanswered(await Transaction.of(session), MARKET, MANY)
        }
    mine = {deal.negotiation_id: name for name, deal in deals.items()}
    assert [(kind, mine[entity]) for kind, entity in found if entity in mine] == [("make_offer", "lost")]
    async with scene.database.session() as session:
        others = await list_unanswered(await Transaction.of(session), kinds_told_again(CHECKOUT), MANY)
    assert not {command.entity_id for command in others} & set(mine)


async def test_review_windows(scene: Scene) -> None:
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    assert not await _finds(scene, orders.list_overdue_review_windows, order.order_id)
    order.past("closes_at", table="review_windows")
    assert await _finds(scene, orders.list_overdue_review_windows, order.order_id)
    await order.settle_window()
    assert not await _finds(scene, orders.list_overdue_review_windows, order.order_id)


async def test_stores_with_something_to_fold(scene: Scene) -> None:
    shop = await scene.shop()
    needs = trust.list_stores_needing_fold
    async with scene.database.session() as session:
        trust.insert_fact(
            session,
            store_id=shop.store_id,
            source_event_id=new_id(),
            reason=TrustReason.OFFER_BROKEN,
            inputs={"paid": True},
            occurred_at=await clock(session),
        )
    assert not await _finds(scene, needs, shop.store_id)
    scene.as_owner(
        "UPDATE trust_facts SET occurred_at = now() - interval '10 seconds' WHERE store_id = %s", shop.store_id
    )
    assert await _finds(scene, needs, shop.store_id)
    await scene.fold(shop)
    assert not await _finds(scene, needs, shop.store_id)
    scene.as_owner(
        "UPDATE trust_profiles SET decay_due_at = now() - interval '10 seconds' WHERE store_id = %s", shop.store_id
    )
    assert await _finds(scene, needs, shop.store_id)
    await scene.fold(shop)
    assert not await _finds(scene, needs, shop.store_id)
