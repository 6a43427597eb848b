"""What orders prove of a store, over the real database: nothing much without payment, nothing at all once refunded."""

from datetime import timedelta
from uuid import UUID

import pytest

from db.market import conversation, products
from db.platform.ids import new_id
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind, ThreadType
from domain.platform.identity import AgentType
from tests.activities.market.ledger import assert_proven, deltas, paid, stored_events
from tests.activities.market.scene import Scene
from tests.builders import Shop

CLAIM = "It does not shine at all: is the claim about the night true?"


async def _evidence(scene: Scene, shop: Shop) -> tuple[list[int], list[int]]:
    profile = await assert_proven(scene, shop)
    return list(profile.evidence_r), list(profile.evidence_s)


async def _decay(scene: Scene, shop: Shop, periods: int = 1) -> None:
    past = "UPDATE trust_profiles SET decay_due_at = decay_due_at - %s WHERE store_id = %s"
    scene.as_owner(past, timedelta(days=30 * periods, hours=1), shop.store_id)
    await scene.fold(shop)


async def _challenge(scene: Scene, shop: Shop, customer: UUID, body: str | None = CLAIM) -> UUID:
    async with scene.database.transaction() as transaction:
        thread = await conversation.insert_thread(
            transaction,
            new_id(),
            customer,
            ThreadType.CLAIM_CHALLENGE,
            "Not true",
            None,
            shop.listing_id,
            None,
        )
        thread_id = thread.thread_id
    if body is not None:
        async with scene.database.transaction() as transaction:
            await conversation.insert_message(
                transaction,
                new_id(),
                thread_id,
                customer,
                AgentType.CUSTOMER,
                body,
                None,
                MarketPolicy(),
            )
    return thread_id


async def _edit(scene: Scene, shop: Shop) -> None:
    async with scene.database.transaction() as transaction:
        changes = {"description": f"Honest now, {new_id()}."}
        await products.update_product(transaction, shop.product_id, shop.merchant_id, changes, None, "You were right.")


async def test_an_order_from_an_offer_is_honored_when_it_is_both_paid_and_delivered(scene: Scene) -> None:
    for paid_first in (True, False):
        shop, buyer = await scene.shop(delivery=DeliveryKind.SHIPPED), await scene.customer()
        deal = await scene.accepted(shop, buyer)
        order = await scene.bought(shop, buyer, offer_id=deal.standing)
        first, second = ("confirm_payment", "deliver_order") if paid_first else ("deliver_order", "confirm_payment")
        assert not (await order.tell(first, shop.merchant_id)).trust_moved
        assert await scene.facts(shop) == []
        assert (await order.tell(second, shop.merchant_id)).trust_moved
        await order.tell("confirm_payment", shop.merchant_id)
        await scene.fold(shop)
        assert await deltas(scene, shop) == [("OFFER_HONORED", "claim", 1_000, 0)]


async def test_what_is_said_before_the_payment_stays_as_light_as_it_was(scene: Scene) -> None:
    """Else a seller would confirm only what praises it."""
    shop = await scene.shop()
    order = await scene.bought(shop, await scene.customer(shop))
    await order.review(rating=5, as_described=5)
    await order.tell("confirm_payment", shop.merchant_id)
    await scene.fold(shop)
    assert await deltas(scene, shop) == [("REVIEW_POSTED", "product", 62, 0), ("REVIEW_POSTED", "claim", 62, 0)]


async def test_many_who_paid_nothing_are_worth_no_more_than_one(scene: Scene) -> None:
    """Ten shipped orders past their promise and eight one-star reviews: what sank a store."""
    shop = await scene.shop(stock=100, delivery=DeliveryKind.SHIPPED, promised_delivery_seconds=60)
    for _ in range(10):
        order = await scene.bought(shop, await scene.customer(shop))
        order.past("promised_at")
        await order.settle()
    for _ in range(8):
        order = await scene.bought(shop, await scene.customer(shop))
        await order.tell("deliver_order", shop.merchant_id)
        await order.review(rating=1, as_described=1)
        await scene.fold(shop)
    await scene.fold(shop)
    _, against = await _evidence(scene, shop)
    assert (await assert_proven(scene, shop)).overall_score > 49.5
    assert max(against) < 125
    # Who has paid is heard all the same.
    order = await paid(scene, shop, await scene.customer(shop))
    await order.tell("deliver_order", shop.merchant_id)
    await order.review(rating=1)
    await scene.fold(shop)
    assert (await deltas(scene, shop))[-1] == ("REVIEW_POSTED", "product", 0, 1_000)


