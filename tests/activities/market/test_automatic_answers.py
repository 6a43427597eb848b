"""Automatic answers on real rows: margins of a buyer's own, a bound on bids, and what a change of limits leaves."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from db.market.listings import insert_listing, put_listing_limits
from db.platform.ids import new_id
from domain.market.automatic_answers import Draws, Side, accepts_from, declines_to
from domain.market.states import DeliveryKind, OfferStatus
from tests.activities.market.scene import SECRET, Deal, Scene
from tests.builders import Shop

DRAWS = Draws(SECRET)
THRESHOLD = 1_000
NO_MARGINS = {"auto_answer_merchant_margin": 0.0, "auto_answer_pair_margin": 0.0}


async def status(deal: Deal) -> OfferStatus:
    return (await deal.answer_automatically()).status


async def accepting(scene: Scene, **options: int) -> Shop:
    shop = await scene.shop(price_cents=2_000)
    await scene.limit_listing(shop, auto_accept_cents=THRESHOLD, **options)
    return shop


async def paid(scene: Scene, shop: Shop, buyer: UUID) -> None:
    """The buyer is a customer of the store's."""
    order = await scene.bought(shop, buyer)
    scene.as_owner(
        "UPDATE orders SET paid_at = clock_timestamp(), payment_source = 'CONFIRMED' WHERE order_id = %s",
        order.order_id,
    )


async def test_each_buyer_has_a_margin_of_its_own_and_keeps_it(scene: Scene) -> None:
    free = scene.with_policy(auto_answer_first_bids_per_listing=9, auto_answer_first_bids_per_store=9)
    shop = await accepting(scene, auto_decline_cents=900)
    prices = set()
    for _ in range(3):
        buyer = await scene.customer()
        margins = {side: DRAWS.margin(shop.merchant_id, buyer, side, scene.policy) for side in Side}
        lowest, highest = accepts_from(THRESHOLD, margins[Side.ACCEPT]), declines_to(900, margins[Side.DECLINE])
        assert highest < 900 < THRESHOLD < lowest
        prices.add(lowest)
        # Again after the negotiation is over, and by another worker with the same secret.
        for price, wanted in (
            (lowest - 1, OfferStatus.PROPOSED),
            (highest + 1, OfferStatus.PROPOSED),
            (lowest - 1, OfferStatus.PROPOSED),
            (highest, OfferStatus.REJECTED),
            (lowest, OfferStatus.ACCEPTED),
        ):
            again = Scene(free.database, free.owner_url, free.policy)
            deal = await again.offer(shop, buyer, price)
            assert await status(deal) is wanted
            if wanted is OfferStatus.PROPOSED:
                await deal.withdraw(buyer)
    assert len(prices) > 1


async def test_a_new_buyers_second_bid_waits_for_the_merchant(scene: Scene) -> None:
    """Whatever became of the first: withdrawn, countered, declined or bought."""
    scene = scene.with_policy(**NO_MARGINS)
    shop, buyer = await accepting(scene), await scene.customer()
    first = await scene.offer(shop, buyer, 900)
    await first.withdraw(buyer)
    second = await scene.offer(shop, buyer, 1_500)
    assert await status(second) is OfferStatus.PROPOSED
    await second.counter(shop.merchant_id, 1_900)
    await second.counter(buyer, 1_600)
    assert await status(second) is OfferStatus.PROPOSED
    # A month later it counts no more.
    scene.as_owner(
        "UPDATE offers SET created_at = created_at - interval '31 days'"
        " WHERE buyer_customer_id = %s AND offer_id <> %s",
        buyer,
        second.standing,
    )
    assert await status(second) is OfferStatus.ACCEPTED


async def test_a_customer_of_the_store_gets_more_bids_than_another(scene: Scene) -> None:
    scene = scene.with_policy(**NO_MARGINS)
    shop = await accepting(scene)
    customer, debtor = await scene.customer(shop), await scene.customer(shop)
    await paid(scene, shop, customer)
    await scene.bought(shop, debtor)
    found = []
    for buyer in (customer, debtor):
        for _ in range(4):
            deal = await scene.offer(shop, buyer, 1_200)
            found.append(await status(deal))
            if found[-1] is OfferStatus.PROPOSED:
                await deal.withdraw(buyer)
            else:
                await deal.withdraw(shop.merchant_id)
    yes, no = OfferStatus.ACCEPTED, OfferStatus.PROPOSED
    assert found == [yes, yes, yes, no, yes, no, no, no]


