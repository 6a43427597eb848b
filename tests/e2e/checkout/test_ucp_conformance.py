"""The flows of the protocol's public conformance tests, in words of our own, against the test-only mode's shop.

Bodies carry what those tests send beside what counts: ids, prices and totals of a platform's own, handlers it
knows, lines it names before they exist. None of it may do harm or good.
"""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from souk.simulation.commands import load_into
from souk.simulation.files import read_shop
from tests.e2e.checkout.ucp_shop import PAYS, SECRET, Caller, paying, total_of, word_of
from tests.e2e.people import eventually
from tests.running import RunningSouk
from tests.shopping_platform import ShoppingPlatform

FILES = Path(__file__).parents[2] / "data" / "made_up_shop"
LAMP, POT, RUG = "brass_lamp", "clay_pot", "sold_out_rug"
AMINA = {"fullName": "Amina Idris", "email": "amina@example.com"}
NEW = {"id": "dest_new", "address_country": "CA", "postal_code": "M5V 2H1", "street_address": "Webhook St"}


@pytest.fixture(scope="module")
def souk(shopping_souk: RunningSouk) -> RunningSouk:
    asyncio.run(load_into(shopping_souk.settings.database_url, read_shop(FILES)))
    return shopping_souk


@pytest.fixture
def platform(souk: RunningSouk) -> Any:
    with ShoppingPlatform(
        souk.url, signed=False, capabilities=("dev.ucp.shopping.order",), version="2026-01-11"
    ) as made:
        yield made


@pytest.fixture
def call(platform: ShoppingPlatform) -> Caller:
    return Caller(platform)


def wanted(item: str = LAMP, quantity: int = 1, **more: Any) -> dict[str, Any]:
    line = {"id": "line_item_123", "item": {"id": item, "title": "Wrong title", "price": 1}, "quantity": quantity}
    return {
        "id": str(uuid4()), "currency": "USD", "status": "incomplete", "ucp": {"version": "2026-04-08"},
        "totals": [], "links": [], "line_items": [{**line, "totals": []}],
        "payment": {"instruments": [], "handlers": [{"id": "google_pay", "name": "google.pay"}]}, **more,
    }  # fmt: skip


def method(**more: Any) -> dict[str, Any]:
    return {"methods": [{"id": "method_1", "type": "shipping", "line_item_ids": ["item_123"], **more}]}


def to(country: str, **more: Any) -> dict[str, Any]:
    place = {"id": "dest_1", "type": "shipping_address", "address_country": country, "postal_code": "94105"}
    return method(destinations=[place], selected_destination_id="dest_1", **more)


def opened(call: Caller, **more: Any) -> Any:
    return call("POST", "/checkout-sessions", wanted(**more), status=201)


def put(call: Caller, session: Any, **more: Any) -> Any:
    """As the suite updates: everything it was told, sent back, with changes."""
    lines = [
        {"id": line["id"], "item": {"id": line["item"]["id"]}, "quantity": line["quantity"]}
        for line in session["line_items"]
    ]
    told = {"id": session["id"], "currency": "USD", "line_items": lines, "payment": session["payment"]}
    return call("PUT", f"/checkout-sessions/{session['id']}", {**told, **more})


def first_method(session: Any) -> Any:
    return session["fulfillment"]["methods"][0]


def options(session: Any) -> Any:
    return first_method(session)["groups"][0]["options"]


def chosen(option: str) -> list[dict[str, Any]]:
    return [{"id": "group_1", "line_item_ids": ["item_123"], "selected_option_id": option}]


def test_prices_are_the_shops_own_whatever_is_sent(call: Caller) -> None:
    session = opened(call)
    (line,) = session["line_items"]
    assert (line["item"]["id"], line["item"]["title"], line["item"]["price"]) == (LAMP, "Brass lamp", 3_500)
    assert [entry["amount"] for entry in line["totals"]] == [3_500, 3_500]
    two = put(call, session, line_items=[{"id": line["id"], "item": {"id": LAMP}, "quantity": 2}])
    assert total_of(two) == 7_000


def test_delivery_depends_on_the_country(call: Caller) -> None:
    session = opened(call)
    offered = {
        country: {option["id"] for option in options(put(call, session, fulfillment=to(country)))}
        for country in ("US", "CA")
    }
    assert offered == {"US": {"std-ship", "exp-ship-us"}, "CA": {"std-ship", "exp-ship-intl"}}
    titles = [option["title"] for option in options(put(call, session, fulfillment=to("US")))]
    assert len(set(titles)) == len(titles)
    chosen_one = put(call, session, fulfillment=to("US", groups=chosen("exp-ship-us")))
    assert total_of(chosen_one) == 3_500 + 1_500


def test_one_group_carries_all_lines_of_a_method(call: Caller) -> None:
    lines = [{"id": key, "item": {"id": LAMP, "price": 5}, "quantity": 1} for key in ("li_1", "li_2")]
    session = call(
        "POST",
        "/checkout-sessions",
        wanted() | {"line_items": lines, "fulfillment": to("US", line_item_ids=["li_1", "li_2"])},
        status=201,
    )
    found = first_method(session)
    assert len(found["groups"]) == 1
    assert set(found["groups"][0]["line_item_ids"]) == set(found["line_item_ids"]) == {"li_1", "li_2"}


