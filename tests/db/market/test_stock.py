"""Stock: conditional, summed by its movements, sold out at zero and back — with the hero rule in between."""

import asyncio
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from db.locks import clock, lock_listing
from db.market.stock import hold_stock, insert_movement, release_hold, return_stock, spend_hold, take_stock
from db.market.tables import Listing, Product
from db.platform import writes
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.market.errors import OFFER_SPENT
from domain.market.states import ActivityType, DeliveryKind, HoldRelease, ListingStatus, MovementReason
from domain.platform.errors import DomainError
from tests.activities.market.scene import Scene
from tests.builders import Shop, record_event
from tests.invariants import assert_sound


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str):
    yield Scene(worker_database, owner_url)
    await assert_sound(worker_database)


async def _move(scene: Scene, listing_id: UUID, delta: int) -> tuple[int, str] | None:
    async with scene.database.transaction() as transaction:
        listing = await lock_listing(transaction, listing_id)
        assert listing is not None
        if delta > 0:
            await return_stock(transaction, listing_id, delta, MovementReason.ADJUSTED)
            listing = await transaction.get_one(Listing, listing_id)
        else:
            listing = take_stock(transaction, listing, -delta, MovementReason.ADJUSTED)
        if listing is None:
            return None
        return listing.inventory_on_hand, listing.status


async def _second_listing(scene: Scene, shop: Shop, status: ListingStatus, stock: int) -> UUID:
    listing_id, product_id = new_id(), new_id()
    async with scene.database.session() as session:
        chair = {"title": "A chair", "description": "It stands."}
        writes.insert(session, Product, product_id=product_id, store_id=shop.store_id, **chair)
        writes.insert(
            session,
            Listing,
            listing_id=listing_id,
            store_id=shop.store_id,
            product_id=product_id,
            price_cents=2_000,
            currency="USD",
            inventory_on_hand=stock,
            status=status,
            delivery=DeliveryKind.INSTANT,
            hero_only=True,
        )
        insert_movement(session, listing_id, stock, MovementReason.INITIAL)
        record_event(session, ActivityType.LISTING_DROPPED, store_id=shop.store_id, listing_id=listing_id)
    return listing_id


async def test_sold_out_and_back(scene: Scene) -> None:
    shop = await scene.shop(stock=3)
    assert await _move(scene, shop.listing_id, -2) == (1, "ACTIVE")
    assert await _move(scene, shop.listing_id, -2) is None
    assert await scene.listing(shop) == (1, "ACTIVE")
    assert await _move(scene, shop.listing_id, -1) == (0, "SOLD_OUT")
    assert await _move(scene, shop.listing_id, -1) is None
    assert await _move(scene, shop.listing_id, 5) == (5, "ACTIVE")
    query = "SELECT delta, reason::text FROM stock_movements WHERE listing_id = :id ORDER BY movement_id"
    movements = [tuple(row) for row in await scene.rows(query, id=shop.listing_id)]
    assert movements == [(3, "INITIAL"), (-2, "ADJUSTED"), (-1, "ADJUSTED"), (5, "ADJUSTED")]


async def test_a_paused_listing_stays_paused(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    scene.as_owner("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", shop.listing_id)
    assert await _move(scene, shop.listing_id, -1) == (0, "PAUSED")
    assert await _move(scene, shop.listing_id, 1) == (1, "PAUSED")


async def test_a_hold_is_released_once(scene: Scene) -> None:
    shop = await scene.shop(stock=2)
    deal = await scene.accepted(shop, await scene.customer(), quantity=2)
    async with scene.database.session() as session:
        transaction, now = await Transaction.of(session), await clock(session)
        assert await release_hold(transaction, deal.standing, HoldRelease.LAPSED, now)
        assert not await release_hold(transaction, deal.standing, HoldRelease.LAPSED, now)
        listing = await transaction.get_one(Listing, shop.listing_id)
        assert (listing.inventory_on_hand, listing.status) == (2, ListingStatus.ACTIVE)
        assert not hold_stock(session, listing, deal.standing, 3, now, now)
        await session.rollback()
    assert await scene.listing(shop) == (0, "SOLD_OUT")


async def test_a_hold_is_spent_once(scene: Scene) -> None:
    shop = await scene.shop(stock=2)
    deal = await scene.accepted(shop, await scene.customer())
    async with scene.database.session() as session:
        spend_hold(session, deal.standing, await clock(session))
        await writes.send(session)
        spend_hold(session, deal.standing, await clock(session))
        with pytest.raises(DomainError) as refused:
            await writes.send(session)
        assert refused.value.code == OFFER_SPENT.code
        assert not await release_hold(
            await Transaction.of(session), deal.standing, HoldRelease.LAPSED, await clock(session)
        )
        await session.rollback()


async def test_a_hero_listing_comes_back_when_none_is_shown(scene: Scene) -> None:
    shop = await scene.shop(stock=1, hero_only=True)
    await _second_listing(scene, shop, ListingStatus.PAUSED, 1)
    assert await _move(scene, shop.listing_id, -1) == (0, "SOLD_OUT")
    assert await _move(scene, shop.listing_id, 1) == (1, "ACTIVE")


async def test_a_hero_listing_stays_sold_out_beside_another(scene: Scene) -> None:
    shop = await scene.shop(stock=1, hero_only=True)
    assert await _move(scene, shop.listing_id, -1) == (0, "SOLD_OUT")
    other = await _second_listing(scene, shop, ListingStatus.ACTIVE, 1)
    assert await _move(scene, shop.listing_id, 1) == (1, "SOLD_OUT")
    # Nobody is shown in its place by itself when the other sells out; with the next stock it is.
    assert await _move(scene, other, -1) == (0, "SOLD_OUT")
    assert await _move(scene, shop.listing_id, 1) == (2, "ACTIVE")


async def test_a_plain_stores_listings_do_not_mind_each_other(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    assert await _move(scene, shop.listing_id, -1) == (0, "SOLD_OUT")
    async with scene.database.session() as session:
        statement = text(
            "INSERT INTO listings (listing_id, store_id, product_id, price_cents, inventory_on_hand)"
            " VALUES (:id, :store, :product, 1, 1)"
        )
        await session.execute(statement, {"id": new_id(), "store": shop.store_id, "product": shop.product_id})
        await return_stock(await Transaction.of(session), shop.listing_id, 1, MovementReason.ADJUSTED)
        back = await (await Transaction.of(session)).get_one(Listing, shop.listing_id)
        assert back.status is ListingStatus.ACTIVE
        await session.rollback()


@pytest.mark.parametrize("attempt", range(5))
async def test_two_hero_listings_come_back_at_once(scene: Scene, attempt: int) -> None:
    """Both are sold out and stock returns to both: one is shown, and neither return fails."""
    shop = await scene.shop(stock=1, hero_only=True)
    assert await _move(scene, shop.listing_id, -1) == (0, "SOLD_OUT")
    other = await _second_listing(scene, shop, ListingStatus.SOLD_OUT, 0)
    results = await asyncio.gather(*(_move(scene, listing, 1) for listing in (shop.listing_id, other)))
    assert sorted(results) == [(1, "ACTIVE"), (1, "SOLD_OUT")]
