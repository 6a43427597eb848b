"""Private limits: thresholds answer as their merchant would, and caps bind their owner and nobody else."""

import pytest

from domain.market import errors
from domain.market.states import OfferStatus
from tests.activities.market.scene import Scene, refused

MARGINS = {"auto_answer_merchant_margin": 0.0, "auto_answer_pair_margin": 0.0}


@pytest.mark.parametrize(
    ("price", "status"),
    [
        (1_200, OfferStatus.ACCEPTED),
        (1_199, OfferStatus.PROPOSED),
        (901, OfferStatus.PROPOSED),
        (900, OfferStatus.REJECTED),
    ],
)
async def test_thresholds_answer_a_bid(scene: Scene, price: int, status: OfferStatus) -> None:
    scene = scene.with_policy(**MARGINS)
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_listing(shop, floor_cents=1_000, auto_accept_cents=1_200, auto_decline_cents=900)
    deal = scene.deal(shop, buyer)
    # Whatever the bid, the process hears the same: that there is something to ask, and when.
    assert (await deal.make(price)).auto_answer
    snapshot = await deal.answer_automatically()
    assert (snapshot.status, snapshot.auto_answer, snapshot.refused) == (status, False, None)
    again = await deal.answer_automatically()
    assert again.status is status
    assert await scene.listing(shop) == ((9 if status is OfferStatus.ACCEPTED else 10), "ACTIVE")
    told = {OfferStatus.ACCEPTED: ["OFFER_ACCEPTED"], OfferStatus.REJECTED: ["OFFER_REJECTED"]}
    assert await scene.inbox(buyer) == told.get(status, [])


async def test_an_automatic_answer_looks_like_the_merchants(scene: Scene) -> None:
    """Same status, reason and inbox row for the buyer, whoever answered: for accept and decline."""
    for price, word in ((1_300, "accept"), (800, "reject")):
        seen = []
        for automatic in (True, False):
            shop, buyer = await scene.shop(), await scene.customer()
            if automatic:
                await scene.limit_listing(shop, auto_accept_cents=1_050, auto_decline_cents=1_000)
            deal = await scene.offer(shop, buyer, price)
            await (deal.answer_automatically() if automatic else getattr(deal, word)(shop.merchant_id))
            # Its date is the offer's own, so nothing but the time of the answer is in it.
            query = """
                SELECT type, meta - 'due_at', (meta->>'due_at')::timestamptz IS NOT DISTINCT FROM purchase_by
                FROM inbox_events JOIN offers USING (offer_id) WHERE agent_id = :id ORDER BY inbox_events.seq
            """
            public = "SELECT type::text, actor_agent_id, meta FROM activity_events WHERE listing_id = :id ORDER BY seq"
            seen.append(
                (
                    await deal.state(),
                    [tuple(row) for row in await scene.rows(query, id=buyer)],
                    [tuple(row) for row in await scene.rows(public, id=shop.listing_id)][1:],
                )
            )
        assert seen[0] == seen[1]


async def test_a_decline_stays_a_decline_when_stock_is_short(scene: Scene) -> None:
    """A merchant declines whatever the stock; so does its threshold, or the reason would tell them apart."""
    shop, buyer = await scene.shop(stock=3), await scene.customer()
    await scene.limit_listing(shop, auto_decline_cents=1_000)
    deal = await scene.offer(shop, buyer, 800, quantity=3)
    await scene.accepted(shop, await scene.customer(), 1_000)
    await deal.answer_automatically()
    assert await deal.state() == ("REJECTED", "DECLINED", True)