async def _missed(scene: Scene, shop: Shop, buyer: UUID, *, pays: bool = False) -> int:
    """What an order past its promise costs the store's claim accuracy."""
    order = await (paid(scene, shop, buyer) if pays else scene.bought(shop, buyer))
    order.past("promised_at")
    await order.settle()
    await scene.fold(shop)
    await assert_proven(scene, shop)
    return (await deltas(scene, shop))[-1][3]


async def test_a_missed_promise_costs_by_payment_and_by_the_buyers_record(scene: Scene) -> None:
    shipped = {"delivery": DeliveryKind.SHIPPED}
    elsewhere = [await scene.shop() for _ in range(3)]
    shops = [await scene.shop(**shipped) for _ in range(4)]
    known, regular, refunded, payer = [await scene.customer(*elsewhere, *shops) for _ in range(4)]
    for other in elsewhere:
        await paid(scene, other, known)
        order = await paid(scene, other, refunded)
        await order.tell("request_refund", refunded)
        await order.tell("answer_refund", other.merchant_id, approve=True)
    for _ in range(3):
        await paid(scene, elsewhere[0], regular)
        await scene.bought(elsewhere[1], regular)
    assert await _missed(scene, shops[0], refunded) == 62
    # Twice the weight with each other merchant, two at most; three orders with one of them are one.
    assert await _missed(scene, shops[1], regular) == 125
    assert await _missed(scene, shops[2], known) == 250
    assert [await _missed(scene, shops[3], payer, pays=True) for _ in range(2)] == [2_000, 1_000]
    # What this store's own orders prove is no record of the buyer.
    row = (await stored_events(scene, shops[3]))[0]
    assert (row.inputs["paid"], row.inputs["buyer_record"], "earlier_unpaid" in row.inputs) == (True, 0, False)


