"""What platforms may not do, do twice or do at once, over HTTP: every refusal in the protocol's own words."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.checkout.ucp_shop import PAYS, SECRET, Caller, paying, read, sent_home, total_of, word_of
from tests.e2e.people import Shop, eventually
from tests.shopping_platform import ShoppingPlatform


def test_completing_without_a_choice_of_delivery_is_refused(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        session = call.open(ucp_shop.listing_id)
        refused = call.complete(session["id"], no="checkout_fulfillment_missing")
        assert "Fulfillment address and option must be selected" in refused["messages"][0]["content"]
        # Without a payment it is settled between the parties, as on the market.
        ready = call.ready(ucp_shop.listing_id)
        assert call.complete(ready["id"], {})["status"] == "completed"


def test_goods_are_sent_to_whole_addresses_in_countries_there_are(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        for country in ("HKG", "Hong Kong", "UK"):
            session = call.ready(ucp_shop.listing_id, fulfillment=sent_home("std", country))
            told = [message for message in session["messages"] if message["code"] == "address_invalid"]
            assert [message["path"] for message in told] == ["$.fulfillment.methods[0].destinations[0].address_country"]
            assert "ISO 3166-1 alpha-2" in told[0]["content"]
            assert (session["status"], total_of(session, "fulfillment")) == ("incomplete", None)
            call.complete(session["id"], no="checkout_fulfillment_missing")
        bare = {"type": "shipping", "destinations": [{"id": "d", "address_country": "us"}]}
        way = {"methods": [{**bare, "selected_destination_id": "d", "groups": [{"selected_option_id": "std"}]}]}
        session = call.ready(ucp_shop.listing_id, fulfillment=way)
        assert session["fulfillment"]["methods"][0]["destinations"][0]["address_country"] == "US"
        paths = [message["path"] for message in session["messages"] if message["code"] == "address_invalid"]
        missing = {path.rsplit(".", 1)[1] for path in paths}
        assert missing == {"street_address", "address_locality", "address_region", "postal_code", "full_name"}
        call.complete(session["id"], no="checkout_fulfillment_missing")
        path = f"/checkout-sessions/{session['id']}"
        whole = call("PUT", path, {"line_items": [], "fulfillment": sent_home("std", "us")})
        assert (whole["status"], total_of(whole, "fulfillment")) == ("ready_for_complete", 500)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", None, 10**12, True])
def test_quantities_are_whole_and_positive(ucp_url: str, ucp_shop: Shop, quantity: Any) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        lines = [{"item": {"id": ucp_shop.listing_id}, "quantity": quantity}]
        refused = platform.call("POST", "/checkout-sessions", {"line_items": lines})
        assert refused.status_code == 422
        assert read(refused)["messages"][0]["path"] == "$.line_items[0].quantity"


def test_what_is_not_there_or_sold_out_is_told(ucp_url: str, ucp_shop: Shop) -> None:
    empty = Shop.open(ucp_url, inventory_on_hand=0)
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        for path in ("/checkout-sessions", "/carts"):
            lines = [{"item": {"id": empty.listing_id}, "quantity": 1}]
            refused = call("POST", path, {"line_items": lines}, no="out_of_stock")
            assert "stock" in str(refused["messages"]).lower()
            for unknown in ("non_existent_item", str(uuid4())):
                lines = [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}, {"item": {"id": unknown}, "quantity": 1}]
                refused = call("POST", path, {"line_items": lines}, no="not_found")
                assert refused["messages"][0] | {"severity": ""} == {
                    "type": "error", "code": "not_found", "content": "Not found: there is no such item.",
                    "severity": "", "path": "$.line_items[1].item.id",
                }  # fmt: skip
        session = call.open(ucp_shop.listing_id)
        lines = [{"id": session["line_items"][0]["id"], "item": {"id": ucp_shop.listing_id}, "quantity": 10_001}]
        refused = call("PUT", f"/checkout-sessions/{session['id']}", {"line_items": lines}, no="out_of_stock")
        assert refused["messages"][0]["severity"] == "recoverable"
        # Nothing of the refused change was taken over.
        assert call("GET", f"/checkout-sessions/{session['id']}")["line_items"][0]["quantity"] == 1


def test_a_session_that_is_over_takes_nothing_more(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        canceled, completed = call.ready(ucp_shop.listing_id), call.ready(ucp_shop.listing_id)
        assert call("POST", f"/checkout-sessions/{canceled['id']}/cancel")["status"] == "canceled"
        call.complete(completed["id"])
        for over in (canceled, completed):
            lines = [{"item": {"id": ucp_shop.listing_id}, "quantity": 2}]
            call("PUT", f"/checkout-sessions/{over['id']}", {"line_items": lines}, no="checkout_over")
            call.complete(over["id"], no="checkout_over")
            call("POST", f"/checkout-sessions/{over['id']}/cancel", no="checkout_over")


def test_repeating_and_reusing_a_key(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url) as platform:
        call = Caller(platform)
        body = {"line_items": [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}], "fulfillment": sent_home("std")}
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
            call.complete(session, no="checkout_over", key=key)


def test_two_completions_at_once_make_one_order(ucp_url: str) -> None:
    shop = Shop.open(ucp_url, inventory_on_hand=5)
    with ShoppingPlatform(ucp_url) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        with ThreadPoolExecutor(4) as pool:
            path = f"/checkout-sessions/{session['id']}/complete"
            answers = list(pool.map(lambda _: platform.call("POST", path, PAYS), range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert sorted(answer.json()["ucp"]["status"] for answer in answers) == ["error"] * 3 + ["success"]
        assert platform.http.get(f"/v1/listings/{shop.listing_id}").json()["inventory_on_hand"] == 4


def test_two_first_contacts_at_once_are_one_platform(ucp_url: str) -> None:
    shop = Shop.open(ucp_url)
    with ShoppingPlatform(ucp_url) as platform:
        lines = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: platform.call("POST", "/carts", lines), range(6)))
        carts = [read(answer)["id"] for answer in answers]
        for cart in carts:
            assert platform.call("GET", f"/carts/{cart}").status_code == 200


def test_a_foreign_platform_sees_and_touches_nothing(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url) as owner, ShoppingPlatform(ucp_url) as stranger:
        call, foreign = Caller(owner), Caller(stranger)
        session = call.ready(ucp_shop.listing_id)
        cart = call(
            "POST", "/carts", {"line_items": [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}]}, status=201
        )
        order = call.complete(session["id"])["order"]["id"]
        mine, basket = f"/checkout-sessions/{session['id']}", f"/carts/{cart['id']}"
        for method, path in (
            ("GET", mine), ("PUT", mine), ("POST", f"{mine}/complete"), ("POST", f"{mine}/cancel"),
            ("GET", basket), ("POST", f"{basket}/cancel"), ("GET", f"/orders/{order}"),
        ):  # fmt: skip
            refused = foreign(method, path, {} if method != "GET" else None, no="not_found")
            assert refused["messages"][0]["severity"] == "unrecoverable"
        lines = [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}]
        foreign("PUT", f"/carts/{cart['id']}", {"line_items": lines}, no="not_found")
        foreign("POST", "/checkout-sessions", {"cart_id": cart["id"], "line_items": []}, no="not_found")
        # Nor does the seller read it in the platform's place, nor who claims to be the platform.
        forged = stranger.call("GET", f"/orders/{order}", headers={"UCP-Agent": owner.agent})
        assert (forged.status_code, forged.json()["code"]) == (401, "signature_invalid")
        unsigned = owner.call("GET", f"/orders/{order}", unsigned=True)
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature_missing")


def test_versions_and_profiles(ucp_url: str, ucp_shop: Shop) -> None:
    body = {"line_items": [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}]}
    with ShoppingPlatform(ucp_url) as gone:
        nobody = gone.url
    with ShoppingPlatform(ucp_url, signed=False) as platform:
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
            (f'profile="{ucp_url}/healthz"', 422, "profile_malformed"),
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


def test_a_webhook_to_a_private_address_is_refused(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url) as platform:
        bad = platform.own_profile()
        bad["ucp"]["capabilities"]["dev.ucp.shopping.order"][0]["config"]["webhook_url"] = "http://10.0.0.8/steal"
        platform.profile = lambda: bad
        body = {"line_items": [{"item": {"id": ucp_shop.listing_id}, "quantity": 1}]}
        assert Caller(platform)("POST", "/carts", body, status=422)["code"] == "profile_malformed"


def test_simulated_shipping_needs_the_secret(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        order = call.complete(call.ready(ucp_shop.listing_id)["id"])["order"]["id"]
        path = f"/testing/simulate-shipping/{order}"
        call("POST", path, status=403)
        call("POST", path, headers={"Simulation-Secret": "wrong"}, status=403)
        call("POST", "/testing/simulate-shipping/no-such-order", headers=SECRET, no="not_found")
        shipped = call("POST", path, headers=SECRET)
        assert [event["type"] for event in shipped["fulfillment"]["events"]] == ["shipped"]
        seen = eventually(
            lambda: [one.document for one in platform.received],
            until=lambda all_: any(document["fulfillment"]["events"] for document in all_),
        )
        assert {document["id"] for document in seen} == {order}


@pytest.mark.parametrize(
    "body",
    [
        '{"line_items": [{"item": {"id": "a\\u0000"}, "quantity": 1}]}',
        '{"line_items": [{"item": {"id": "\\ud800"}, "quantity": 1}]}',
        '{LINES, "discounts": {"codes": ["\\u0000"]}}',
        '{LINES, "buyer": {"email": "\\u0000"}}',
        '{LINES, "fulfillment": {"methods": [{"line_item_ids": ["\\u0000"]}]}}',
        '{LINES, "fulfillment": {"methods": [{"destinations": [{"id": "\\u0000"}]}]}}',
        '{"line_items": {}}', "[]", "7", "null", '{"line_items": [{"item": "x", "quantity": 1}]}',
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_kept_are_refused(ucp_url: str, ucp_shop: Shop, body: str) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        headers = {"UCP-Agent": platform.agent, "Content-Type": "application/json"}
        lines = '"line_items": [{"item": {"id": "ITEM"}, "quantity": 1}]'
        raw = body.replace("LINES", lines).replace("ITEM", ucp_shop.listing_id)
        answer = platform.http.post("/checkout-sessions", content=raw, headers=headers)
        assert answer.status_code == 422, answer.text
        read(answer)


def test_credentials_that_are_no_json_are_refused(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        session = call.ready(ucp_shop.listing_id)
        headers = {"UCP-Agent": platform.agent, "Content-Type": "application/json"}
        for token, status in (('"\\ud800"', 422), ("NaN", 422), ("[" * 200 + "]" * 200, 422), ("7", 200)):
            instrument = '{"id": "c", "handler_id": "mock_payment_handler", "credential": {"token": T}}'
            raw = f'{{"payment": {{"instruments": [{instrument}]}}}}'
            path = f"/checkout-sessions/{session['id']}/complete"
            answer = platform.http.post(path, content=raw.replace("T}", f"{token}}}"), headers=headers)
            assert answer.status_code == status, (token[:10], answer.text)
            assert word_of(read(answer)) == ("payment_failed" if status == 200 else "request_invalid")
        broken = platform.http.post("/carts", content="{", headers=headers)
        assert (broken.status_code, read(broken)["code"]) == (400, "request_malformed")
