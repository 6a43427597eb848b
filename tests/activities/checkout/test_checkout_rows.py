"""Who sees a session, what the sweep finds, when personal data goes, and carts."""

from typing import cast

import pytest
from psycopg import ProgrammingError
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.platform.sweeping import Sweeper
from config.settings import Settings
from config.specs import workflow_specs
from db.checkout import carts
from db.checkout.housekeeping import delete_personal_data
from db.checkout.pricing import load_price_list
from db.checkout.sessions import list_overdue_checkouts
from db.checkout.tables import KnownAddress
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout.models import Buyer, FulfillmentChoice, ItemChoice, MethodChoice
from domain.checkout.processes import checkout_process
from domain.checkout.states import CheckoutStatus
from domain.market.states import DeliveryKind
from tests.activities.checkout.checkout_scene import Shopping, shipped_to, shopping
from tests.activities.market.scene import Scene, refused

PRIVATE = ("checkouts", "checkout_lines", "checkout_payments", "carts", "store_discounts")
SPECS = workflow_specs(Settings())
SOMEONE = Buyer(email="someone@example.com", first_name="Someone")


async def counts(api: Database, viewer) -> dict[str, int]:
    async with api.session(viewer=viewer) as session:
        return {table: await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in PRIVATE}


async def test_parties_see_theirs_and_only_theirs(scene: Scene, api: Database) -> None:
    buy = await shopping(scene)
    other = await shopping(scene)
    await buy.discount("SECRET", "percentage", 10)
    for each in (buy, other):
        await each.open(buyer=SOMEONE)
        async with scene.database.session() as session:
            items = (ItemChoice(listing_id=each.shop.listing_id),)
            await carts.insert_cart(session, new_id(), each.agent_id, items, None, (), each.policy)
    nothing = dict.fromkeys(PRIVATE, 0)
    mine = {"checkouts": 1, "checkout_lines": 1, "carts": 1}
    assert await counts(api, None) == await counts(api, new_id()) == nothing
    assert await counts(api, buy.agent_id) == await counts(api, other.agent_id) == nothing | mine
    # An open session is nothing to its store: who looks and does not buy stays unknown.
    assert await counts(api, buy.shop.merchant_id) == nothing | {"store_discounts": 1}
    await buy.complete()
    owner = {"checkouts": 1, "checkout_lines": 1, "checkout_payments": 1, "store_discounts": 1}
    assert await counts(api, buy.shop.merchant_id) == nothing | owner
    assert await counts(api, buy.agent_id) == nothing | mine | {"checkout_payments": 1}
    assert await counts(api, other.agent_id) == nothing | mine


async def test_a_discount_is_found_by_whoever_knows_its_code(scene: Scene, api: Database) -> None:
    buy = await shopping(scene)
    await buy.discount("SECRET", "percentage", 10)
    async with api.session(viewer=buy.agent_id) as session:
        for codes, found in ((["secret"], 1), (["S%"], 0), (["other"], 0)):
            assert len((await load_price_list(session, buy.shop.store_id, codes)).discounts) == found
        assert await session.scalar(text("SELECT count(*) FROM store_discounts")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM address_book",
        "UPDATE checkouts SET total_cents = 0",
        "DELETE FROM checkout_lines",
        "INSERT INTO simulation_items SELECT 'x', listing_id FROM listings",
    ],
)
async def test_what_only_processes_do_the_api_cannot(scene: Scene, api: Database, statement: str) -> None:
    buy = await shopping(scene)
    await buy.open()
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with api.session(viewer=buy.agent_id) as session:
            await session.execute(text(statement))


async def overdue(buy: Shopping) -> bool:
    async with buy.scene.database.session() as session:
        return buy.checkout_id in await list_overdue_checkouts(await Transaction.of(session), 10_000)


async def processes(buy: Shopping) -> tuple[bool, bool]:
    """Whether its process must run, and whether it may."""
    async with buy.scene.database.session() as session:
        must, may = await SPECS.list_expected(await Transaction.of(session))
    name = checkout_process(buy.checkout_id)
    return name in must, name in may