async def test_a_stores_listings_share_a_bound(scene: Scene) -> None:
    scene = scene.with_policy(**NO_MARGINS, auto_answer_first_bids_per_store=2)
    shop, buyer = await scene.shop(), await scene.customer()
    found = []
    for _ in range(3):
        async with scene.database.transaction() as transaction:
            listing = await insert_listing(
                transaction, new_id(), shop.merchant_id, shop.product_id, price_cents=1_500, currency="USD",
                inventory_on_hand=5, delivery=DeliveryKind.INSTANT, promised_delivery_seconds=None,
            )  # fmt: skip
        there = replace(shop, listing_id=listing.listing_id)
        await scene.limit_listing(there, auto_decline_cents=500)
        found.append(await status(await scene.offer(there, buyer, 400)))
    assert found == [OfferStatus.REJECTED, OfferStatus.REJECTED, OfferStatus.PROPOSED]
    # Elsewhere it is new.
    elsewhere = await scene.shop()
    await scene.limit_listing(elsewhere, auto_decline_cents=500)
    assert await status(await scene.offer(elsewhere, buyer, 400)) is OfferStatus.REJECTED


async def test_limits_answer_only_what_was_bid_under_them(scene: Scene) -> None:
    scene = scene.with_policy(**NO_MARGINS)
    shop, buyer = await accepting(scene), await scene.customer()
    deal = await scene.offer(shop, buyer, 1_200)
    scene.as_owner("UPDATE listing_limits SET updated_at = clock_timestamp() WHERE listing_id = %s", shop.listing_id)
    snapshot = await deal.answer_automatically()
    assert (snapshot.status, snapshot.auto_answer) == (OfferStatus.PROPOSED, False)
    assert not (await deal.settle()).auto_answer


async def test_an_answer_waits_for_its_date_and_gets_another_when_it_was_held_up(scene: Scene) -> None:
    scene = scene.with_policy(**NO_MARGINS)
    shop, buyer = await accepting(scene), await scene.customer()
    deal = scene.deal(shop, buyer)
    made = await deal.make(1_200)
    assert made.answer_at is not None
    opened = await scene.value("SELECT created_at FROM offers WHERE offer_id = :id", id=deal.standing)
    least, most = scene.policy.auto_answer_min_seconds, scene.policy.auto_answer_max_seconds
    assert timedelta(seconds=least) <= made.answer_at - opened <= timedelta(seconds=most)
    assert (await deal.settle()).answer_at == made.answer_at

    async def asked(date: datetime) -> tuple[OfferStatus, bool, datetime | None]:
        seen = await scene.negotiation.answer_automatically(deal.start, deal.standing, date)
        return seen.status, seen.auto_answer, seen.answer_at

    now = await scene.value("SELECT clock_timestamp()")
    early = now + timedelta(seconds=30)
    assert await asked(early) == (OfferStatus.PROPOSED, True, early)
    status_, again, another = await asked(now - timedelta(minutes=10))
    assert (status_, again) == (OfferStatus.PROPOSED, True)
    assert another is not None
    assert another - now >= timedelta(seconds=least)
    assert (await asked(await scene.value("SELECT clock_timestamp()")))[0] is OfferStatus.ACCEPTED


@pytest.mark.parametrize("price", [400, 800, 1_200, 1_900])
async def test_what_a_process_hears_of_a_bid_does_not_depend_on_its_price(scene: Scene, price: int) -> None:
    """So neither does anything that is done while the buyer waits for the answer to its request."""
    shop, buyer = await accepting(scene, auto_decline_cents=700), await scene.customer()
    snapshot = await scene.deal(shop, buyer).make(price)
    assert (snapshot.auto_answer, snapshot.awaiting) == (True, "an answer of the seller")
    assert snapshot.answer_at is not None


async def test_a_merchants_answer_does_not_add_up_what_a_capped_buyer_committed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time it takes would tell that there is a cap."""
    seen = []
    run = type(scene.negotiation)._load

    async def spied(*args: object, **options: object) -> object:
        case = await run(*args, **options)
        seen.append(case.read.standing)
        return case

    monkeypatch.setattr(type(scene.negotiation), "_load", spied)
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=9_000)
    await scene.offer(await scene.shop(), buyer, 700)
    deal = await scene.offer(shop, buyer, 1_000)
    await deal.counter(shop.merchant_id, 1_400)
    await deal.counter(buyer, 1_100)
    await deal.accept(shop.merchant_id)
    assert [(standing.spend_cap_cents, standing.committed_cents) for standing in seen] == [
        (None, 0),
        (9_000, 700),
        (None, 0),
    ]


async def test_the_same_limits_put_again_are_no_change(scene: Scene) -> None:
    """Else an agent that puts its limits every minute would have no bid answered."""
    shop = await scene.shop()
    since = []
    for accept in (1_000, 1_000, 1_100):
        async with scene.database.transaction() as transaction:
            limits = {"floor_cents": None, "auto_accept_cents": accept, "auto_decline_cents": 500}
            await put_listing_limits(transaction, shop.listing_id, shop.merchant_id, limits)
        since.append(
            await scene.value("SELECT updated_at FROM listing_limits WHERE listing_id = :id", id=shop.listing_id)
        )
    assert since[0] == since[1] < since[2]
