"""What bounds a checkout session: races for it and for stock, offers and their holds, gating, caps, repetitions."""

import asyncio

import pytest

from db.platform.ids import new_id
from domain.checkout import errors
from domain.checkout.commands import UpdateCheckout
from domain.checkout.models import Destination, FulfillmentChoice, GroupChoice, ItemChoice, MethodChoice
from domain.checkout.states import CheckoutStatus
from domain.market import errors as market
from domain.market.states import DeliveryKind
from tests.activities.checkout.checkout_scene import PAYS, shopping
from tests.activities.market.scene import Scene, code_of, refused


async def test_two_completions_race_and_one_is_carried_out(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    codes = await asyncio.gather(*(code_of(buy.do.begin_completion(buy.start, buy.completion())) for _ in range(4)))
    assert sorted(codes) == [errors.CHECKOUT_BUSY.code] * 3 + ["ok"]
    await buy.advance(await buy.do.settle_checkout(buy.start), None)
    # The process was lost and with it the credential: given up, and nothing was charged.
    assert [notice.code for notice in (await buy.read()).notices] == [errors.INTERRUPTED.code]
    assert buy.ledger.words() == ["void"]
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED


async def test_expiry_against_completion_has_one_winner(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    begun = await buy.do.begin_completion(buy.start, buy.completion())
    scene.as_owner("UPDATE checkouts SET expires_at = now() WHERE checkout_id = %s", buy.checkout_id)
    settled = await buy.do.settle_checkout(buy.start)
    assert settled.status is CheckoutStatus.COMPLETE_IN_PROGRESS
    assert (await buy.advance(begun, PAYS)).status is CheckoutStatus.COMPLETED


async def test_the_last_stock_has_one_buyer(scene: Scene) -> None:
    shop = await scene.shop(stock=1)
    both = [await shopping(scene, shop) for _ in range(2)]
    for buy in both:
        await buy.open()
    ended = await asyncio.gather(*(buy.complete() for buy in both))
    assert sorted(end.refused or "" for end in ended) == ["", market.LISTING_SOLD_OUT.code]


async def test_an_accepted_offer_is_sold_at_its_price_and_at_no_other(scene: Scene) -> None:
    shop = await scene.shop()
    buy = await shopping(scene, shop, platform=False)
    deal = await scene.accepted(shop, buy.agent_id, 1_100, 3)
    await buy.discount("ALL", "percentage", 100)
    await buy.open(items=(), offer_id=deal.standing, discount_codes=("ALL",))
    found = await buy.read()
    assert (found.totals.total_cents, found.discounts.applied) == (3_300, ())
    async with refused(errors.ITEMS_FIXED):
        await buy.update(items=(ItemChoice(listing_id=shop.listing_id, quantity=4),))
    assert await code_of(buy.open(items=(), offer_id=deal.standing)) == errors.OFFER_IN_CHECKOUT.code
    async with refused(errors.CHECKOUT_NOT_FOUND):
        await buy.update()
    stranger = await shopping(scene, shop)
    async with refused(market.OFFER_NOT_FOUND):
        await stranger.open(items=(), offer_id=deal.standing)
    buy.checkout_id = found.checkout_id
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    assert await buy.orders() == [("DELIVERED", 3_300, None)]
    assert await scene.value("SELECT release::text FROM stock_holds WHERE offer_id = :id", id=deal.standing) == "SPENT"


async def test_a_hold_bounds_its_session_and_is_spent_once(scene: Scene) -> None:
    shop = await scene.shop()
    buy = await shopping(scene, shop, platform=False, session_seconds=10 * 86_400)
    deal = await scene.accepted(shop, buy.agent_id)
    await buy.open(items=(), offer_id=deal.standing)
    purchase_by = await scene.value("SELECT purchase_by FROM offers WHERE offer_id = :id", id=deal.standing)
    assert (await buy.read()).expires_at == purchase_by
    begun = await buy.do.begin_completion(buy.start, buy.completion())
    await scene.bought(shop, buy.agent_id, offer_id=deal.standing)
    ended = await buy.advance(begun, PAYS)
    assert (ended.refused, buy.ledger.words()) == (market.OFFER_SPENT.code, ["authorize", "void"])


async def test_gating_a_platforms_session_is_its_interaction_once_it_pays(scene: Scene) -> None:
    count = "SELECT count(*) FROM interaction_evidence WHERE customer_id = :id AND type = 'CHECKOUT_SESSION'"
    buy = await shopping(scene)
    await buy.open()
    await buy.update()
    # Opened and left: nothing shows, nothing is proven.
    assert await scene.value(count, id=buy.agent_id) == 0
    assert await scene.value("SELECT count(*) FROM activity_events WHERE actor_agent_id = :id", id=buy.agent_id) == 0
    await buy.complete()
    row = (await scene.rows(count.replace("count(*)", "checkout_id, listing_id"), id=buy.agent_id))[0]
    assert tuple(row) == (buy.checkout_id, buy.shop.listing_id)
    # Whoever can speak for itself interacts as everybody does.
    plain = await shopping(scene, buy.shop, platform=False)
    await plain.open()
    async with refused(market.GATING_UNSATISFIED):
        await plain.complete()
    assert plain.ledger.asked == []


async def test_the_buyers_own_limits_apply(scene: Scene) -> None:
    buy = await shopping(scene, max_open_sessions=2)
    await scene.limit_buyer(buy.agent_id, spend_cap_cents=2_000, max_open_negotiations=1)
    await buy.open(2)
    async with refused(market.SPEND_CAP):
        await buy.complete()
    first = buy.checkout_id
    assert await code_of(buy.open()) == errors.TOO_MANY_OPEN.code
    buy.checkout_id = first
    await buy.update(items=(ItemChoice(listing_id=buy.shop.listing_id),))
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED


async def test_commands_twice_change_nothing(scene: Scene) -> None:
    buy = await shopping(scene)
    await buy.open()
    key = buy.checkout_id
    await buy.open(5, checkout_id=key)
    assert (await buy.read()).totals.total_cents == 1_500
    command = UpdateCheckout(
        command_id=new_id(),
        checkout_id=key,
        agent_id=buy.agent_id,
        items=(ItemChoice(listing_id=buy.shop.listing_id, quantity=2),),
    )
    await buy.do.update_checkout(buy.start, command)
    await buy.update(items=(ItemChoice(listing_id=buy.shop.listing_id, quantity=3),))
    await buy.do.update_checkout(buy.start, command)
    assert (await buy.read()).totals.total_cents == 4_500


@pytest.mark.parametrize("steps", range(4))
async def test_every_step_may_run_twice_and_a_lost_process_goes_on_or_back(scene: Scene, steps: int) -> None:
    """Killed after any number of steps: the session ends as one order and one charge, or as none."""
    buy = await shopping(scene, await scene.shop(stock=1))
    await buy.open()
    command = buy.completion()
    snapshot = await buy.do.begin_completion(buy.start, command)
    for _ in range(min(steps, 3)):
        before = snapshot
        snapshot = await buy.step(before, PAYS)
        again = await buy.step(before, PAYS)
        assert (again.status, again.payment) == (snapshot.status, snapshot.payment)
    # Whoever takes it up knows the projection alone.
    ended = await buy.settle()
    lost = steps == 0
    assert ended.status is (CheckoutStatus.READY_FOR_COMPLETE if lost else CheckoutStatus.COMPLETED)
    assert len(await buy.orders()) == (0 if lost else 1)
    assert len({key for word, key, _ in buy.ledger.asked if word == "capture"}) == (0 if lost else 1)


async def test_only_an_older_platform_of_the_test_mode_may_leave_an_address_bare(scene: Scene) -> None:
    bare = Destination(id="home", address_country="us")
    choice = FulfillmentChoice(
        methods=(MethodChoice(id="m", destinations=(bare,), selected_destination_id="home",
                              groups=(GroupChoice(selected_option_id="standard"),)),)
    )  # fmt: skip
    for whole, status in ((True, CheckoutStatus.INCOMPLETE), (False, CheckoutStatus.READY_FOR_COMPLETE)):
        buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED), whole_addresses=whole)
        assert (await buy.open(fulfillment=choice)).status is status
        found = (await buy.read()).fulfillment.methods[0]
        assert found.destinations[0].address_country == "US"
        assert bool(found.address_problems) is whole
    await buy.update(fulfillment=choice.model_copy(update={"methods": (choice.methods[0].model_copy(
        update={"destinations": (bare.model_copy(update={"address_country": "HKG"}),)}),)}))  # fmt: skip
    async with refused(errors.FULFILLMENT_MISSING):
        await buy.complete()