async def test_an_automatic_accept_without_stock_is_sold_out(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    await scene.limit_listing(shop, auto_accept_cents=800)
    first, second = [await scene.offer(shop, await scene.customer()) for _ in range(2)]
    assert (await first.answer_automatically()).sold_out
    await second.answer_automatically()
    assert await second.state() == ("CANCELLED", "SOLD_OUT", True)
    assert await scene.listing(shop) == (0, "SOLD_OUT")


async def test_only_the_standing_bid_is_answered_automatically(scene: Scene) -> None:
    scene = scene.with_policy(**MARGINS, auto_answer_first_bids_per_listing=2)
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_listing(shop, auto_accept_cents=1_200, auto_decline_cents=900)
    deal = await scene.offer(shop, buyer, 1_000)
    await deal.counter(shop.merchant_id, 1_400)
    assert (await deal.answer_automatically()).status is OfferStatus.PROPOSED
    late = await scene.offer(shop, await scene.customer(), 1_300)
    late.expire()
    snapshot = await late.answer_automatically()
    # Nor is the process to ask again: then it would never look whether the offer has expired.
    assert (snapshot.status, snapshot.auto_answer) == (OfferStatus.PROPOSED, False)
    assert await late.state() == ("PROPOSED", None, False)
    superseded = deal.standing
    await deal.counter(buyer, 1_300)
    deal.standing, standing = superseded, deal.standing
    assert (await deal.answer_automatically()).status is OfferStatus.PROPOSED
    deal.standing = standing
    assert (await deal.answer_automatically()).status is OfferStatus.ACCEPTED


async def test_a_spend_cap_binds_bids_accepts_and_purchases(scene: Scene) -> None:
    shops = [await scene.shop() for _ in range(3)]
    buyer = await scene.customer(*shops)
    await scene.limit_buyer(buyer, spend_cap_cents=2_500)
    async with refused(errors.SPEND_CAP):
        await scene.deal(shops[0], buyer).make(1_251, quantity=2)
    deal = await scene.offer(shops[0], buyer, 1_250, quantity=2)
    async with refused(errors.SPEND_CAP):
        await scene.deal(shops[1], buyer).make(1)
    async with refused(errors.SPEND_CAP):
        await scene.purchase(shops[1], buyer).place()
    # Its own bid is not counted twice when it is raised, but the higher one is over the cap.
    await deal.counter(shops[0].merchant_id, 1_400)
    async with refused(errors.SPEND_CAP):
        await deal.counter(buyer, 1_300)
    async with refused(errors.SPEND_CAP):
        await deal.accept(buyer)
    # A standing ask commits the buyer to nothing.
    await scene.bought(shops[1], buyer)
    async with refused(errors.SPEND_CAP):
        await scene.deal(shops[2], buyer).make(1_001)
    await scene.offer(shops[2], buyer, 1_000)


async def test_what_ends_frees_the_cap(scene: Scene) -> None:
    shops = [await scene.shop() for _ in range(2)]
    buyer = await scene.customer(*shops)
    await scene.limit_buyer(buyer, spend_cap_cents=1_500)
    deal = await scene.accepted(shops[0], buyer, 1_000)
    async with refused(errors.SPEND_CAP):
        await scene.deal(shops[1], buyer).make(501)
    order = await scene.bought(shops[0], buyer, offer_id=deal.standing)
    async with refused(errors.SPEND_CAP):
        await scene.deal(shops[1], buyer).make(501)
    await order.tell("request_refund", buyer)
    await order.tell("answer_refund", shops[0].merchant_id, approve=True)
    await scene.bought(shops[1], buyer)


async def test_a_merchants_accept_never_meets_the_buyers_cap(scene: Scene) -> None:
    """The cap was lowered after the bid: the merchant must not learn of it, the buyer does when it buys."""
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=5_000)
    deal = await scene.offer(shop, buyer, 1_000)
    scene.as_owner("UPDATE agent_limits SET spend_cap_cents = 1 WHERE agent_id = %s", buyer)
    await deal.counter(shop.merchant_id, 1_400)
    async with refused(errors.SPEND_CAP):
        await deal.accept(buyer)
    scene.as_owner("UPDATE agent_limits SET spend_cap_cents = 5000 WHERE agent_id = %s", buyer)
    await deal.counter(buyer, 1_200)
    scene.as_owner("UPDATE agent_limits SET spend_cap_cents = 1 WHERE agent_id = %s", buyer)
    assert (await deal.accept(shop.merchant_id)).status is OfferStatus.ACCEPTED
    async with refused(errors.SPEND_CAP):
        await scene.bought(shop, buyer, offer_id=deal.standing)
    assert await deal.state() == ("ACCEPTED", None, False)
    assert await scene.listing(shop) == (9, "ACTIVE")


async def test_each_currency_has_its_own_sum(scene: Scene) -> None:
    dollars, euros = await scene.shop(), await scene.shop()
    scene.as_owner("UPDATE listings SET currency = 'EUR' WHERE listing_id = %s", euros.listing_id)
    buyer = await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=1_000)
    await scene.offer(dollars, buyer, 1_000)
    await scene.offer(euros, buyer, 1_000)
