"""A merchant sets its price list and learns where to ship, over HTTP."""

from uuid import UUID

from temporalio.client import Client

from api.platform.processes import Processes
from config.settings import Settings
from config.specs import workflow_specs
from db.checkout.reads import get_checkout
from db.checkout.sessions import note_shown
from db.platform.database import Database
from db.platform.ids import new_id
from domain.checkout.commands import CompleteCheckout, CreateCheckout
from domain.checkout.models import Buyer, Destination, FulfillmentChoice, GroupChoice, ItemChoice, MethodChoice
from tests.builders import make_platform
from tests.e2e.people import Agent, Shop
from tests.running import RunningSouk

PRICES = {
    "discounts": [{"code": "TEN", "title": "Ten percent", "kind": "percentage", "value": 10, "position": 1}],
    "rates": [
        {"option_id": "std", "title": "Standard", "service_level": "standard", "country": None, "price_cents": 400}
    ],
    "promotions": [],
}


async def test_prices_are_set_and_an_order_finds_its_way(
    souk: RunningSouk, settings: Settings, temporal_client: Client, worker_database: Database
) -> None:
    shop = Shop.open(souk.url, delivery="SHIPPED", promised_delivery_seconds=3_600)
    address = f"/v1/stores/{shop.store_id}/price-list"
    for wrong in (
        {"discounts": [PRICES["discounts"][0] | {"value": 101}]},
        {"discounts": PRICES["discounts"] * 2},
        {"promotions": [{"title": "Never"}]},
    ):
        assert shop.owner.http.put(address, json=wrong).status_code == 422
    assert shop.owner.http.put(address, json=PRICES).json() == PRICES
    assert shop.owner.http.get(address).json() == PRICES
    everywhere = shop.owner.souk.delivery_countries(shop.store_id).countries
    assert len(everywhere) == 249
    assert next(one for one in everywhere if one.country == "DE").required == [
        "street_address", "address_locality", "postal_code",
    ]  # fmt: skip
    home_only = {"rates": [PRICES["rates"][0] | {"country": "HK"}]}
    assert shop.owner.http.put(address, json=home_only).status_code == 200
    assert [one.country for one in shop.owner.souk.delivery_countries(shop.store_id).countries] == ["HK"]
    for unknown in ("UK", "XK", "ZZ", "hk", "HKG"):
        unpriced = {"rates": [PRICES["rates"][0] | {"country": unknown}]}
        assert shop.owner.http.put(address, json=unpriced).status_code == 422
    assert shop.owner.http.put(address, json=PRICES).status_code == 200
    stranger = Agent.register(souk.url, "MERCHANT")
    assert stranger.http.get(address).status_code == 403
    foreign = {"promotions": [{"title": "Free", "listing_ids": [str(new_id())]}]}
    assert shop.owner.http.put(address, json=foreign).status_code == 404

    processes = Processes(temporal_client, workflow_specs(settings), 20)
    async with worker_database.session() as session:
        platform = await make_platform(session)
    home = Destination(
        id="home",
        full_name="Amina Idris",
        street_address="1 Bazaar Lane",
        address_locality="Springfield",
        address_region="IL",
        postal_code="62704",
        address_country="US",
    )
    way = MethodChoice(
        destinations=(home,), selected_destination_id="home", groups=(GroupChoice(selected_option_id="std"),)
    )
    checkout_id = new_id()
    await processes.send(
        CreateCheckout(
            command_id=checkout_id, agent_id=platform, items=(ItemChoice(listing_id=UUID(shop.listing_id)),),
            buyer=Buyer(email="amina@example.com"), fulfillment=FulfillmentChoice(methods=(way,)),
            discount_codes=("ten",),
        ),
        store_id=UUID(shop.store_id),
    )  # fmt: skip
    async with worker_database.session() as session:
        opened = await get_checkout(session, checkout_id)
        assert opened is not None
        await note_shown(session, opened)
    await processes.send(
        CompleteCheckout(command_id=new_id(), checkout_id=checkout_id, agent_id=platform),
        store_id=UUID(shop.store_id),
    )
    (order,) = shop.owner.http.get("/v1/orders").json()["items"]
    found = shop.owner.http.get(f"/v1/orders/{order['order_id']}/destination").json()
    assert (found["destination"]["street_address"], found["option"]) == ("1 Bazaar Lane", "Standard")
    assert found["buyer"]["email"] == "amina@example.com"
    assert stranger.http.get(f"/v1/orders/{order['order_id']}/destination").status_code == 404
