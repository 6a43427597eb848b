"""What the API reads before a command: everything the caller's rules ask for, and nothing of the other party's."""

import pytest
import pytest_asyncio

from db.market.cases import get_listing_case, get_offer_case, get_order_case
from db.platform.database import Database
from db.platform.ids import new_id
from domain.market.negotiation import BuyerStanding, MerchantLimits
from domain.market.states import DeliveryKind, OfferStatus, OrderStatus, Party, ReviewWindowStatus
from tests.activities.market.scene import Scene


@pytest_asyncio.fixture(scope="module")
async def scene(worker_database: Database, owner_url: str) -> Scene:
    return Scene(worker_database, owner_url)


async def test_an_offer_with_its_rounds_as_each_party_may_see_it(scene: Scene, api_database: Database) -> None:
    shop, buyer = await scene.shop(), await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=10_000)
    await scene.limit_listing(shop, floor_cents=500, auto_decline_cents=100)
    deal = await scene.offer(shop, buyer, 600, quantity=2)
    await deal.counter(shop.merchant_id, 900)
    seen = {}
    for party, agent in (Party.BUYER, buyer), (Party.SELLER, shop.merchant_id):
        async with api_database.transaction(viewer=agent) as transaction:
            case = await get_offer_case(transaction, deal.standing)
        assert case is not None
        assert [(offer.round, offer.price_cents, offer.status) for offer in case.state.offers] == [
            (1, 600, OfferStatus.CANCELLED),
            (2, 900, OfferStatus.PROPOSED),
        ]
        assert case.state.party_of(agent) is party
        assert (case.listing_id, case.store_id) == (shop.listing_id, shop.store_id)
        seen[party] = case
    assert seen[Party.SELLER].limits == MerchantLimits(500, None, 100)
    assert seen[Party.BUYER].limits == MerchantLimits()
    assert seen[Party.BUYER].buyer.spend_cap_cents == 10_000
    assert seen[Party.SELLER].buyer.spend_cap_cents is None
    async with api_database.transaction(viewer=await scene.customer()) as transaction:
        assert await get_offer_case(transaction, deal.standing) is None


async def test_a_listing_and_where_its_buyer_stands(scene: Scene, api_database: Database) -> None:
    shop, other, buyer = await scene.shop(), await scene.shop(), await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=10_000, max_open_negotiations=7)

    async def case_of(who=buyer):
        async with api_database.transaction(viewer=who) as transaction:
            found = await get_listing_case(transaction, shop.listing_id, who)
        assert found is not None
        return found

    fresh = await case_of()
    assert (fresh.eligible, fresh.standing_offer_id) == (False, None)
    assert fresh.buyer == BuyerStanding(0, 7, 0, 10_000)
    deal = await scene.offer(shop, buyer, 600, quantity=2)
    await scene.offer(other, buyer, 300)
    await scene.bought(other, buyer)
    bargaining = await case_of()
    assert bargaining.eligible
    assert bargaining.standing_offer_id == deal.negotiation_id
    price = await scene.value("SELECT total_price_cents FROM orders WHERE buyer_customer_id = :id", id=buyer)
    assert bargaining.buyer == BuyerStanding(2, 7, 2 * 600 + 300 + price, 10_000)
    assert (await case_of(await scene.customer())).buyer == BuyerStanding()
    async with api_database.transaction(viewer=buyer) as transaction:
        assert await get_listing_case(transaction, new_id(), buyer) is None


async def test_this_negotiation_is_no_commitment_beside_itself(scene: Scene, api_database: Database) -> None:
    shop, other, buyer = await scene.shop(), await scene.shop(), await scene.customer()
    await scene.limit_buyer(buyer, spend_cap_cents=10_000)
    deal = await scene.accepted(shop, buyer, 600)
    await scene.offer(other, buyer, 300)
    async with api_database.transaction(viewer=buyer) as transaction:
        case = await get_offer_case(transaction, deal.negotiation_id)
    assert case is not None
    assert case.buyer.committed_cents == 300
    assert case.eligible


@pytest.mark.parametrize("delivery", DeliveryKind)
async def test_an_order_with_its_review_window(scene: Scene, api_database: Database, delivery: DeliveryKind) -> None:
    shop = await scene.shop(delivery=delivery, promised_delivery_seconds=60)
    buyer = await scene.customer(shop)
    order = await scene.bought(shop, buyer)
    for agent in buyer, shop.merchant_id:
        async with api_database.transaction(viewer=agent) as transaction:
            case = await get_order_case(transaction, order.order_id)
        assert case is not None
        assert (case.buyer_id, case.seller_id) == (buyer, shop.merchant_id)
        if delivery is DeliveryKind.SHIPPED:
            assert (case.state.status, case.window_status) == (OrderStatus.PLACED, None)
        else:
            assert (case.state.status, case.window_status) == (OrderStatus.DELIVERED, ReviewWindowStatus.OPEN)
            assert case.window_closes_at is not None
            assert case.window_closes_at > case.now
    async with api_database.transaction(viewer=await scene.customer()) as transaction:
        assert await get_order_case(transaction, order.order_id) is None