async def test_a_refund_takes_back_what_the_order_proved(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    order = await paid(scene, shop, buyer, offer_id=deal.standing)
    await order.review(rating=4, as_described=2)
    await scene.fold(shop)
    await _decay(scene, shop, 2)
    await order.tell("request_refund", buyer)
    snapshot = await order.tell("answer_refund", shop.merchant_id, approve=True)
    assert snapshot.trust_moved
    before = await scene.facts(shop)
    await order.again()
    assert await scene.facts(shop) == before
    await scene.fold(shop)
    taken = [row for row in await stored_events(scene, shop) if row.reason == "ORDER_REFUNDED"]
    found = [(row.inputs["of"], row.component, row.delta_r, row.delta_s) for row in taken]
    # 1000 fades to 765, 750 to 574, 250 to 190: what is left of each.
    assert found == [
        ("OFFER_HONORED", "claim", -765, 0),
        ("REVIEW_POSTED", "product", -574, -190),
        ("REVIEW_POSTED", "claim", -190, -574),
    ]
    assert not {"fact", "order_id"} & {key for row in taken for key in row.inputs}
    r, s = await _evidence(scene, shop)
    # Two thirds of a thousandth per decay: the rest of rounding.
    assert max(r + s) <= 2


async def test_facts_of_one_fold_are_taken_back_in_it(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    order = await paid(scene, shop, buyer, offer_id=deal.standing)
    await order.review(rating=5)
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shop.merchant_id, approve=True)
    await scene.fold(shop)
    assert await _evidence(scene, shop) == ([0] * 4, [0] * 4)
    assert len(await stored_events(scene, shop)) == 4


async def test_one_unit_that_goes_round_earns_nothing(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    buyer = await scene.customer(shop)
    for _ in range(3):
        order = await paid(scene, shop, buyer)
        await order.review(rating=5, as_described=5)
        await scene.fold(shop)
        await order.tell("request_refund", buyer)
        await order.tell("answer_refund", shop.merchant_id, approve=True, goods_returned=True)
        await scene.fold(shop)
        assert await _evidence(scene, shop) == ([0] * 4, [0] * 4)
    # Nor is it sold three times, or praised, on any leaderboard.
    query = "SELECT orders_placed, orders_delivered, reviews_posted, rating_sum FROM store_stats WHERE store_id = :id"
    assert [tuple(row) for row in await scene.rows(query, id=shop.store_id)] == [(3, 0, 0, 0)]


@pytest.mark.parametrize("end", ["declined", "granted", "unanswered"])
@pytest.mark.parametrize("pays", [True, False])
async def test_a_review_during_a_refund_request_waits_for_its_answer(scene: Scene, end: str, pays: bool) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    order = await (paid(scene, shop, buyer) if pays else scene.bought(shop, buyer))
    await order.tell("request_refund", buyer)
    snapshot = await order.review(rating=1, as_described=1)
    assert (snapshot.closed, snapshot.trust_moved) == (True, False)
    # Recorded and shown all the same.
    assert "REVIEW_POSTED" in await scene.inbox(shop.merchant_id)
    assert await scene.facts(shop) == []
    if end == "unanswered":
        order.past("refund_answer_due_at")
        await order.settle()
    else:
        # What is confirmed only now gives no weight to what was said before.
        await order.tell("confirm_payment", shop.merchant_id)
        snapshot = await order.tell("answer_refund", shop.merchant_id, approve=end == "granted")
        assert snapshot.trust_moved == (end == "declined")
        await order.again()
    await scene.fold(shop)
    weight = 1_000 if pays else 62
    assert await deltas(scene, shop) == (
        [("REVIEW_POSTED", "product", 0, weight), ("REVIEW_POSTED", "claim", 0, weight)] if end == "declined" else []
    )
    await assert_proven(scene, shop)


async def test_forty_challenges_without_a_stake_and_one_edit_earn_nothing(scene: Scene) -> None:
    shop = await scene.shop()
    one, buyer = await scene.customer(), await scene.customer(shop)
    await scene.bought(shop, buyer)
    for _ in range(40):
        await _challenge(scene, shop, one, body=None)
    await _challenge(scene, shop, one)
    await _challenge(scene, shop, buyer)
    await _edit(scene, shop)
    await scene.fold(shop)
    assert await scene.facts(shop) == []


async def test_a_challenge_is_worth_something_by_a_customer_who_has_paid(scene: Scene) -> None:
    shop = await scene.shop(stock=20)
    customers = [await scene.customer(shop) for _ in range(3)]
    orders = [await paid(scene, shop, customer) for customer in customers]
    for customer in customers:
        await _challenge(scene, shop, customer, body="Too short.")
        await _challenge(scene, shop, customer)
    await _edit(scene, shop)
    await scene.fold(shop)
    # One edit earns less than a unit, whoever challenged.
    assert await deltas(scene, shop) == [("PRODUCT_COPY_UPDATED", "claim", weight, 0) for weight in (500, 250, 125)]
    await _challenge(scene, shop, customers[0])
    await _edit(scene, shop)
    await scene.fold(shop)
    # The same challenger again: half.
    assert (await deltas(scene, shop))[3:] == [("PRODUCT_COPY_UPDATED", "claim", 250, 0)]
    # What the money stood behind goes with it.
    await orders[0].tell("request_refund", customers[0])
    await orders[0].tell("answer_refund", shop.merchant_id, approve=True)
    await _challenge(scene, shop, customers[0])
    await _edit(scene, shop)
    await scene.fold(shop)
    assert (await deltas(scene, shop))[4:] == [
        ("ORDER_REFUNDED", "claim", -500, 0), ("ORDER_REFUNDED", "claim", -250, 0),
    ]  # fmt: skip
    await assert_proven(scene, shop)
