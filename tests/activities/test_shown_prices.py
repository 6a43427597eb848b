"""Nothing is bought at a price its buyer has not been shown: orders at the list price, and checkout sessions."""

import asyncio

import pytest
from psycopg import IntegrityError
from sqlalchemy import text

from db.checkout.reads import get_checkout
from db.checkout.sessions import note_shown
from db.platform.database import Database
from db.platform.ids import new_id
from domain.checkout import errors as checkout
from domain.checkout.states import CheckoutStatus
from domain.market import errors
from tests.activities.checkout.checkout_scene import shopping
from tests.activities.market.scene import Scene, code_of, refused


async def test_an_order_is_placed_at_the_price_its_buyer_has_seen(scene: Scene) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    price = await scene.value("SELECT price_cents FROM listings WHERE listing_id = :id", id=shop.listing_id)
    await scene.purchase(shop, buyer).place()
    await scene.reprice(shop, 9_000_000)
    for seen in ({}, {"seen_currency": "USD"}):
        async with refused(errors.ORDER_PRICE_UNSEEN):
            await scene.purchase(shop, buyer).place(**seen)
    for seen in ({"seen_price_cents": price}, {"seen_price_cents": 9_000_000, "seen_currency": "EUR"}):
        async with refused(errors.ORDER_PRICE_CHANGED):
            await scene.purchase(shop, buyer).place(**seen)
    await scene.purchase(shop, buyer).place(seen_price_cents=9_000_000, seen_currency="USD")
    # Back to what everybody has seen, or below: an order need not say so.
    await scene.reprice(shop, price)
    await scene.purchase(shop, buyer).place()
    await scene.reprice(shop, price - 1)
    await scene.purchase(shop, buyer).place()
    # A rise is old some time.
    await scene.reprice(shop, price + 1)
    async with refused(errors.ORDER_PRICE_UNSEEN):
        await scene.purchase(shop, buyer).place()
    scene.as_owner(
        "UPDATE store_updates SET created_at = created_at - interval '25 hours' WHERE linked_listing_id = %s",
        shop.listing_id,
    )
    await scene.purchase(shop, buyer).place()
    totals = "SELECT total_price_cents FROM orders WHERE buyer_customer_id = :id ORDER BY order_id"
    assert [row[0] for row in await scene.rows(totals, id=buyer)] == [price, 9_000_000, price, price - 1, price + 1]


async def test_an_answer_counts_for_the_price_it_told_and_for_no_later_one(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    async with scene.database.session() as session:
        old = await get_checkout(session, buy.checkout_id)
        assert old is not None
        scene.as_owner("UPDATE listings SET price_cents = 1600 WHERE listing_id = %s", buy.shop.listing_id)
        assert (await buy.complete()).refused == checkout.PRICE_CHANGED.code
        # An answer with the old price that goes out only now.
        await note_shown(session, old.model_copy(update={"shown_version": 0}))
    assert (await buy.complete()).refused == checkout.PRICE_CHANGED.code
    await buy.update(discount_codes=())
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED


async def test_many_completions_after_a_new_price_charge_nothing_before_one_reading(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    scene.as_owner("UPDATE listings SET price_cents = 1600 WHERE listing_id = %s", buy.shop.listing_id)
    ended = await asyncio.gather(*(buy.complete() for _ in range(6)))
    assert {snapshot.refused for snapshot in ended} == {checkout.PRICE_CHANGED.code}
    assert buy.ledger.asked == []
    # An answer that is lost on its way counts as one: the same completion before and after it.
    codes = await asyncio.gather(buy.read(), *(code_of(buy.complete()) for _ in range(4)))
    assert {"ok", checkout.CHECKOUT_BUSY.code, checkout.CHECKOUT_OVER.code} >= set(codes[1:])
    assert {total for _, _, total in buy.ledger.asked} <= {1_600}


async def test_only_its_platform_has_seen_a_session(scene: Scene, api: Database) -> None:
    buy = await shopping(scene)
    await buy.open()
    await buy.complete()  # the store's owner sees it by now
    shown = "UPDATE checkouts SET shown_version = 0 WHERE checkout_id = :id RETURNING 1"
    for viewer, found in ((None, 0), (new_id(), 0), (buy.shop.merchant_id, 0), (buy.agent_id, 1)):
        async with api.session(viewer=viewer) as session:
            assert len((await session.execute(text(shown), {"id": buy.checkout_id})).all()) == found
    with pytest.raises(IntegrityError, match="checkouts_shown_is_quoted"):
        async with api.session(viewer=buy.agent_id) as session:
            await session.execute(text(shown.replace("= 0", "= 9", 1)), {"id": buy.checkout_id})
