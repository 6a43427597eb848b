"""Commands at the same moment, over separate transactions: exactly one wins, and the audit stays clean."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from config.settings import Settings
from db.platform.database import Database
from tests.activities.market.ledger import assert_proven, paid
from tests.activities.market.scene import Scene, race
from tests.builders import Shop, ask, make_agent
from tests.invariants import assert_sound

ROUNDS = range(3)


@pytest_asyncio.fixture
async def crowd(owner_url: str) -> AsyncIterator[Scene]:
    """A scene with enough connections for a crowd; no race may end in a deadlock."""
    database = Database(Settings(database_url=owner_url).role_url("worker"), 20, "test-crowd")
    scene = Scene(database, owner_url)
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await scene.value(query)
    yield scene
    await assert_sound(database)
    assert await scene.value(query) == before
    await database.close()


async def _customers(scene: Scene, count: int, *asking: Shop) -> list[UUID]:
    async with scene.database.session() as session:
        customers = [await make_agent(session) for _ in range(count)]
        for customer in customers:
            for shop in asking:
                await ask(session, customer, shop)
        return customers


@pytest.mark.parametrize("seed", ROUNDS)
async def test_the_last_unit_and_twenty_customers(crowd: Scene, seed: int) -> None:
    shop = await crowd.shop(stock=1)
    buyers = await _customers(crowd, 20, shop)
    codes = await race(seed, *(crowd.bought(shop, buyer) for buyer in buyers))
    assert Counter(codes) == {"ok": 1, "listing.sold_out": 19}
    assert await crowd.listing(shop) == (0, "SOLD_OUT")
    assert await crowd.value("SELECT count(*) FROM orders WHERE listing_id = :id", id=shop.listing_id) == 1


@pytest.mark.parametrize("seed", ROUNDS)
async def test_the_last_units_by_offer_and_at_the_list_price(crowd: Scene, seed: int) -> None:
    """Accepts and purchases take from the same stock."""
    shop = await crowd.shop(stock=3)
    deals = [await crowd.offer(shop, buyer) for buyer in await _customers(crowd, 5)]
    buyers = await _customers(crowd, 5, shop)
    await race(
        seed,
        *(deal.accept(shop.merchant_id) for deal in deals),
        *(crowd.bought(shop, buyer) for buyer in buyers),
    )
    assert await crowd.listing(shop) == (0, "SOLD_OUT")
    states = Counter([await deal.state() for deal in deals])
    held = states[("ACCEPTED", None, False)]
    assert states[("CANCELLED", "SOLD_OUT", True)] == 5 - held
    assert held + await crowd.value("SELECT count(*) FROM orders WHERE listing_id = :id", id=shop.listing_id) == 3


@pytest.mark.parametrize("seed", ROUNDS)
async def test_one_offer_answered_in_every_way(crowd: Scene, seed: int) -> None:
    """Accepted, declined, withdrawn, countered and automatically declined at once: one wins."""
    shop, buyer = await crowd.shop(), await crowd.customer()
    await crowd.limit_listing(shop, auto_decline_cents=1_000)
    deal = await crowd.offer(shop, buyer)
    codes = await race(
        seed,
        deal.accept(shop.merchant_id),
        deal.reject(shop.merchant_id),
        deal.withdraw(buyer),
        deal.counter(shop.merchant_id, 1_300),
        deal.answer_automatically(),
    )
    # The threshold's answer is never refused: when it is late, it does nothing.
    assert codes[4] == "ok"
    assert set(codes) <= {"ok", "offer.not_open"}
    assert codes[:4].count("ok") <= 1
    winner = ["ACCEPTED", "REJECTED", "CANCELLED", "PROPOSED", "REJECTED"][codes.index("ok")]
    assert (await deal.state())[0] == winner
    assert await crowd.listing(shop) == (9 if winner == "ACCEPTED" else 10, "ACTIVE")


@pytest.mark.parametrize("seed", ROUNDS)
async def test_an_offer_answered_as_it_expires(crowd: Scene, seed: int) -> None:
    """The clock passes the deadline while the commands wait for each other: whoever is late is refused."""
    shop, buyer = await crowd.shop(), await crowd.customer()
    deal = crowd.deal(shop, buyer)
    await deal.make(1_000, expires_in_seconds=0.06)
    await asyncio.sleep(0.045)

    async def settle_until_due() -> None:
        while True:
            if (await deal.settle()).closed or (await deal.state())[0] != "PROPOSED":
                return
            await asyncio.sleep(0.005)

    codes = await race(
        seed,
        deal.accept(shop.merchant_id),
        deal.withdraw(buyer),
        deal.reject(shop.merchant_id),
        settle_until_due(),
    )
    assert codes[:3].count("ok") <= 1
    assert set(codes) <= {"ok", "offer.not_open", "offer.expired"}
    expected = ["ACCEPTED", "CANCELLED", "REJECTED"][codes.index("ok")] if "ok" in codes[:3] else "EXPIRED"
    assert (await deal.state())[0] == expected
    assert [status for _, status, _ in await deal.offers()] == [expected]


@pytest.mark.parametrize("seed", ROUNDS)
async def test_an_accepted_offer_bought_broken_and_bought_again(crowd: Scene, seed: int) -> None:
    shop, buyer = await crowd.shop(stock=1), await crowd.customer()
    deal = await crowd.accepted(shop, buyer)
    codes = await race(
        seed,
        crowd.bought(shop, buyer, offer_id=deal.standing),
        crowd.bought(shop, buyer, offer_id=deal.standing),
        deal.withdraw(shop.merchant_id),
        deal.settle(),
    )
    assert codes[:3].count("ok") == 1
    broken = codes[2] == "ok"
    assert Counter(codes[:2]) == ({"order.offer_not_accepted": 2} if broken else {"ok": 1, "order.offer_spent": 1})
    assert await deal.state() == (("CANCELLED", "BROKEN_BY_SELLER") if broken else ("ACCEPTED", "PURCHASED")) + (True,)
    assert await crowd.listing(shop) == ((1, "ACTIVE") if broken else (0, "SOLD_OUT"))
    # Bought, it is honored once it is paid.
    assert await crowd.facts(shop) == (["OFFER_BROKEN"] if broken else [])


@pytest.mark.parametrize("seed", ROUNDS)
async def test_an_accepted_offer_bought_released_and_broken(crowd: Scene, seed: int) -> None:
    """Whoever comes first: the stock is sold or back, and the seller answers only for its own word."""
    shop, buyer = await crowd.shop(stock=1), await crowd.customer()
    deal = await crowd.accepted(shop, buyer)
    codes = await race(
        seed,
        crowd.bought(shop, buyer, offer_id=deal.standing),
        deal.withdraw(buyer),
        deal.withdraw(shop.merchant_id),
    )
    assert codes.count("ok") == 1
    reason, stock, fact = [
        ("PURCHASED", (0, "SOLD_OUT"), []),
        ("RELEASED_BY_BUYER", (1, "ACTIVE"), []),
        ("BROKEN_BY_SELLER", (1, "ACTIVE"), ["OFFER_BROKEN"]),
    ][codes.index("ok")]
    assert (await deal.state())[1] == reason
    assert await crowd.listing(shop) == stock
    assert await crowd.facts(shop) == fact


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("says", [True, False])
async def test_a_price_raised_while_it_is_bought(crowd: Scene, seed: int, says: bool) -> None:
    shop = await crowd.shop()
    buyer = await crowd.customer(shop)
    seen = await crowd.value("SELECT price_cents FROM listings WHERE listing_id = :id", id=shop.listing_id)
    named = {"seen_price_cents": seen} if says else {}
    codes = await race(
        seed, crowd.purchase(shop, buyer).place(**named), crowd.reprice(shop, 9_000_000), crowd.reprice(shop, 8_000_000)
    )
    assert codes[0] in {"ok", "order.price_changed" if says else "order.price_unseen"}
    paid = await crowd.rows("SELECT total_price_cents FROM orders WHERE listing_id = :id", id=shop.listing_id)
    assert [row[0] for row in paid] == ([seen] if codes[0] == "ok" else [])


@pytest.mark.parametrize("seed", ROUNDS)
async def test_an_accepted_offer_bought_as_it_lapses(crowd: Scene, seed: int) -> None:
    brief = crowd.with_policy(purchase_window_seconds=0.05)
    shop, buyer = await crowd.shop(stock=1), await crowd.customer()
    deal = await brief.accepted(shop, buyer)
    await asyncio.sleep(0.03 + 0.01 * seed)

    async def settle_until_over() -> None:
        while True:
            if (await deal.settle()).closed:
                return
            await asyncio.sleep(0.003)

    codes = await race(
        seed, brief.bought(shop, buyer, offer_id=deal.standing), settle_until_over(), settle_until_over()
    )
    assert codes[0] in {"ok", "order.purchase_window_passed"}
    bought = codes[0] == "ok"
    assert await deal.state() == (("ACCEPTED", "PURCHASED") if bought else ("EXPIRED", "NOT_PURCHASED")) + (True,)
    assert await crowd.listing(shop) == ((0, "SOLD_OUT") if bought else (1, "ACTIVE"))


@pytest.mark.parametrize("seed", ROUNDS)
async def test_one_order_reviewed_twice_and_refunded(crowd: Scene, seed: int) -> None:
    shop = await crowd.shop()
    buyer = await crowd.customer(shop)
    order = await crowd.bought(shop, buyer)
    await order.tell("request_refund", buyer)
    codes = await race(
        seed,
        order.review(rating=1),
        order.review(rating=5),
        order.tell("answer_refund", shop.merchant_id, approve=True),
    )
    assert codes[2] == "ok"
    assert codes[:2].count("ok") <= 1
    assert set(codes[:2]) <= {"ok", "review.already_posted", "review.order_refunded"}
    query = "SELECT count(*) FROM reviews WHERE order_id = :id"
    assert await crowd.value(query, id=order.order_id) == codes[:2].count("ok")


@pytest.mark.parametrize("seed", ROUNDS)
async def test_first_reviews_of_a_listing_share_one_thread(crowd: Scene, seed: int) -> None:
    shop = await crowd.shop()
    orders = [await paid(crowd, shop, buyer) for buyer in await _customers(crowd, 5, shop)]
    codes = await race(seed, *(order.review(rating=5) for order in orders), crowd.fold(shop))
    assert set(codes) == {"ok"}
    query = "SELECT thread_id FROM threads WHERE context_listing_id = :id AND type = 'REVIEW'"
    (thread,) = await crowd.rows(query, id=shop.listing_id)
    assert await crowd.value("SELECT count(*) FROM messages WHERE thread_id = :id", id=thread[0]) == 5
    await crowd.fold(shop)
    assert (await assert_proven(crowd, shop)).evidence_r[0] == 5_000


@pytest.mark.parametrize("seed", ROUNDS)
async def test_two_first_offers_on_one_listing(crowd: Scene, seed: int) -> None:
    shop, buyer = await crowd.shop(), await crowd.customer()
    codes = await race(seed, *(crowd.offer(shop, buyer, 1_000 + n) for n in range(4)))
    assert Counter(codes) == {"ok": 1, "negotiation.already_open": 3}
    # A retried request is the same command: it wins with itself.
    deal = crowd.deal(shop, other := await crowd.customer())
    assert set(await race(seed, *(deal.make(1_000) for _ in range(4)))) == {"ok"}
    query = "SELECT count(*) FROM offers WHERE buyer_customer_id = :id"
    assert await crowd.value(query, id=other) == 1


@pytest.mark.parametrize("seed", ROUNDS)
async def test_a_spend_cap_holds_across_listings(crowd: Scene, seed: int) -> None:
    """Offers, accepts and purchases on eight listings at once never commit more than the cap."""
    shops = [await crowd.shop() for _ in range(8)]
    buyer = await crowd.customer(*shops)
    asks = []
    for shop in shops[:2]:
        deal = await crowd.offer(shop, buyer, 1)
        await deal.counter(shop.merchant_id, 1_000)
        asks.append(deal)
    await crowd.limit_buyer(buyer, spend_cap_cents=3_500)
    codes = await race(
        seed,
        *(deal.accept(buyer) for deal in asks),
        *(crowd.offer(shop, buyer, 1_000) for shop in shops[2:5]),
        *(crowd.bought(shop, buyer) for shop in shops[5:]),
    )
    assert set(codes) == {"ok", "limits.spend_cap"}
    query = """
        SELECT coalesce(sum(o.proposed_price_cents), 0) FROM offers o JOIN negotiations n USING (negotiation_id)
          WHERE o.buyer_customer_id = :id AND n.closed_at IS NULL
            AND (o.status = 'ACCEPTED' OR o.status = 'PROPOSED' AND o.proposed_by = 'BUYER')
    """
    bids = await crowd.value(query, id=buyer)
    orders = "SELECT coalesce(sum(total_price_cents), 0) FROM orders WHERE buyer_customer_id = :id"
    committed = bids + await crowd.value(orders, id=buyer)
    assert 2_000 <= committed <= 3_500
