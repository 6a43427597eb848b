"""Reminders on real rows: the awaited party's inbox, once, with the date; and the process's next look."""

from datetime import datetime
from uuid import UUID

import pytest

from db.market import negotiations, orders, trust
from db.market.conversation import insert_message, insert_thread
from db.platform import writes
from db.platform.ids import new_id
from domain.market.policy import MarketPolicy
from domain.market.states import ThreadType
from domain.platform.identity import AgentType
from tests.activities.market.scene import Deal, Scene
from tests.builders import Shop

MANY = 100_000


async def told(scene: Scene, agent: UUID, type: str) -> list[str]:
    """The dates of an agent's events of a type."""
    query = "SELECT meta->>'due_at' FROM inbox_events WHERE agent_id = :id AND type = :type ORDER BY txid, seq"
    return [row[0] for row in await scene.rows(query, id=agent, type=type)]


def bring_forward(deal: Deal) -> None:
    deal.scene.as_owner("UPDATE offers SET remind_at = now() - interval '6 seconds' WHERE offer_id = %s", deal.standing)


async def overdue(scene: Scene, query, key: UUID) -> bool:
    async with scene.database.transaction() as transaction:
        return key in await query(transaction, MANY)


@pytest.mark.parametrize("by_buyer", [True, False])
async def test_the_party_that_owes_the_answer_is_reminded_once(scene: Scene, by_buyer: bool) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    deal = await scene.offer(shop, buyer)
    if not by_buyer:
        await deal.counter(shop.merchant_id, 1_100)
    awaited, other = (shop.merchant_id, buyer) if by_buyer else (buyer, shop.merchant_id)
    early = await deal.settle()
    assert await told(scene, awaited, "OFFER_EXPIRING_SOON") == []
    expires_at = await scene.value("SELECT expires_at FROM offers WHERE offer_id = :id", id=deal.standing)
    assert early.deadline is not None
    assert early.deadline < expires_at
    bring_forward(deal)
    assert await overdue(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)
    for _ in range(2):
        assert (await deal.settle()).deadline == expires_at
    assert not await overdue(scene, negotiations.list_overdue_negotiations, deal.negotiation_id)
    (due_at,) = await told(scene, awaited, "OFFER_EXPIRING_SOON")
    assert datetime.fromisoformat(due_at) == expires_at
    assert await told(scene, other, "OFFER_EXPIRING_SOON") == []
    # A new round is a new wait, with a reminder of its own.
    await deal.counter(awaited, 1_050)
    bring_forward(deal)
    await deal.settle()
    assert len(await told(scene, other, "OFFER_EXPIRING_SOON")) == 1


async def test_the_buyer_is_reminded_of_its_purchase(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    deal = await scene.accepted(shop, buyer)
    purchase_by = await scene.value("SELECT purchase_by FROM offers WHERE offer_id = :id", id=deal.standing)
    bring_forward(deal)
    for _ in range(2):
        assert (await deal.settle()).deadline == purchase_by
    (due_at,) = await told(scene, buyer, "HOLD_LAPSING_SOON")
    assert datetime.fromisoformat(due_at) == purchase_by
    assert await told(scene, shop.merchant_id, "HOLD_LAPSING_SOON") == []
    bought = await scene.accepted(shop, await scene.customer(shop))
    bring_forward(bought)
    await scene.bought(shop, bought.buyer, offer_id=bought.standing)
    await bought.settle()
    assert await told(scene, bought.buyer, "HOLD_LAPSING_SOON") == []


async def test_a_decided_offer_reminds_nobody(scene: Scene) -> None:
    shop = await scene.shop()
    deal = await scene.offer(shop, await scene.customer(shop))
    bring_forward(deal)
    await deal.reject(shop.merchant_id)
    await deal.settle()
    assert await told(scene, shop.merchant_id, "OFFER_EXPIRING_SOON") == []
    assert await scene.value("SELECT remind_at FROM offers WHERE offer_id = :id", id=deal.standing) is None


async def test_the_buyer_is_reminded_of_its_review(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    window = await order.settle_window()
    assert window.deadline is not None
    assert window.closes_at is not None
    assert window.deadline < window.closes_at
    assert await told(scene, buyer, "REVIEW_WINDOW_CLOSING_SOON") == []
    scene.as_owner(
        "UPDATE review_windows SET remind_at = now() - interval '6 seconds' WHERE order_id = %s", order.order_id
    )
    assert await overdue(scene, orders.list_overdue_review_windows, order.order_id)
    for _ in range(2):
        assert (await order.settle_window()).deadline == window.closes_at
    assert not await overdue(scene, orders.list_overdue_review_windows, order.order_id)
    (due_at,) = await told(scene, buyer, "REVIEW_WINDOW_CLOSING_SOON")
    assert datetime.fromisoformat(due_at) == window.closes_at
    await order.review()
    assert (await order.settle_window()).closed


async def asked(
    scene: Scene, shop: Shop, customer: UUID, policy: MarketPolicy | None = None
) -> tuple[UUID, UUID | None]:
    """A question of the real kind. Returns its message's id, and the store whose trust is told at once."""
    async with scene.database.transaction() as transaction:
        thread = await insert_thread(
            transaction, new_id(), customer, ThreadType.GENERAL, "Lamps", None, shop.listing_id, None
        )
        # The message's rules read it.
        await writes.send(transaction)
        message, store_id = await insert_message(
            transaction,
            new_id(),
            thread.thread_id,
            customer,
            AgentType.CUSTOMER,
            "Does this lamp shine in the dark?",
            None,
            policy or scene.policy,
        )
        return message.message_id, store_id


async def test_trust_is_told_of_a_question_whose_date_is_near(scene: Scene) -> None:
    shop, customer = await scene.shop(), await scene.customer()
    near = scene.policy.model_copy(update={"reply_deadline_seconds": 60})
    assert (await asked(scene, shop, customer))[1] is None
    assert (await asked(scene, shop, customer, near))[1] == shop.store_id


async def test_the_merchant_is_reminded_of_a_question(scene: Scene) -> None:
    shop, customer = await scene.shop(), await scene.customer()
    question, _ = await asked(scene, shop, customer)
    due_at = await scene.value("SELECT due_at FROM support_questions WHERE question_message_id = :id", id=question)
    remind_at = (await scene.fold(shop)).deadline
    assert remind_at is not None
    assert remind_at < due_at
    assert await told(scene, shop.merchant_id, "QUESTION_DUE_SOON") == []
    scene.as_owner(
        "UPDATE support_questions SET remind_at = now() - interval '6 seconds' WHERE question_message_id = %s", question
    )
    assert await overdue(scene, trust.list_stores_needing_fold, shop.store_id)
    for _ in range(2):
        assert (await scene.fold(shop)).deadline == due_at
    assert not await overdue(scene, trust.list_stores_needing_fold, shop.store_id)
    assert [datetime.fromisoformat(date) for date in await told(scene, shop.merchant_id, "QUESTION_DUE_SOON")] == [
        due_at
    ]
    assert [datetime.fromisoformat(date) for date in await told(scene, shop.merchant_id, "QUESTION_ASKED")] == [due_at]
    assert await scene.inbox(customer) == []
