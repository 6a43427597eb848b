"""Negotiations over the real database: what each command writes, and that a repeated one writes nothing."""

import pytest

from domain.market import errors
from domain.market.states import OfferStatus
from tests.activities.market.scene import Deal, Scene, refused
from tests.activities.market.traces import counts


async def _twice(scene: Scene, deal: Deal) -> None:
    """The last command, carried out again, changes nothing."""
    before, state = await counts(scene), await deal.state()
    await deal.again()
    assert await counts(scene) == before
    assert await deal.state() == state


async def test_a_first_offer(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = scene.deal(shop, buyer)
    snapshot = await deal.make(1_000, quantity=2, message="Would you?")
    assert (snapshot.status, snapshot.rounds, snapshot.closed) == (OfferStatus.PROPOSED, 1, False)
    assert snapshot.offer_id == deal.negotiation_id
    assert snapshot.awaiting == "an answer of the seller"
    assert snapshot.deadline is not None
    assert (snapshot.sold_out, snapshot.trust_moved, snapshot.auto_answer, snapshot.refused) == (
        False,
        False,
        False,
        None,
    )
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE"]
    assert await scene.inbox(buyer) == []
    query = "SELECT type::text, offer_id FROM interaction_evidence WHERE customer_id = :id"
    assert [tuple(row) for row in await scene.rows(query, id=buyer)] == [("OFFER_MADE", deal.standing)]
    assert await scene.listing(shop) == (10, "ACTIVE")
    await _twice(scene, deal)


async def test_rounds_to_a_purchase(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=2), await scene.customer()
    deal = await scene.offer(shop, buyer, 1_000)
    await deal.counter(shop.merchant_id, 1_400)
    await _twice(scene, deal)
    snapshot = await deal.counter(buyer, 1_200)
    assert (snapshot.rounds, snapshot.awaiting) == (3, "an answer of the seller")
    snapshot = await deal.accept(shop.merchant_id, round=3)
    assert (snapshot.status, snapshot.closed, snapshot.awaiting) == (
        OfferStatus.ACCEPTED,
        False,
        "the buyer's purchase",
    )
    assert not snapshot.sold_out
    await _twice(scene, deal)
    assert await scene.listing(shop) == (1, "ACTIVE")
    order = await scene.bought(shop, buyer, offer_id=deal.standing)
    assert await order.state() == ("DELIVERED", None, False)
    assert await deal.state() == ("ACCEPTED", "PURCHASED", True)
    assert await deal.offers() == [
        (1, "CANCELLED", "SUPERSEDED"),
        (2, "CANCELLED", "SUPERSEDED"),
        (3, "ACCEPTED", None),
    ]
    settled = await deal.settle()
    assert (settled.closed, settled.deadline) == (True, None)
    assert await scene.listing(shop) == (1, "ACTIVE")
    query = "SELECT release::text FROM stock_holds WHERE offer_id = :id"
    assert await scene.value(query, id=deal.standing) == "SPENT"
    assert await scene.inbox(buyer) == [
        "OFFER_COUNTERED",
        "OFFER_ACCEPTED",
        "ORDER_PLACED",
        "ORDER_DELIVERED",
        "REVIEW_WINDOW_OPENED",
    ]
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE", "OFFER_COUNTERED", "ORDER_PLACED"]
    assert await scene.facts(shop) == []
    await order.tell("confirm_payment", shop.merchant_id)
    assert await scene.facts(shop) == ["OFFER_HONORED"]


async def test_the_buyer_accepts_a_counter(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=1), await scene.customer()
    deal = await scene.offer(shop, buyer)
    await deal.counter(shop.merchant_id, 1_300)
    snapshot = await deal.accept(buyer)
    assert snapshot.sold_out
    assert await scene.listing(shop) == (0, "SOLD_OUT")
    assert await scene.inbox(buyer) == ["OFFER_COUNTERED", "OFFER_ACCEPTED"]
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE", "OFFER_ACCEPTED"]


@pytest.mark.parametrize("by_buyer", [True, False])
async def test_reject(scene: Scene, by_buyer: bool) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    if by_buyer:
        await deal.counter(shop.merchant_id, 1_300)
    snapshot = await deal.reject(buyer if by_buyer else shop.merchant_id)
    assert (snapshot.status, snapshot.closed) == (OfferStatus.REJECTED, True)
    assert await deal.state() == ("REJECTED", "DECLINED", True)
    assert (await scene.inbox(shop.merchant_id if by_buyer else buyer))[-1] == "OFFER_REJECTED"
    await _twice(scene, deal)
    # The listing is free for another negotiation.
    await scene.offer(shop, buyer)


async def test_withdraw(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    await deal.withdraw(buyer)
    assert await deal.state() == ("CANCELLED", "WITHDRAWN", True)
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE", "OFFER_WITHDRAWN"]
    assert await scene.facts(shop) == []
    await _twice(scene, deal)


async def test_a_seller_breaks_its_word(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=1), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    assert await scene.listing(shop) == (0, "SOLD_OUT")
    snapshot = await deal.withdraw(shop.merchant_id)
    assert (snapshot.trust_moved, snapshot.closed) == (True, True)
    assert await deal.state() == ("CANCELLED", "BROKEN_BY_SELLER", True)
    assert await scene.listing(shop) == (1, "ACTIVE")
    assert await scene.facts(shop) == ["OFFER_BROKEN"]
    assert await scene.inbox(buyer) == ["OFFER_ACCEPTED", "OFFER_WITHDRAWN"]
    await _twice(scene, deal)


async def test_a_buyer_lets_a_hold_go(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=1), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    snapshot = await deal.withdraw(buyer)
    assert (snapshot.trust_moved, snapshot.closed) == (False, True)
    assert await deal.state() == ("CANCELLED", "RELEASED_BY_BUYER", True)
    assert await scene.listing(shop) == (1, "ACTIVE")
    assert await scene.facts(shop) == []
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE", "OFFER_WITHDRAWN"]
    query = "SELECT release::text FROM stock_holds WHERE offer_id = :id"
    assert await scene.value(query, id=deal.standing) == "RELEASED"
    await _twice(scene, deal)
    async with refused(errors.OFFER_NOT_ACCEPTED):
        await scene.bought(shop, buyer, offer_id=deal.standing)


async def test_an_unanswered_offer_expires(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    assert not (await deal.settle()).closed
    deal.expire()
    snapshot = await deal.settle()
    assert (snapshot.status, snapshot.closed) == (OfferStatus.EXPIRED, True)
    assert await deal.state() == ("EXPIRED", "NOT_ANSWERED", True)
    before = await counts(scene)
    await deal.settle()
    assert await counts(scene) == before
    assert await scene.inbox(buyer) == ["OFFER_EXPIRED"]


async def test_an_unbought_hold_lapses(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=3), await scene.customer()
    deal = await scene.accepted(shop, buyer, quantity=3)
    assert await scene.listing(shop) == (0, "SOLD_OUT")
    assert not (await deal.settle()).closed
    deal.lapse()
    snapshot = await deal.settle()
    assert (snapshot.status, snapshot.closed, snapshot.trust_moved) == (OfferStatus.EXPIRED, True, False)
    assert await deal.state() == ("EXPIRED", "NOT_PURCHASED", True)
    assert await scene.listing(shop) == (3, "ACTIVE")
    before = await counts(scene)
    await deal.settle()
    assert await counts(scene) == before
    assert await scene.inbox(buyer) == ["OFFER_ACCEPTED", "HOLD_LAPSED"]
    assert await scene.facts(shop) == []


async def test_sold_out_at_accept_ends_the_offer(scene: Scene) -> None:
    shop, first, second = await scene.shop(stock=1), await scene.customer(), await scene.customer()
    winner, loser = await scene.offer(shop, first), await scene.offer(shop, second)
    assert (await winner.accept(shop.merchant_id)).sold_out
    snapshot = await loser.accept(shop.merchant_id)
    assert (snapshot.refused, snapshot.status, snapshot.closed) == ("listing.sold_out", OfferStatus.CANCELLED, True)
    assert await loser.state() == ("CANCELLED", "SOLD_OUT", True)
    assert (await scene.inbox(second))[-1] == "OFFER_CANCELLED"
    before = await counts(scene)
    assert (await loser.again()).refused == "listing.sold_out"
    assert await counts(scene) == before
    assert await scene.listing(shop) == (0, "SOLD_OUT")


async def test_too_little_stock_waits_for_the_accept(scene: Scene) -> None:
    """Three are wanted, two are left: an accept is refused and the offer stands, since stock may return."""
    shop, buyer, other = await scene.shop(stock=3), await scene.customer(), await scene.customer()
    deal = await scene.offer(shop, buyer, quantity=3)
    held = await scene.accepted(shop, other)
    assert not (await deal.settle()).closed
    async with refused(errors.LISTING_SOLD_OUT):
        await deal.accept(shop.merchant_id)
    assert await deal.state() == ("PROPOSED", None, False)
    await held.withdraw(shop.merchant_id)
    assert (await deal.accept(shop.merchant_id)).refused is None
    assert await scene.listing(shop) == (0, "SOLD_OUT")


@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        ("UPDATE listings SET price_cents = 1000 WHERE listing_id = %s", "PRICE_FELL", "offer.not_open"),
        ("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", "LISTING_PAUSED", "listing.not_active"),
        (
            "UPDATE stores s SET status = 'CLOSED' FROM listings l WHERE l.store_id = s.store_id AND listing_id = %s",
            "STORE_CLOSED",
            "store.closed",
        ),
        (
            "UPDATE stores s SET status = 'PAUSED' FROM listings l WHERE l.store_id = s.store_id AND listing_id = %s",
            "STORE_CLOSED",
            "store.closed",
        ),
    ],
)
async def test_the_listing_ends_its_offers(scene: Scene, change: str, reason: str, code: str) -> None:
    """By the nudge that follows the change, or by an accept that comes before it."""
    shop = await scene.shop()
    settled, accepted = [await scene.offer(shop, await scene.customer()) for _ in range(2)]
    scene.as_owner(change, shop.listing_id)
    snapshot = await settled.settle()
    assert (snapshot.status, snapshot.closed, snapshot.refused) == (OfferStatus.CANCELLED, True, None)
    assert await settled.state() == ("CANCELLED", reason, True)
    assert (await scene.inbox(settled.buyer))[-1] == "OFFER_CANCELLED"
    assert (await accepted.accept(shop.merchant_id)).refused == code
    assert await accepted.state() == ("CANCELLED", reason, True)
    assert await scene.listing(shop) == (10, "PAUSED" if reason == "LISTING_PAUSED" else "ACTIVE")


async def test_a_cut_ends_whatever_stands_and_a_raise_nothing(scene: Scene) -> None:
    """Whether a bid is above the new price or far below it cannot be told."""
    shop = await scene.shop()
    deals = [await scene.offer(shop, await scene.customer(), price) for price in (1, 1_000, 1_498, 1_499, 1_500)]
    await deals[1].counter(shop.merchant_id, 1_400)
    scene.as_owner("UPDATE listings SET price_cents = 1600 WHERE listing_id = %s", shop.listing_id)
    later = await scene.offer(shop, await scene.customer(), 1_550)
    assert not any([(await deal.settle()).closed for deal in (*deals, later)])
    scene.as_owner("UPDATE listings SET price_cents = 1499 WHERE listing_id = %s", shop.listing_id)
    for deal in (*deals, later):
        await deal.settle()
        assert await deal.state() == ("CANCELLED", "PRICE_FELL", True)
        assert (await scene.inbox(deal.buyer))[-1] == "OFFER_CANCELLED"
    told = "SELECT DISTINCT type::text, actor_agent_id, meta FROM activity_events WHERE type = 'OFFER_CANCELLED'"
    events = await scene.rows(f"{told} AND listing_id = '{shop.listing_id}'")
    assert [tuple(row) for row in events] == [("OFFER_CANCELLED", None, {})]


async def test_an_accepted_price_outlives_the_listing(scene: Scene) -> None:
    """What was accepted is kept: a pause or a lower price afterwards does not end it."""
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    scene.as_owner("UPDATE listings SET status = 'PAUSED', price_cents = 500 WHERE listing_id = %s", shop.listing_id)
    assert not (await deal.settle()).closed
    await scene.bought(shop, buyer, offer_id=deal.standing)
    assert await scene.listing(shop) == (9, "PAUSED")
