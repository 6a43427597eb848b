"""A session over the real processes: its orders live as the market's own, and a refund finds its way back."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client

from activities.checkout.telling import wake_checkout
from api.platform.processes import Processes
from config.settings import Settings
from config.specs import workflow_specs
from db.checkout.reads import get_checkout, list_lines
from db.checkout.sessions import note_shown
from db.platform.database import Database
from db.platform.ids import new_id
from domain.checkout.commands import CancelCheckout, CheckoutStart, CompleteCheckout, CreateCheckout
from domain.checkout.models import Checkout, Destination, FulfillmentChoice, GroupChoice, ItemChoice, MethodChoice
from domain.checkout.processes import checkout_process
from domain.checkout.states import CheckoutStatus
from domain.market.commands import CancelOrder, DeliverOrder
from domain.market.processes import order_process
from domain.market.states import DeliveryKind, OrderStatus
from souk.checks.doctor import ORPHANED, Ailment, diagnose, repair
from tests.builders import Shop, make_platform, make_shop
from tests.running import RunningSouk
from tests.workflows.waiting import has_ended, until

BY_POST = FulfillmentChoice(
    methods=(
        MethodChoice(
            destinations=(
                Destination(
                    id="home",
                    full_name="Amina Idris",
                    street_address="1 Bazaar Lane",
                    address_locality="Springfield",
                    address_region="IL",
                    postal_code="62704",
                    address_country="US",
                ),
            ),
            selected_destination_id="home",
            groups=(GroupChoice(selected_option_id="standard"),),
        ),
    )
)


class Platform:
    def __init__(self, processes: Processes, database: Database, api: Database) -> None:
        self.processes, self.database, self.api = processes, database, api

    async def arrive(self) -> Shop:
        async with self.database.session() as session:
            shop = await make_shop(session, delivery=DeliveryKind.SHIPPED, promised_delivery_seconds=3_600)
            self.agent_id = await make_platform(session)
        return shop

    async def open(self, shop: Shop) -> Checkout:
        self.checkout_id = new_id()
        # Two lines: two orders under one id.
        items = tuple(ItemChoice(listing_id=shop.listing_id, quantity=n) for n in (1, 2))
        command = CreateCheckout(command_id=self.checkout_id, agent_id=self.agent_id, items=items, fulfillment=BY_POST)
        await self.processes.send(command, store_id=shop.store_id)
        return await self.read()

    async def complete(self, shop: Shop) -> Checkout:
        command = CompleteCheckout(command_id=new_id(), checkout_id=self.checkout_id, agent_id=self.agent_id)
        await self.processes.send(command, store_id=shop.store_id)
        return await self.read()

    async def read(self) -> Checkout:
        """As the API reads and answers: under row-level security."""
        async with self.api.session(viewer=self.agent_id) as session:
            found = await get_checkout(session, self.checkout_id)
            assert found is not None
            await note_shown(session, found)
        return found


@pytest_asyncio.fixture
async def platform(
    souk: RunningSouk, settings: Settings, temporal_client: Client, worker_database: Database, api_database: Database
) -> AsyncIterator[Platform]:
    yield Platform(Processes(temporal_client, workflow_specs(settings), 20), worker_database, api_database)


async def test_from_session_to_orders_and_back(platform: Platform, settings: Settings, temporal_client: Client) -> None:
    shop = await platform.arrive()
    assert (await platform.open(shop)).status is CheckoutStatus.READY_FOR_COMPLETE
    done = await platform.complete(shop)
    assert (done.status, done.totals.total_cents) == (CheckoutStatus.COMPLETED, 4_500)
    assert done.order is not None
    assert [order.status for order in done.order.orders] == [OrderStatus.PLACED] * 2
    process = temporal_client.get_workflow_handle(checkout_process(platform.checkout_id))
    await until(lambda: has_ended(process))
    for order in done.order.orders:
        # Each order has its own process, and is told what to do as any other.
        assert not await has_ended(temporal_client.get_workflow_handle(order_process(order.order_id)))
    first, second = done.order.orders
    place = {"listing_id": shop.listing_id, "store_id": shop.store_id}
    await platform.processes.send(
        DeliverOrder(command_id=new_id(), order_id=first.order_id, by_agent_id=shop.merchant_id), **place
    )
    await platform.processes.send(
        CancelOrder(command_id=new_id(), order_id=second.order_id, by_agent_id=platform.agent_id), **place
    )
    start = CheckoutStart(
        checkout_id=platform.checkout_id, store_id=shop.store_id,
        policy=settings.checkout, market=settings.market,
    )  # fmt: skip
    await wake_checkout(temporal_client, start)
    await until(lambda: has_ended(process))
    async with platform.database.session() as session:
        refunded = [line.refunded_at is not None for line in await list_lines(session, platform.checkout_id)]
    assert refunded == [False, True]
    statuses = [order.status for order in (await platform.read()).order.orders]
    assert statuses == [OrderStatus.DELIVERED, OrderStatus.REFUNDED]


async def test_a_canceled_session_has_no_order(platform: Platform, temporal_client: Client) -> None:
    shop = await platform.arrive()
    await platform.open(shop)
    command = CancelCheckout(command_id=new_id(), checkout_id=platform.checkout_id, agent_id=platform.agent_id)
    await platform.processes.send(command, store_id=shop.store_id)
    found = await platform.read()
    assert (found.status, found.order) == (CheckoutStatus.CANCELED, None)
    await until(lambda: has_ended(temporal_client.get_workflow_handle(checkout_process(platform.checkout_id))))


async def test_a_lost_session_is_named_and_started_anew(
    platform: Platform, temporal_client: Client, settings: Settings
) -> None:
    shop = await platform.arrive()
    await platform.open(shop)
    name = checkout_process(platform.checkout_id)
    handle = temporal_client.get_workflow_handle(name)
    await handle.terminate("lost")

    specs = workflow_specs(settings)
    found: dict[str, Ailment] = {}

    async def named() -> bool:
        # Visibility lags behind; others' processes are not looked at.
        found.update({a.process_id: a for a in await diagnose(platform.database, temporal_client, specs)})
        return name in found

    await until(named)
    assert (found[name].kind, found[name].safe) == (ORPHANED, True)
    assert await repair(platform.database, temporal_client, specs, [found[name]]) == 1
    assert not await has_ended(temporal_client.get_workflow_handle(name))
    assert (await platform.complete(shop)).status is CheckoutStatus.COMPLETED
