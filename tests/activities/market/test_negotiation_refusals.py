"""Every refusal of a negotiation command, and that a refused command leaves no trace."""

import pytest

from db.platform.ids import new_id
from domain.market import errors
from domain.market.negotiation import MAX_CENTS
from tests.activities.market.scene import Scene, refused


async def test_a_first_offer_is_refused(scene: Scene) -> None:
    shop, buyer = await scene.shop(stock=2), await scene.customer()
    deal = scene.deal(shop, buyer)
    async with refused(errors.LISTING_NOT_FOUND):
        await deal.make(1_000, listing_id=new_id())
    async with refused(errors.OWN_LISTING):
        await deal.make(1_000, buyer_id=shop.merchant_id)
    for price in (0, 1_501):
        async with refused(errors.OFFER_PRICE_RANGE):
            await deal.make(price)
    async with refused(errors.LISTING_SOLD_OUT):
        await deal.make(1_000, quantity=3)
    for seconds in (0, -1, scene.policy.offer_expiry_max_seconds + 1):
        async with refused(errors.OFFER_EXPIRY_RANGE):
            await deal.make(1_000, expires_in_seconds=seconds)
    assert await scene.inbox(shop.merchant_id) == []
    await deal.make(1_000)
    async with refused(errors.NEGOTIATION_OPEN):
        await scene.deal(shop, buyer).make(1_100)
    assert await scene.inbox(shop.merchant_id) == ["OFFER_MADE"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", errors.LISTING_NOT_ACTIVE),
        (
            "UPDATE stores s SET status = 'CLOSED' FROM listings l WHERE l.store_id = s.store_id AND listing_id = %s",
            errors.STORE_CLOSED,
        ),
    ],
)
async def test_nothing_is_offered_or_countered_on_a_closed_listing(scene: Scene, change: str, code) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    scene.as_owner(change, shop.listing_id)
    async with refused(code):
        await scene.deal(shop, await scene.customer()).make(1_000)
    async with refused(code):
        await deal.counter(shop.merchant_id, 1_400)


async def test_sold_out_takes_no_offers(scene: Scene) -> None:
    shop = await scene.shop(stock=0)
    async with refused(errors.LISTING_SOLD_OUT):
        await scene.deal(shop, await scene.customer()).make(1_000)


async def test_amounts_fit_their_columns(scene: Scene) -> None:
    shop = await scene.shop(price_cents=MAX_CENTS, stock=2)
    async with refused(errors.AMOUNT_TOO_LARGE):
        await scene.deal(shop, await scene.customer()).make(MAX_CENTS, quantity=2)
    buyer = await scene.customer()
    deal = await scene.offer(shop, buyer, 1_000, quantity=2)
    async with refused(errors.AMOUNT_TOO_LARGE):
        await deal.counter(shop.merchant_id, MAX_CENTS - 1)


async def test_a_cap_on_open_negotiations(scene: Scene) -> None:
    buyer, shops = await scene.customer(), [await scene.shop() for _ in range(3)]
    await scene.limit_buyer(buyer, max_open_negotiations=2)
    first = await scene.offer(shops[0], buyer)
    await scene.offer(shops[1], buyer)
    async with refused(errors.NEGOTIATION_CAP):
        await scene.deal(shops[2], buyer).make(1_000)
    await first.withdraw(buyer)
    await scene.offer(shops[2], buyer)
    # Accepted, it holds stock and counts on, until it is bought or let go.
    second = await scene.accepted(shops[0], holder := await scene.customer())
    small = scene.with_policy(max_open_negotiations=1)
    async with refused(errors.NEGOTIATION_CAP):
        await small.deal(shops[1], holder).make(1_000)
    await second.withdraw(holder)
    await small.offer(shops[1], holder)
    never = await scene.customer()
    await scene.limit_buyer(never, max_open_negotiations=0)
    async with refused(errors.NEGOTIATION_CAP):
        await scene.deal(shops[0], never).make(1_000)
    eager = await scene.customer()
    await small.offer(shops[0], eager)
    async with refused(errors.NEGOTIATION_CAP):
        await small.deal(shops[1], eager).make(1_000)