@pytest.mark.parametrize(("item", "quantity"), [(LAMP, 3), (POT, 1)])
def test_delivery_is_free_from_a_sum_on_and_for_some_goods(call: Caller, item: str, quantity: int) -> None:
    found = options(put(call, opened(call, item=item, quantity=quantity), fulfillment=to("US")))
    free = [option for option in found if option["totals"][0]["amount"] == 0]
    assert free
    assert all("Free" in option["title"] for option in free)


def test_addresses_of_known_customers(call: Caller) -> None:
    strangers = ({"email": f"{uuid4().hex}@example.com"}, {"email": "basil@example.com"})
    for buyer in strangers:
        assert not first_method(put(call, opened(call, buyer=buyer), fulfillment=method())).get("destinations")
    session = opened(call, buyer=AMINA)
    known = first_method(put(call, session, fulfillment=method()))["destinations"]
    assert [place["address_locality"] for place in known] == ["Springfield", "Metropolis"]
    second = put(call, session, fulfillment=method(selected_destination_id=known[1]["id"]))
    assert first_method(second)["selected_destination_id"] == known[1]["id"]
    # The same address again is the one that is known; a new one is taken as well.
    again = {name: value for name, value in known[0].items() if name != "id"} | {"id": ""}
    assert known[0]["id"] in [
        place["id"]
        for place in first_method(put(call, session, fulfillment=method(destinations=[again])))["destinations"]
    ]
    fresh = put(call, session, fulfillment=method(destinations=[NEW], selected_destination_id=NEW["id"]))
    assert first_method(fresh)["selected_destination_id"] == NEW["id"]
    assert options(fresh)


def test_an_order_says_what_was_promised_and_where_to(call: Caller, platform: ShoppingPlatform) -> None:
    session = opened(call, buyer=AMINA)
    way = {"destinations": [NEW], "selected_destination_id": NEW["id"]}
    title = options(put(call, session, fulfillment=method(**way)))[0]["title"]
    option = options(put(call, session, fulfillment=method(**way)))[0]["id"]
    put(call, session, fulfillment=method(**way, groups=chosen(option)))
    done = call.complete(session["id"])
    order = call("GET", f"/orders/{done['order']['id']}")
    assert order["checkout_id"] == session["id"]
    (expected,) = order["fulfillment"]["expectations"]
    assert expected["description"] == title
    told = eventually(lambda: list(platform.received), until=bool)[0]
    assert told.document == order
    destination = told.document["fulfillment"]["expectations"][0]["destination"]
    assert (destination["address_country"], destination["street_address"]) == ("CA", "Webhook St")
    assert told.headers["webhook-timestamp"].isdigit()
    call("POST", f"/testing/simulate-shipping/{order['id']}", headers=SECRET)
    shipped = eventually(lambda: list(platform.received), until=lambda seen: len(seen) > 1)[1]
    assert shipped.document["fulfillment"]["events"][0]["type"] == "shipped"
    platform.check_webhook(shipped)


def test_a_token_bound_to_the_session_pays(call: Caller) -> None:
    session = opened(call, fulfillment=to("US", groups=chosen("std-ship")))
    body = paying("success_token")
    credential = body["payment"]["instruments"][0]["credential"]
    credential["binding"] = {"checkout_id": session["id"], "identity": {"access_token": "user_access_token"}}
    assert call.complete(session["id"], body)["status"] == "completed"


def test_refusals_say_why(call: Caller) -> None:
    rug = call("POST", "/checkout-sessions", wanted(RUG), status=400)
    assert word_of(rug) == "out_of_stock"
    assert "Insufficient stock" in rug["messages"][0]["content"]
    assert rug["detail"] == rug["messages"][0]["content"]
    nothing = call("POST", "/checkout-sessions", wanted("no_such_thing"), status=400)
    assert "not found" in nothing["messages"][0]["content"].lower()
    session = opened(call)
    missing = call.complete(session["id"], PAYS, status=400)
    assert "Fulfillment address and option must be selected" in missing["messages"][0]["content"]
    ready = opened(call, fulfillment=to("US", groups=chosen("std-ship")))
    call.complete(ready["id"], paying("fail_token"), status=402)
    unknown = put(call, session, discounts={"codes": ["INVALID_CODE_123"]})
    assert total_of(unknown, "discount") is None


def test_consent_is_kept(call: Caller) -> None:
    consent = {"marketing": True, "analytics": False, "sale_of_data": False}
    session = opened(call, buyer={"first_name": "C", "email": "c@example.com", "consent": consent})
    assert call("GET", f"/checkout-sessions/{session['id']}")["buyer"]["consent"] == consent


def test_a_carts_codes_go_along(call: Caller) -> None:
    lines = [{"item": {"id": LAMP}, "quantity": 2}]
    cart = call("POST", "/carts", {"line_items": lines, "discounts": {"codes": ["10OFF"]}}, status=201)
    session = call("POST", "/checkout-sessions", {"cart_id": cart["id"], **wanted(POT, 9)}, status=201)
    assert [(line["item"]["id"], line["quantity"]) for line in session["line_items"]] == [(LAMP, 2)]
    assert total_of(session, "discount") == -700