async def test_the_sweep_finds_what_stands_still(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    await buy.open(fulfillment=shipped_to("US", "standard"))
    assert (await overdue(buy), await processes(buy)) == (False, (True, True))
    past = "UPDATE checkouts SET expires_at = now() - interval '1 minute' WHERE checkout_id = %s"
    scene.as_owner(past, buy.checkout_id)
    assert await overdue(buy)
    await buy.settle()
    assert (await overdue(buy), await processes(buy)) == (False, (False, False))

    await buy.open(fulfillment=shipped_to("US", "standard"))
    begun = await buy.do.begin_completion(buy.start, buy.completion())
    assert not await overdue(buy)
    scene.as_owner(
        "UPDATE checkouts SET updated_at = now() - interval '2 minutes' WHERE checkout_id = %s", buy.checkout_id
    )
    assert await overdue(buy)
    await buy.advance(begun, None)
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    assert (await overdue(buy), await processes(buy)) == (False, (False, False))

    order = (await buy.read()).order.orders[0]
    purchase = scene.purchase(buy.shop, buy.agent_id)
    purchase.order_id = order.order_id
    purchase.start = purchase.start.model_copy(update={"order_id": order.order_id})
    await purchase.tell("cancel_order", buy.agent_id)
    assert (await overdue(buy), await processes(buy)) == (True, (False, True))
    await buy.settle()
    assert (await overdue(buy), await processes(buy)) == (False, (False, False))


class Engine:
    """As much of a client as telling processes needs."""

    def __init__(self, *running: str) -> None:
        self.running = set(running)
        self.told: list[tuple[str, str]] = []

    def get_workflow_handle(self, process_id: str) -> "Handle":
        return Handle(self, process_id)

    async def start_workflow(self, *_: object, id: str, **__: object) -> None:
        self.told.append(("started", id))


class Handle:
    def __init__(self, engine: Engine, process_id: str) -> None:
        self._engine, self._process_id = engine, process_id

    async def signal(self, *_: object, **__: object) -> None:
        if self._process_id not in self._engine.running:
            raise RPCError("it does not run", RPCStatusCode.NOT_FOUND, b"")
        self._engine.told.append(("signalled", self._process_id))


async def test_the_sweep_tells_sessions_of_commands_whose_answer_was_lost(scene: Scene) -> None:
    """One process runs, one is gone; a third's session is canceled, and a fourth's completion has its own grace."""
    shop = await scene.shop()
    runs, gone, over, completing = [await shopping(scene, shop) for _ in range(4)]
    for buy in (runs, gone, over, completing):
        await buy.open(fulfillment=shipped_to("US", "standard"))
    await over.cancel()
    completion = completing.completion()
    await completing.do.begin_completion(completing.start, completion)
    for buy, command_id in (
        *((buy, buy.checkout_id) for buy in (runs, gone, over)),
        (completing, completion.command_id),
    ):
        scene.as_owner(
            "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash, lease_until)"
            " VALUES (%s, %s, 'k', 'r', now() - interval '10 seconds')",
            command_id,
            buy.agent_id,
        )
    names = {checkout_process(buy.checkout_id): buy for buy in (runs, gone, over, completing)}
    engine = Engine(checkout_process(runs.checkout_id))
    sweep = Sweeper(scene.database, cast("Client", engine), SPECS)
    assert await sweep.tell_unanswered() >= 2
    mine = {(how, names[name]) for how, name in engine.told if name in names}
    assert mine == {("signalled", runs), ("started", gone)}
    engine.told.clear()
    await sweep.tell_unanswered()
    assert not [name for _, name in engine.told if name in names]


async def purge(scene: Scene) -> None:
    async with scene.database.session() as session:
        await delete_personal_data(await Transaction.of(session), 14)


async def test_personal_data_goes_some_days_after_the_order_closed(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    await buy.open(fulfillment=shipped_to("US", "standard"), buyer=SOMEONE)
    await buy.complete()
    scene.as_owner(
        "UPDATE checkouts SET closed_at = now() - interval '15 days' WHERE checkout_id = %s", buy.checkout_id
    )
    await purge(scene)
    # Its order is still on the way: somebody has to know whereto.
    assert (await buy.read()).buyer == SOMEONE
    order = (await buy.read()).order.orders[0].order_id
    for days, kept in ((13, True), (15, False)):
        scene.as_owner(f"UPDATE orders SET closed_at = now() - interval '{days} days' WHERE order_id = %s", order)
        await purge(scene)
        found = await buy.read()
        assert (found.buyer is not None, bool(found.fulfillment.methods)) == (kept, kept)
    assert found.order is not None
    rows = await scene.rows("SELECT * FROM checkouts WHERE checkout_id = :id", id=buy.checkout_id)
    assert "someone" not in str(rows).lower()
    assert "Bazaar Lane" not in str(rows)


async def test_no_event_holds_personal_data(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    await buy.open(fulfillment=shipped_to("US", "standard"), buyer=SOMEONE)
    await buy.complete()
    for table in ("activity_events", "inbox_events", "orders", "processed_commands", "interaction_evidence"):
        found = str(await scene.rows(f"SELECT to_jsonb(t) FROM {table} t")).lower()
        assert "someone@example.com" not in found
        assert "bazaar lane" not in found


async def test_known_addresses_are_put_in_by_mail_in_the_test_mode_only(scene: Scene) -> None:
    buy = await shopping(scene, await scene.shop(delivery=DeliveryKind.SHIPPED))
    mail = f"{buy.agent_id}@example.com"
    async with scene.database.session() as session:
        session.add(
            KnownAddress(
                address_id=str(buy.agent_id),
                email=mail,
                address={"address_country": "US"},
            )
        )
    choice = FulfillmentChoice(methods=(MethodChoice(id="m"),))
    for known, expected in ((True, [str(buy.agent_id)]), (False, [])):
        buy.do._known_addresses = known
        await buy.open(buyer=Buyer(email=mail.upper()), fulfillment=choice)
        assert [place.id for place in (await buy.read()).fulfillment.methods[0].destinations] == expected


async def test_a_cart_becomes_a_session_once(scene: Scene, api: Database) -> None:
    buy = await shopping(scene)
    await buy.discount("TEN", "percentage", 10)
    cart_id = new_id()
    two = (ItemChoice(listing_id=buy.shop.listing_id, quantity=2),)
    async with api.session(viewer=buy.agent_id) as session:
        cart = await carts.insert_cart(session, cart_id, buy.agent_id, two, SOMEONE, ("ten",), buy.policy)
        assert (cart.totals.total_cents, cart.checkout_id) == (2_700, None)
    # Its contents count, whatever else is sent along.
    nine = (ItemChoice(listing_id=buy.shop.listing_id, quantity=9),)
    await buy.open(items=nine, cart_id=cart_id)
    found = await buy.read()
    assert (found.totals.total_cents, found.buyer, found.cart_id) == (2_700, SOMEONE, cart_id)
    async with refused(errors.CART_CONVERTED):
        await buy.open(items=(), cart_id=cart_id)
    async with api.session(viewer=buy.agent_id) as session:
        assert (await carts.get_cart(session, cart_id)).checkout_id == found.checkout_id
        changed = await carts.replace_cart(session, cart_id, two[:1], None, (), buy.policy)
        assert (changed.totals.total_cents, changed.buyer) == (3_000, None)
    stranger = await shopping(scene, buy.shop)
    async with api.session(viewer=stranger.agent_id) as session, refused(errors.CART_NOT_FOUND):
        await carts.get_cart(session, cart_id)
    async with refused(errors.CART_NOT_FOUND):
        await stranger.open(items=(), cart_id=cart_id)
    async with api.session(viewer=buy.agent_id) as session:
        before = await carts.cancel_cart(session, cart_id)
        assert before.totals == changed.totals
    async with api.session(viewer=buy.agent_id) as session, refused(errors.CART_NOT_FOUND):
        await carts.cancel_cart(session, cart_id)


async def test_sessions_of_several_stores_are_refused(scene: Scene) -> None:
    buy, other = await shopping(scene), await shopping(scene)
    both = tuple(ItemChoice(listing_id=each.shop.listing_id) for each in (buy, other))
    async with refused(errors.ONE_STORE):
        await buy.open(items=both)
    async with refused(errors.ONE_STORE):
        await buy.open(items=both[1:])
    async with refused(errors.CURRENCY_MISMATCH):
        await buy.open(currency="EUR")
    await buy.open()
    async with refused(errors.ONE_STORE):
        await buy.update(items=both[1:])
    async with refused(errors.CHECKOUT_EMPTY):
        await buy.update(items=())


async def test_a_discounted_order_weighs_what_was_charged(scene: Scene) -> None:
    """A merchant's own platform with a code for everything: a review of a gift moves nothing."""
    buy = await shopping(scene)
    await buy.discount("GIFT", "percentage", 100)
    await buy.open(discount_codes=("gift",))
    assert (await buy.complete()).status is CheckoutStatus.COMPLETED
    purchase = scene.purchase(buy.shop, buy.agent_id)
    order_id = (await buy.read()).order.orders[0].order_id
    purchase.order_id = order_id
    purchase.window = purchase.window.model_copy(update={"order_id": order_id})
    await purchase.review(rating=5)
    query = "SELECT inputs -> 'weight_cents' FROM trust_facts WHERE linked_order_id = :id"
    assert await scene.value(query, id=order_id) == 0