async def test_a_stranger_sees_no_negotiation(scene: Scene) -> None:
    shop, stranger = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, await scene.customer())
    for doing in (deal.accept, deal.reject, deal.withdraw):
        async with refused(errors.OFFER_NOT_FOUND):
            await doing(stranger)
    async with refused(errors.OFFER_NOT_FOUND):
        await deal.counter(stranger, 1_100)
    missing = scene.deal(shop, stranger)
    async with refused(errors.OFFER_NOT_FOUND):
        await missing.accept(stranger)
    async with refused(errors.OFFER_NOT_FOUND):
        await missing.settle()


async def test_turns_alternate(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    for doing in (deal.accept, deal.reject):
        async with refused(errors.OFFER_NOT_YOUR_TURN):
            await doing(buyer)
    async with refused(errors.OFFER_NOT_YOUR_TURN):
        await deal.counter(buyer, 1_100)
    async with refused(errors.OFFER_NOT_MAKER):
        await deal.withdraw(shop.merchant_id)


async def test_an_accept_names_the_offer_and_round_seen(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    first = deal.standing
    async with refused(errors.OFFER_ROUND):
        await deal.accept(shop.merchant_id, round=2)
    await deal.counter(shop.merchant_id, 1_400)
    for doing in (deal.accept, deal.reject, deal.withdraw):
        async with refused(errors.OFFER_NOT_OPEN):
            await doing(buyer, offer_id=first)
    async with refused(errors.OFFER_NOT_OPEN):
        await deal.counter(buyer, 1_100, offer_id=first)
    async with refused(errors.OFFER_ROUND):
        await deal.accept(buyer, round=1)
    await deal.accept(buyer, round=2)
    for doing in (deal.accept, deal.reject):
        async with refused(errors.OFFER_NOT_OPEN):
            await doing(buyer)


async def test_the_clock_decides_before_the_timer(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer)
    deal.expire()
    for doing, by in ((deal.accept, shop.merchant_id), (deal.reject, shop.merchant_id), (deal.withdraw, buyer)):
        async with refused(errors.OFFER_EXPIRED):
            await doing(by)
    async with refused(errors.OFFER_EXPIRED):
        await deal.counter(shop.merchant_id, 1_400)
    assert await deal.state() == ("PROPOSED", None, False)


async def test_prices_are_monotone(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.offer(shop, buyer, 1_000)
    for price in (1_000, 999, 1_500, 1_501):
        async with refused(errors.OFFER_PRICE_RANGE):
            await deal.counter(shop.merchant_id, price)
    await deal.counter(shop.merchant_id, 1_400)
    for price in (1_000, 1_400, 1_401):
        async with refused(errors.OFFER_PRICE_RANGE):
            await deal.counter(buyer, price)
    async with refused(errors.OFFER_EXPIRY_RANGE):
        await deal.counter(buyer, 1_200, expires_in_seconds=0)
    await deal.counter(buyer, 1_200)
    async with refused(errors.OFFER_PRICE_RANGE):
        await deal.counter(shop.merchant_id, 1_400)


async def test_rounds_are_capped(scene: Scene) -> None:
    small = scene.with_policy(max_rounds=2)
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await small.offer(shop, buyer)
    await deal.counter(shop.merchant_id, 1_400)
    async with refused(errors.ROUNDS_EXHAUSTED):
        await deal.counter(buyer, 1_200)
    await deal.accept(buyer)


async def test_a_merchant_keeps_its_own_floor(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_listing(shop, floor_cents=1_200)
    deal = await scene.offer(shop, buyer, 1_000)
    async with refused(errors.BELOW_OWN_FLOOR):
        await deal.accept(shop.merchant_id)
    async with refused(errors.BELOW_OWN_FLOOR):
        await deal.counter(shop.merchant_id, 1_199)
    await deal.counter(shop.merchant_id, 1_200)
    await deal.accept(buyer)


async def test_a_hold_is_broken_or_let_go_only_in_time(scene: Scene) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    deal = await scene.accepted(shop, buyer)
    deal.lapse()
    for party in (buyer, shop.merchant_id):
        async with refused(errors.PURCHASE_WINDOW_PASSED):
            await deal.withdraw(party)
    assert await scene.facts(shop) == []
    await deal.settle()
