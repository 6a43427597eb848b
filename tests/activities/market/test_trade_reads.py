"""What an agent reads of its offers and orders: its own side, newest first, in the shape that is documented."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import BaseModel

from api.market.offer_schemas import OfferOut
from api.market.order_schemas import OrderOut, ReviewOut
from config.settings import Settings
from db.market.reads_trade import Place, read_offers, read_orders, the_offer, the_order, the_review
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.reading import Row
from domain.market.states import OfferStatus, OrderStatus, Party
from domain.platform.errors import DomainError
from tests.activities.market.scene import Deal, Purchase, Scene
from tests.builders import Shop


@pytest_asyncio.fixture
async def reads(owner_url: str) -> AsyncIterator[Database]:
    """In the role of the API: row-level security applies."""
    pool = Database(Settings(database_url=owner_url).role_url("api"), 2, "test-reads")
    yield pool
    await pool.close()


def _shows(shape: type[BaseModel], shown: Row, held: Any) -> bool:
    """The documented fields in their order, each as the table holds it."""
    found = shape.model_validate(shown)
    fields = [name for name in shape.model_fields if hasattr(held, name)]
    assert list(shown) == list(shape.model_fields)
    return all(getattr(found, name) == getattr(held, name) for name in fields)


async def _walk(read: Callable[[Place | None], Awaitable[list[Row]]], made_at: str, own_id: str) -> list[str]:
    """All ids, two at a time."""
    found: list[str] = []
    after: Place | None = None
    while rows := await read(after):
        found += [row[own_id] for row in rows]
        after = (rows[-1][made_at], UUID(rows[-1][own_id]))
    return found


async def _two_shops_of_one(scene: Scene) -> tuple[Shop, Shop]:
    first = await scene.shop()
    second = await scene.shop()
    await scene.rows("UPDATE stores SET owner_merchant_id = :a WHERE store_id = :s RETURNING 1",
                     a=first.merchant_id, s=second.store_id)  # fmt: skip
    return first, replace(second, merchant_id=first.merchant_id)


async def test_one_offer_and_one_order_are_shown_to_their_parties_only(scene: Scene, reads: Database) -> None:
    shop = await scene.shop()
    buyer, stranger = await scene.customer(shop), await scene.customer(shop)
    deal: Deal = await scene.offer(shop, buyer, 900, message="Nine?")
    await deal.counter(shop.merchant_id, 950, message="Nine and a half.")
    purchase: Purchase = await scene.bought(shop, buyer)
    made = await scene.rows("SELECT * FROM offers WHERE listing_id = :l ORDER BY round", l=shop.listing_id)
    [order] = await scene.rows("SELECT * FROM orders WHERE order_id = :o", o=purchase.order_id)
    for viewer in (buyer, shop.merchant_id):
        shown = [await reads.read_one(the_offer(row.offer_id), viewer) for row in made]
        assert all(_shows(OfferOut, *pair) for pair in zip(shown, made, strict=True))
        assert [one["message"] for one in shown] == ["Nine?", "Nine and a half."]
        assert [one["standing"] for one in shown] == [False, True]
        assert _shows(OrderOut, await reads.read_one(the_order(purchase.order_id), viewer), order)
    with pytest.raises(DomainError, match=r"offer"):
        await reads.read_one(the_offer(made[0].offer_id), stranger)
    with pytest.raises(DomainError, match=r"order"):
        await reads.read_one(the_order(purchase.order_id), stranger)


async def test_a_review_is_shown_to_everybody(scene: Scene, reads: Database) -> None:
    shop = await scene.shop()
    purchase = await scene.bought(shop, await scene.customer(shop))
    await purchase.review(title="Bright")
    [held] = await scene.rows("SELECT * FROM reviews WHERE order_id = :o", o=purchase.order_id)
    assert _shows(ReviewOut, await reads.read_one(the_review(held.review_id), new_id()), held)
    with pytest.raises(DomainError, match=r"review"):
        await reads.read_one(the_review(new_id()), new_id())


async def test_a_seller_reads_all_its_stores_as_one_list(scene: Scene, reads: Database) -> None:
    first, second = await _two_shops_of_one(scene)
    other = await scene.shop()
    seller = first.merchant_id
    for shop in (first, second, first, other, second):
        buyer = await scene.customer(shop)
        await scene.accepted(shop, buyer)
        await scene.bought(shop, buyer)
    own = "seller_store_id IN (:a, :b)"
    made = await scene.rows(
        f"SELECT offer_id FROM offers WHERE {own} ORDER BY created_at DESC, offer_id DESC",
        a=first.store_id, b=second.store_id,
    )  # fmt: skip
    placed = await scene.rows(
        "SELECT order_id FROM orders WHERE store_id IN (:a, :b) ORDER BY placed_at DESC, order_id DESC",
        a=first.store_id, b=second.store_id,
    )  # fmt: skip
    found = await _walk(
        lambda after: read_offers(reads, seller, Party.SELLER, None, None, after, 2), "created_at", "offer_id"
    )
    assert found == [str(row.offer_id) for row in made]
    found = await _walk(lambda after: read_orders(reads, seller, Party.SELLER, None, after, 2), "placed_at", "order_id")
    assert found == [str(row.order_id) for row in placed]
    there = await read_offers(reads, seller, Party.SELLER, OfferStatus.ACCEPTED, second.listing_id, None, 10)
    assert len(there) == 2
    assert {row["listing_id"] for row in there} == {str(second.listing_id)}
    assert await read_orders(reads, seller, Party.SELLER, OrderStatus.REFUNDED, None, 10) == []
    assert await read_offers(reads, seller, Party.BUYER, None, None, None, 10) == []


async def test_a_buyer_reads_its_own_list(scene: Scene, reads: Database) -> None:
    shops = [await scene.shop() for _ in range(3)]
    buyer, stranger = await scene.customer(*shops), await scene.customer(*shops)
    for shop in shops:
        await scene.offer(shop, stranger)
        await scene.offer(shop, buyer)
    made = await scene.rows(
        "SELECT offer_id FROM offers WHERE buyer_customer_id = :b ORDER BY created_at DESC, offer_id DESC", b=buyer
    )
    found = await _walk(
        lambda after: read_offers(reads, buyer, Party.BUYER, None, None, after, 2), "created_at", "offer_id"
    )
    assert found == [str(row.offer_id) for row in made]
    assert await read_offers(reads, buyer, Party.SELLER, None, None, None, 10) == []
    rows = await read_offers(reads, buyer, Party.BUYER, OfferStatus.PROPOSED, shops[0].listing_id, None, 10)
    assert [row["listing_id"] for row in rows] == [str(shops[0].listing_id)]
    assert list(rows[0]) == list(OfferOut.model_fields)
