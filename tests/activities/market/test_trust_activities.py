"""Folding trust over the real database: once per fact, counted under the lock, and provable from the rows."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from db.locks import clock
from db.market import trust
from db.market.tables import Message, SupportQuestion
from db.platform import writes
from db.platform.ids import new_id
from domain.market import errors
from domain.market.states import DeliveryKind
from domain.market.trust import TrustReason
from tests.activities.market.ledger import assert_proven, deltas, paid, stored_events
from tests.activities.market.scene import Scene, refused
from tests.activities.market.traces import counts
from tests.builders import Shop, ask


async def _fact(scene: Scene, shop: Shop, reason: TrustReason, inputs: dict[str, Any], **options: Any) -> None:
    async with scene.database.session() as session:
        values = {"source_event_id": new_id(), "occurred_at": await clock(session), "listing_id": shop.listing_id}
        trust.insert_fact(session, store_id=shop.store_id, reason=reason, inputs=inputs, **values | options)


async def test_a_new_store_stands_at_fifty(scene: Scene) -> None:
    shop = await scene.shop()
    fold = await scene.fold(shop)
    assert (fold.facts, fold.overall_milli, fold.more) == (0, 50_000, False)
    profile = await assert_proven(scene, shop)
    assert fold.deadline == profile.decay_due_at
    missing = Shop(shop.merchant_id, new_id(), shop.product_id, shop.listing_id)
    async with refused(errors.STORE_NOT_FOUND):
        await scene.fold(missing)


async def test_a_fold_takes_each_fact_once(scene: Scene) -> None:
    shop = await scene.shop()
    order = await paid(scene, shop, await scene.customer(shop))
    await order.review(rating=4, as_described=2)
    fold = await scene.fold(shop)
    assert fold.facts == 1
    assert await deltas(scene, shop) == [
        ("REVIEW_POSTED", "product", 750, 250),
        ("REVIEW_POSTED", "claim", 250, 750),
    ]
    await assert_proven(scene, shop)
    assert (await scene.inbox(shop.merchant_id))[-1] == "TRUST_MOVED"
    before = await counts(scene)
    again = await scene.fold(shop)
    assert (again.facts, again.overall_milli) == (0, fold.overall_milli)
    assert await counts(scene) == before
    links = [(row.linked_order_id == order.order_id, row.linked_review_id) for row in await stored_events(scene, shop)]
    assert links[0] == (True, order_review := links[1][1])
    assert order_review is not None


async def test_the_same_fact_written_twice_is_one(scene: Scene) -> None:
    shop, source = await scene.shop(), new_id()
    for _ in range(2):
        await _fact(scene, shop, TrustReason.OFFER_BROKEN, {"paid": True}, source_event_id=source)
    assert (await scene.fold(shop)).facts == 1
    await _fact(scene, shop, TrustReason.OFFER_BROKEN, {"paid": True}, source_event_id=source)
    assert (await scene.fold(shop)).facts == 0
    assert await deltas(scene, shop) == [("OFFER_BROKEN", "claim", 0, 2_000)]
    await assert_proven(scene, shop)


async def test_a_repeated_buyer_counts_for_less(scene: Scene) -> None:
    """k is counted in the order of folding, within one fold and over several."""
    shop = await scene.shop()
    buyer, other = await scene.customer(shop), await scene.customer(shop)
    for who in (buyer, buyer, other):
        await (await paid(scene, shop, who)).review(rating=5)
    await scene.fold(shop)
    await (await paid(scene, shop, buyer)).review(rating=5)
    await scene.fold(shop)
    assert [row[2] for row in await deltas(scene, shop)] == [1_000, 500, 1_000, 250]
    assert [row.inputs["earlier_reviews"] for row in await stored_events(scene, shop)] == [0, 1, 0, 2]
    await assert_proven(scene, shop)


async def test_honoured_and_broken_offers(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    for _ in range(2):
        deal = await scene.accepted(shop, buyer)
        await paid(scene, shop, buyer, offer_id=deal.standing)
    await (await scene.accepted(shop, buyer)).withdraw(shop.merchant_id)
    assert (await scene.fold(shop)).facts == 3
    assert await deltas(scene, shop) == [
        ("OFFER_HONORED", "claim", 1_000, 0),
        ("OFFER_HONORED", "claim", 500, 0),
        # Nothing was paid for what was never bought.
        ("OFFER_BROKEN", "claim", 0, 62),
    ]
    await assert_proven(scene, shop)


async def test_folds_at_once_count_as_one(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    for _ in range(4):
        await (await paid(scene, shop, buyer)).review(rating=5)
    folds = await asyncio.gather(*(scene.fold(shop) for _ in range(4)))
    assert sorted(fold.facts for fold in folds) == [0, 0, 0, 4]
    assert [row[2] for row in await deltas(scene, shop)] == [1_000, 500, 250, 125]
    await assert_proven(scene, shop)


async def test_decay_is_one_fact_per_period(scene: Scene) -> None:
    shop = await scene.shop()
    await (await paid(scene, shop, await scene.customer(shop))).review(rating=4)
    await scene.fold(shop)
    due = await scene.value("SELECT decay_due_at FROM trust_profiles WHERE store_id = :id", id=shop.store_id)
    later = "UPDATE trust_profiles SET decay_due_at = decay_due_at - %s WHERE store_id = %s"
    for passed, periods in ((timedelta(days=60, hours=1), 2), (timedelta(days=40), 1)):
        scene.as_owner(later, passed, shop.store_id)
        fold = await scene.fold(shop)
        assert fold.facts == periods
    assert fold.deadline == due - timedelta(days=10, hours=1)
    assert (await scene.fold(shop)).facts == 0
    r, s = [750], [250]
    for evidence in (r, s):
        for _ in range(3):
            evidence.append(7 * evidence[-1] // 8)
    steps = [("TIME_DECAY", "product", r[i + 1] - r[i], s[i + 1] - s[i]) for i in range(3)]
    assert (await deltas(scene, shop))[1:] == steps
    assert (await assert_proven(scene, shop)).generation == 3


async def test_decay_of_nothing_leaves_no_row(scene: Scene) -> None:
    shop = await scene.shop()
    scene.as_owner(
        "UPDATE trust_profiles SET decay_due_at = now() - interval '1 hour' WHERE store_id = %s", shop.store_id
    )
    assert (await scene.fold(shop)).facts == 1
    assert await deltas(scene, shop) == []
    assert (await assert_proven(scene, shop)).generation == 0
    assert (await scene.fold(shop)).facts == 0


async def test_missed_questions(scene: Scene) -> None:
    shop, customer = await scene.shop(), await scene.customer()
    async with scene.database.transaction() as transaction:
        now = await clock(transaction)
        for due in (now - timedelta(seconds=1), now - timedelta(seconds=2), now + timedelta(hours=1)):
            message_id = await ask(transaction, customer, shop)
            message = await transaction.get_one(Message, message_id)
            writes.insert(
                transaction,
                SupportQuestion,
                question_message_id=message_id,
                thread_id=message.thread_id,
                store_id=shop.store_id,
                customer_id=customer,
                asked_at=now,
                due_at=due,
            )
    fold = await scene.fold(shop)
    assert fold.facts == 2
    assert fold.deadline == now + timedelta(hours=1)
    assert await deltas(scene, shop) == [("REPLY_MISSED", "support", 0, 1_000), ("REPLY_MISSED", "support", 0, 500)]
    assert await scene.inbox(customer) == ["QUESTION_MISSED"] * 2
    assert (await scene.fold(shop)).facts == 0
    # A reply in time is worth its speed, halved by the questions this customer asked before.
    reply = {"latency_ms": 0, "deadline_ms": 86_400_000}
    await _fact(scene, shop, TrustReason.MERCHANT_REPLIED_IN_THREAD, reply, subject_agent_id=customer)
    await scene.fold(shop)
    assert (await deltas(scene, shop))[-1] == ("MERCHANT_REPLIED_IN_THREAD", "support", 250, 0)
    await assert_proven(scene, shop)


PENALTIES = pytest.mark.parametrize(
    ("reason", "inputs"),
    [
        (TrustReason.PRICE_UPDATED, {"raised": True, "open_commitments": True, "penalised_recently": False}),
        (TrustReason.PRODUCT_COPY_UPDATED, {"undelivered_orders": True, "penalised_recently": False}),
    ],
)
LATER = "UPDATE trust_facts SET occurred_at = occurred_at - interval '31 days' WHERE store_id = %s"


@PENALTIES
async def test_a_penalty_has_a_cooldown_per_listing(scene: Scene, reason: TrustReason, inputs: dict[str, Any]) -> None:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    await paid(scene, shop, await scene.customer(shop))
    for _ in range(2):
        await _fact(scene, shop, reason, inputs)
    assert (await scene.fold(shop)).facts == 2
    await _fact(scene, shop, reason, inputs)
    await scene.fold(shop)
    assert await deltas(scene, shop) == [(reason, "claim", 0, 500)]
    scene.as_owner(LATER, shop.store_id)
    await _fact(scene, shop, reason, inputs)
    await scene.fold(shop)
    # The same buyer again: half. Another who waits counts in full, whoever waited before.
    assert await deltas(scene, shop) == [(reason, "claim", 0, 500), (reason, "claim", 0, 250)]
    await paid(scene, shop, await scene.customer(shop))
    scene.as_owner(LATER, shop.store_id)
    await _fact(scene, shop, reason, inputs)
    await scene.fold(shop)
    assert (await deltas(scene, shop))[2:] == [(reason, "claim", 0, 500)]
    await assert_proven(scene, shop)


@PENALTIES
async def test_who_has_not_paid_or_has_its_goods_makes_no_change_dear(
    scene: Scene, reason: TrustReason, inputs: dict[str, Any]
) -> None:
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    await scene.bought(shop, await scene.customer(shop))
    for ended in ("deliver_order", "cancel_order"):
        order = await paid(scene, shop, await scene.customer(shop))
        await order.tell(ended, shop.merchant_id if ended == "deliver_order" else order.buyer)
    await _fact(scene, shop, reason, inputs)
    await scene.fold(shop)
    assert await deltas(scene, shop) == [(reason, "claim", 0, 31)]
    await assert_proven(scene, shop)


async def test_policy_edits_earn_once(scene: Scene) -> None:
    shop = await scene.shop()
    for present in (True, False, True, True):
        await _fact(scene, shop, TrustReason.POLICY_UPDATED, {"fields": {"warranty": present, "refund_rule": True}})
        await scene.fold(shop)
    profile = await assert_proven(scene, shop)
    assert (profile.evidence_r[3], profile.evidence_s[3]) == (2_000, 0)
    assert len(await stored_events(scene, shop)) == 3
