"""As a shopping platform would: discover, look around, fill a cart, check out, and be told of the order."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from ucp_sdk.models.schemas.shopping.order import Order

from tests.e2e.people import Agent, Shop, eventually
from tests.e2e.ucp_shop import PAYS, Caller, paying, price_list, read, sent_home, total_of, word_of
from tests.running import RunningSouk
from tests.shopping_platform import ShoppingPlatform

SECRET = {"Simulation-Secret": "a secret of the simulation"}


@pytest.fixture(scope="module")
def shop(shopping_souk: RunningSouk) -> Shop:
    made = Shop.open(shopping_souk.url, delivery="SHIPPED", inventory_on_hand=200, price_cents=3_500)
    price_list(shopping_souk, made)
    return made


@pytest.fixture
def url(shopping_souk: RunningSouk) -> str:
    return shopping_souk.url


def test_the_whole_journey_with_signatures(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, refuse_first=1) as platform:
        call = Caller(platform)
        told = platform.http.get("/.well-known/ucp").json()
        assert told["ucp"]["services"]["dev.ucp.shopping"][0]["endpoint"] == url
        assert "mock_payment_handler" in str(told["ucp"]["payment_handlers"])

        found = call("POST", "/catalog/search", {"query": "brass lamp", "pagination": {"limit": 50}})
        product = next(one for one in found["products"] if one["id"] == shop.product_id)
        item = product["variants"][0]["id"]
        assert item == shop.listing_id
        detail = call("POST", "/catalog/product", {"id": item})["product"]
        assert detail["price_range"]["min"] == {"amount": 3_500, "currency": "USD"}

        cart = call(
            "POST",
            "/carts",
            {"line_items": [{"item": {"id": item}, "quantity": 2}], "discounts": {"codes": ["10off"]}},
            status=201,
        )
        assert total_of(cart) == 6_300
        session = call("POST", "/checkout-sessions", {"cart_id": cart["id"], "line_items": []}, status=201)
        assert (session["status"], total_of(session), total_of(session, "discount")) == ("incomplete", 6_300, -700)
        again = call("POST", "/checkout-sessions", {"cart_id": cart["id"], "line_items": []}, status=201)
        assert again["id"] == session["id"]

        address = f"/checkout-sessions/{session['id']}"
        buyer = {"first_name": "Ana", "email": f"{uuid4().hex}@example.com", "consent": {"marketing": False}}
        lines = [{"id": one["id"], "item": one["item"], "quantity": one["quantity"]} for one in session["line_items"]]
        offered = call("PUT", address, {"line_items": lines, "buyer": buyer, "fulfillment": sent_home()})
        (group,) = offered["fulfillment"]["methods"][0]["groups"]
        assert [option["id"] for option in group["options"]] == ["std", "exp-us"]
        chosen = call("PUT", address, {"line_items": lines, "fulfillment": sent_home("exp-us")})
        assert (chosen["status"], total_of(chosen, "fulfillment")) == ("ready_for_complete", 1_500)
        assert chosen["buyer"] == buyer
        assert total_of(chosen) == 6_300 + 1_500

        done = call.complete(session["id"])
        assert (done["status"], done["order"]["id"]) == ("completed", done["order"]["id"])
        assert platform.http.get(done["order"]["permalink_url"], headers={"Accept": "text/html"}).status_code == 200

        placed = eventually(lambda: list(platform.received), until=lambda seen: len(seen) >= 2)
        # The first try was refused: the same event came again, whole.
        assert [one.headers["webhook-id"] for one in placed[:2]] == [placed[0].headers["webhook-id"]] * 2
        assert placed[0].headers["webhook-timestamp"] == placed[1].headers["webhook-timestamp"]
        assert placed[0].body == placed[1].body
        order = call("GET", f"/orders/{done['order']['id']}")
        assert order == placed[1].document
        assert order["checkout_id"] == session["id"]
        assert order["line_items"][0]["status"] == "processing"
        (expected,) = order["fulfillment"]["expectations"]
        assert expected["destination"]["street_address"] == "1 Main St"

        market_order = done["order"]["permalink_url"].rsplit("/", 1)[1]
        shop.owner.post(f"/v1/orders/{market_order}/deliver")
        shipped = eventually(lambda: list(platform.received), until=lambda seen: len(seen) >= 3)[2]
        Order.model_validate(shipped.document)
        assert [event["type"] for event in shipped.document["fulfillment"]["events"]] == ["shipped"]
        assert shipped.headers["webhook-id"] != placed[0].headers["webhook-id"]
        for one in platform.received:
            platform.check_webhook(one)
        assert call("GET", f"/orders/{done['order']['id']}")["line_items"][0]["status"] == "fulfilled"


def test_payment_failures_and_what_the_buyer_must_do(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url) as platform:
        call = Caller(platform)
        session = call.ready(shop.listing_id)
        declined = call.complete(session["id"], paying("fail_token"), status=402)
        assert declined["messages"][0]["code"] == "payment_failed"
        call.complete(session["id"], paying("fraud_token"), status=403)
        asked = call.complete(
            session["id"], paying("success_token", risk_signals={"simulation_trigger": "escalation_required"})
        )
        assert (asked["status"], asked["messages"][0]["severity"]) == ("requires_escalation", "requires_buyer_input")
        assert asked["continue_url"].startswith(url)
        call.complete(session["id"], {"payment": {"instruments": [{"id": "x", "handler_id": "none"}]}}, status=400)
        assert call.complete(session["id"])["status"] == "completed"
        assert platform.http.get(f"{url}/v1/listings/{shop.listing_id}").json()["inventory_on_hand"] < 200


def test_completing_without_a_choice_of_delivery_is_400(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        refused = call.complete(session["id"], status=400)
        assert "Fulfillment address and option must be selected" in refused["messages"][0]["content"]
        # Without a payment it is settled between the parties, as on the market.
        ready = call.ready(shop.listing_id)
        assert call.complete(ready["id"], {})["status"] == "completed"


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", None, 10**12, True])
def test_quantities_are_whole_and_positive(url: str, shop: Shop, quantity: Any) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        lines = [{"item": {"id": shop.listing_id}, "quantity": quantity}]
        refused = platform.call("POST", "/checkout-sessions", {"line_items": lines})
        assert refused.status_code == 422
        assert read(refused)["messages"][0]["path"] == "$.line_items[0].quantity"


def test_what_is_not_there_or_sold_out_is_told(url: str, shop: Shop) -> None:
    empty = Shop.open(url, inventory_on_hand=0)
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        for path in ("/checkout-sessions", "/carts"):
            lines = [{"item": {"id": empty.listing_id}, "quantity": 1}]
            refused = call("POST", path, {"line_items": lines}, status=409)
            assert "stock" in str(refused["messages"]).lower()
            for unknown in ("non_existent_item", str(uuid4())):
                lines = [{"item": {"id": shop.listing_id}, "quantity": 1}, {"item": {"id": unknown}, "quantity": 1}]
                refused = call("POST", path, {"line_items": lines}, status=404)
                assert refused["messages"][0] | {"severity": ""} == {
                    "type": "error", "code": "not_found", "content": "Not found: there is no such item.",
                    "severity": "", "path": "$.line_items[1].item.id",
                }  # fmt: skip
        session = call.open(shop.listing_id)
        lines = [{"id": session["line_items"][0]["id"], "item": {"id": shop.listing_id}, "quantity": 10_001}]
        refused = call("PUT", f"/checkout-sessions/{session['id']}", {"line_items": lines}, status=409)
        assert refused["messages"][0]["code"] == "out_of_stock"
        # Nothing of the refused change was taken over.
        assert call("GET", f"/checkout-sessions/{session['id']}")["line_items"][0]["quantity"] == 1


def test_a_session_that_is_over_takes_nothing_more(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        canceled, completed = call.ready(shop.listing_id), call.ready(shop.listing_id)
        assert call("POST", f"/checkout-sessions/{canceled['id']}/cancel")["status"] == "canceled"
        call.complete(completed["id"])
        for over in (canceled, completed):
            lines = [{"item": {"id": shop.listing_id}, "quantity": 2}]
            call("PUT", f"/checkout-sessions/{over['id']}", {"line_items": lines}, status=409)
            call.complete(over["id"], status=409)
            call("POST", f"/checkout-sessions/{over['id']}/cancel", status=409)


def test_codes_add_up_and_unknown_ones_are_ignored(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        for codes, total in (
            (["10OFF"], 3_150), (["10OFF", "WELCOME20"], 2_520), (["10OFF", "NO_SUCH"], 3_150),
            (["FIXED500"], 3_000), (["NO_SUCH"], 3_500), ([], 3_500),
        ):  # fmt: skip
            changed = call(
                "PUT", f"/checkout-sessions/{session['id']}", {"line_items": [], "discounts": {"codes": codes}}
            )
            assert total_of(changed) == total, codes
            applied = [one["code"] for one in changed.get("discounts", {}).get("applied", [])]
            assert applied == [code for code in codes if code != "NO_SUCH"]
            assert (total_of(changed, "discount") is None) == (total == 3_500)


def test_repeating_and_reusing_a_key(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url) as platform:
        call = Caller(platform)
        body = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}], "fulfillment": sent_home("std")}
        key = str(uuid4())
        first, second = (platform.call("POST", "/checkout-sessions", body, key=key) for _ in range(2))
        assert (first.status_code, first.json()) == (second.status_code, second.json())
        assert first.status_code == 201
        session = first.json()["id"]
        call("POST", "/checkout-sessions", {**body, "discounts": {"codes": ["x"]}}, key=key, status=409)
        for method, path, told, other in (
            (
                "PUT",
                f"/checkout-sessions/{session}",
                {"line_items": [], "buyer": {"first_name": "A"}},
                {"line_items": []},
            ),
            ("POST", f"/checkout-sessions/{session}/complete", PAYS, paying("other_token")),
        ):
            key = str(uuid4())
            once = call(method, path, told, key=key)
            assert call(method, path, told, key=key) == once
            call(method, path, other, key=key, status=409)
        # Refusals are answers too.
        key = str(uuid4())
        for _ in range(2):
            call.complete(session, status=409, key=key)


def test_two_completions_at_once_make_one_order(url: str) -> None:
    shop = Shop.open(url, inventory_on_hand=5)
    with ShoppingPlatform(url) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        with ThreadPoolExecutor(4) as pool:
            path = f"/checkout-sessions/{session['id']}/complete"
            answers = list(pool.map(lambda _: platform.call("POST", path, PAYS), range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert platform.http.get(f"/v1/listings/{shop.listing_id}").json()["inventory_on_hand"] == 4


def test_two_first_contacts_at_once_are_one_platform(url: str) -> None:
    shop = Shop.open(url)
    with ShoppingPlatform(url) as platform:
        lines = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: platform.call("POST", "/carts", lines), range(6)))
        carts = [read(answer)["id"] for answer in answers]
        for cart in carts:
            assert platform.call("GET", f"/carts/{cart}").status_code == 200


def test_a_foreign_platform_sees_and_touches_nothing(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url) as owner, ShoppingPlatform(url) as stranger:
        call, foreign = Caller(owner), Caller(stranger)
        session = call.ready(shop.listing_id)
        cart = call("POST", "/carts", {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}, status=201)
        order = call.complete(session["id"])["order"]["id"]
        mine, basket = f"/checkout-sessions/{session['id']}", f"/carts/{cart['id']}"
        for method, path in (
            ("GET", mine), ("PUT", mine), ("POST", f"{mine}/complete"), ("POST", f"{mine}/cancel"),
            ("GET", basket), ("POST", f"{basket}/cancel"), ("GET", f"/orders/{order}"),
        ):  # fmt: skip
            refused = foreign(method, path, {} if method != "GET" else None, status=404)
            assert word_of(refused) == "not_found"
        lines = [{"item": {"id": shop.listing_id}, "quantity": 1}]
        foreign("PUT", f"/carts/{cart['id']}", {"line_items": lines}, status=404)
        foreign("POST", "/checkout-sessions", {"cart_id": cart["id"], "line_items": []}, status=404)
        # Nor does the seller read it in the platform's place, nor who claims to be the platform.
        forged = stranger.call("GET", f"/orders/{order}", headers={"UCP-Agent": owner.agent})
        assert (forged.status_code, forged.json()["code"]) == (401, "signature_invalid")
        unsigned = owner.call("GET", f"/orders/{order}", unsigned=True)
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature_missing")


def test_an_accepted_offer_is_bought_at_its_price_and_at_no_other(url: str, shop: Shop) -> None:
    buyer = Agent.register(url, "CUSTOMER")
    offer = shop.deal(buyer, 2_800, quantity=2)
    with ShoppingPlatform(url, signed=False) as platform:
        call, key = Caller(platform), {"Authorization": f"Bearer {buyer.key}"}
        lines = [{"item": {"id": offer["offer_id"], "price": 1}, "quantity": 2}]
        # It is an item for its buyer only.
        call("POST", "/checkout-sessions", {"line_items": lines}, status=404)
        call("POST", "/checkout-sessions", {"line_items": [{**lines[0], "quantity": 1}]}, headers=key, status=422)
        body = {"line_items": lines, "totals": [{"type": "total", "amount": 1}], "fulfillment": sent_home("std")}
        session = call("POST", "/checkout-sessions", body, headers=key, status=201)
        assert (total_of(session, "subtotal"), total_of(session)) == (5_600, 6_100)
        assert session["line_items"][0]["item"]["id"] == offer["offer_id"]
        call("POST", "/checkout-sessions", body, headers=key, status=409)

        address = f"/checkout-sessions/{session['id']}"
        kept = call("PUT", address, {"line_items": lines, "discounts": {"codes": ["10OFF"]}}, headers=key)
        assert total_of(kept, "subtotal") == 5_600
        for changed in (
            [{**lines[0], "quantity": 3}],
            [{"item": {"id": shop.listing_id}, "quantity": 2}],
            [*lines, {"item": {"id": shop.listing_id}, "quantity": 1}],
        ):
            call("PUT", address, {"line_items": changed}, headers=key, status=422)
        # What the seller asks from others now is nothing to this session.
        shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 3_600, "reason": "a test"})
        try:
            done = call("POST", f"{address}/complete", PAYS, headers=key)
        finally:
            shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 3_500, "reason": "a test"})
        assert (done["status"], total_of(done, "subtotal")) == ("completed", 5_600)
        order = call("GET", f"/orders/{done['order']['id']}", headers=key)
        assert order["line_items"][0]["item"]["price"] == 2_800
        # The key's own agent has it, as it has every order.
        market_order = done["order"]["permalink_url"].rsplit("/", 1)[1]
        assert buyer.get(f"/v1/orders/{market_order}")["source_offer_id"] == offer["offer_id"]


def test_a_price_that_rose_is_told_before_it_is_charged(url: str) -> None:
    shop = Shop.open(url)
    with ShoppingPlatform(url) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 1_600, "reason": "a test"})
        call.complete(session["id"], status=409)
        assert total_of(call("GET", f"/checkout-sessions/{session['id']}")) == 1_600
        assert total_of(call.complete(session["id"])) == 1_600


def test_versions_and_profiles(url: str, shop: Shop) -> None:
    body = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}
    with ShoppingPlatform(url) as gone:
        nobody = gone.url
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        for agent, status, code in (
            (f'{platform.agent}; version="2099-01-01"', 422, "version_unsupported"),
            ('profile="..."; version="2099-01-01"', 422, "version_unsupported"),
            ('profile="https://10.0.0.8/ucp.json"', 400, "invalid_profile_url"),
            ('profile="http://169.254.169.254/latest/meta-data/"', 400, "invalid_profile_url"),
            ('profile="file:///etc/passwd"', 400, "invalid_profile_url"),
            ("who knows", 400, "invalid_profile_url"),
            (f'profile="{nobody}/ucp.json"', 424, "profile_unreachable"),
            ('profile="http://127.0.0.1:22/ucp.json"', 400, "invalid_profile_url"),
            (f'profile="{url}/healthz"', 422, "profile_malformed"),
        ):
            refused = call("POST", "/checkout-sessions", body, headers={"UCP-Agent": agent}, status=status)
            assert refused["code"] == code, agent
        call(
            "POST",
            "/checkout-sessions",
            body,
            headers={"UCP-Agent": f'{platform.agent}; version="2026-04-08"'},
            status=201,
        )
        call(
            "POST", "/checkout-sessions", body, headers={"UCP-Agent": 'profile="..."; version="2026-04-08"'}, status=201
        )
        missing = platform.http.post("/checkout-sessions", json=body)
        assert (missing.status_code, missing.json()["code"]) == (400, "invalid_profile_url")


def test_a_webhook_to_a_private_address_is_refused(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url) as platform:
        bad = platform.own_profile()
        bad["ucp"]["capabilities"]["dev.ucp.shopping.order"][0]["config"]["webhook_url"] = "http://10.0.0.8/steal"
        platform.profile = lambda: bad
        body = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}
        assert Caller(platform)("POST", "/carts", body, status=422)["code"] == "profile_malformed"


def test_simulated_shipping_needs_the_secret(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        order = call.complete(call.ready(shop.listing_id)["id"])["order"]["id"]
        path = f"/testing/simulate-shipping/{order}"
        call("POST", path, status=403)
        call("POST", path, headers={"Simulation-Secret": "wrong"}, status=403)
        call("POST", "/testing/simulate-shipping/no-such-order", headers=SECRET, status=404)
        shipped = call("POST", path, headers=SECRET)
        assert [event["type"] for event in shipped["fulfillment"]["events"]] == ["shipped"]
        seen = eventually(
            lambda: [one.document for one in platform.received],
            until=lambda all_: any(document["fulfillment"]["events"] for document in all_),
        )
        assert {document["id"] for document in seen} == {order}


def test_carts_are_replaced_priced_and_given_up(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        lines = [{"item": {"id": shop.listing_id}, "quantity": 3}]
        cart = call("POST", "/carts", {"line_items": lines}, status=201)
        assert (cart["line_items"][0]["quantity"], total_of(cart)) == (3, 10_500)
        address = f"/carts/{cart['id']}"
        less = call("PUT", address, {"line_items": [{**lines[0], "quantity": 1}], "discounts": {"codes": ["FIXED500"]}})
        assert total_of(less) == 3_000
        assert call("GET", address) | {"expires_at": ""} == less | {"expires_at": ""}
        conflicting = {"cart_id": cart["id"], "line_items": [{**lines[0], "quantity": 9}]}
        session = call("POST", "/checkout-sessions", conflicting, status=201)
        assert (session["line_items"][0]["quantity"], total_of(session)) == (1, 3_000)
        gone = call("POST", f"{address}/cancel")
        assert gone["line_items"] == less["line_items"]
        call("GET", address, status=404)


def test_the_catalog(url: str, shop: Shop) -> None:
    with ShoppingPlatform(url, signed=False) as platform:
        call = Caller(platform)
        page = call("POST", "/catalog/search", {"pagination": {"limit": 1}})
        assert len(page["products"]) == 1
        assert page["pagination"]["has_next_page"]
        cursor = page["pagination"]["cursor"]
        after = call("POST", "/catalog/search", {"pagination": {"limit": 1, "cursor": cursor}})
        assert after["products"][0]["id"] != page["products"][0]["id"]
        call("POST", "/catalog/search", {"pagination": {"cursor": "nonsense"}}, status=422)
        cheap = call("POST", "/catalog/search", {"filters": {"price": {"max": 1}}})
        assert cheap["products"] == []
        assert call("POST", "/catalog/search", {"filters": {"categories": ["Lamps"]}})["products"] == []
        both = call("POST", "/catalog/lookup", {"ids": [shop.product_id, shop.listing_id, "nothing"]})
        (variant,) = both["products"][0]["variants"]
        assert {one["id"]: one["match"] for one in variant["inputs"]} == {
            shop.product_id: "featured",
            shop.listing_id: "exact",
        }
        assert both["messages"][0]["code"] == "not_found"
        call("POST", "/catalog/product", {"id": "nothing"}, status=404)


def test_only_negotiated_capabilities_are_served(url: str, shop: Shop) -> None:
    # The test mode lets every profile through; what a profile lacks otherwise is in tests/api/test_ucp_platforms.py.
    with ShoppingPlatform(url, capabilities=("dev.ucp.shopping.order",)) as platform:
        call = Caller(platform)
        assert "dev.ucp.shopping.checkout" in call.open(shop.listing_id)["ucp"]["capabilities"]
