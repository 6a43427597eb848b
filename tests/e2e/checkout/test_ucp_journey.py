"""As a shopping platform would: discover, look around, fill a cart, check out, and be told of the order."""

from uuid import uuid4

from ucp_sdk.models.schemas.shopping.order import Order

from tests.e2e.checkout.ucp_shop import PAYS, Caller, paying, sent_home, total_of
from tests.e2e.people import Agent, Shop, eventually
from tests.shopping_platform import ShoppingPlatform


def test_the_whole_journey_with_signatures(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, refuse_first=1) as platform:
        call = Caller(platform)
        told = platform.http.get("/.well-known/ucp").json()
        assert told["ucp"]["services"]["dev.ucp.shopping"][0]["endpoint"] == ucp_url
        assert "mock_payment_handler" in str(told["ucp"]["payment_handlers"])

        found = call("POST", "/catalog/search", {"query": "brass lamp", "pagination": {"limit": 50}})
        product = next(one for one in found["products"] if one["id"] == ucp_shop.product_id)
        item = product["variants"][0]["id"]
        assert item == ucp_shop.listing_id
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
        ucp_shop.owner.post(f"/v1/orders/{market_order}/deliver")
        shipped = eventually(lambda: list(platform.received), until=lambda seen: len(seen) >= 3)[2]
        Order.model_validate(shipped.document)
        assert [event["type"] for event in shipped.document["fulfillment"]["events"]] == ["shipped"]
        assert shipped.headers["webhook-id"] != placed[0].headers["webhook-id"]
        for one in platform.received:
            platform.check_webhook(one)
        assert call("GET", f"/orders/{done['order']['id']}")["line_items"][0]["status"] == "fulfilled"


def test_payment_failures_and_what_the_buyer_must_do(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url) as platform:
        call = Caller(platform)
        session = call.ready(ucp_shop.listing_id)
        declined = call.complete(session["id"], paying("fail_token"), no="payment_failed")
        assert declined["messages"][0]["severity"] == "recoverable"
        call.complete(session["id"], paying("fraud_token"), no="payment_failed")
        asked = call.complete(
            session["id"], paying("success_token", risk_signals={"simulation_trigger": "escalation_required"})
        )
        assert (asked["status"], asked["messages"][0]["severity"]) == ("requires_escalation", "requires_buyer_input")
        assert asked["continue_url"].startswith(ucp_url)
        call.complete(
            session["id"],
            {"payment": {"instruments": [{"id": "x", "handler_id": "none"}]}},
            no="checkout_payment_handler_unknown",
        )
        assert call.complete(session["id"])["status"] == "completed"
        assert platform.http.get(f"{ucp_url}/v1/listings/{ucp_shop.listing_id}").json()["inventory_on_hand"] < 200


def test_codes_add_up_and_unknown_ones_are_ignored(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        session = call.open(ucp_shop.listing_id)
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


def test_an_accepted_offer_is_bought_at_its_price_and_at_no_other(ucp_url: str, ucp_shop: Shop) -> None:
    buyer = Agent.register(ucp_url, "CUSTOMER")
    offer = ucp_shop.deal(buyer, 2_800, quantity=2)
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call, key = Caller(platform), {"Authorization": f"Bearer {buyer.key}"}
        lines = [{"item": {"id": offer["offer_id"], "price": 1}, "quantity": 2}]
        # It is an item for its buyer only.
        call("POST", "/checkout-sessions", {"line_items": lines}, no="not_found")
        call(
            "POST",
            "/checkout-sessions",
            {"line_items": [{**lines[0], "quantity": 1}]},
            headers=key,
            no="checkout_items_fixed",
        )
        body = {"line_items": lines, "totals": [{"type": "total", "amount": 1}], "fulfillment": sent_home("std")}
        session = call("POST", "/checkout-sessions", body, headers=key, status=201)
        assert (total_of(session, "subtotal"), total_of(session)) == (5_600, 6_100)
        assert session["line_items"][0]["item"]["id"] == offer["offer_id"]
        call("POST", "/checkout-sessions", body, headers=key, no="checkout_offer_has_session")

        address = f"/checkout-sessions/{session['id']}"
        kept = call("PUT", address, {"line_items": lines, "discounts": {"codes": ["10OFF"]}}, headers=key)
        assert total_of(kept, "subtotal") == 5_600
        for changed in (
            [{**lines[0], "quantity": 3}],
            [{"item": {"id": ucp_shop.listing_id}, "quantity": 2}],
            [*lines, {"item": {"id": ucp_shop.listing_id}, "quantity": 1}],
        ):
            call("PUT", address, {"line_items": changed}, headers=key, no="checkout_items_fixed")
        # What the seller asks from others now is nothing to this session.
        ucp_shop.owner.ok(
            "PATCH", f"/v1/listings/{ucp_shop.listing_id}/price", {"price_cents": 3_600, "reason": "a test"}
        )
        try:
            done = call("POST", f"{address}/complete", PAYS, headers=key)
        finally:
            ucp_shop.owner.ok(
                "PATCH", f"/v1/listings/{ucp_shop.listing_id}/price", {"price_cents": 3_500, "reason": "a test"}
            )
        assert (done["status"], total_of(done, "subtotal")) == ("completed", 5_600)
        order = call("GET", f"/orders/{done['order']['id']}", headers=key)
        assert order["line_items"][0]["item"]["price"] == 2_800
        # The key's own agent has it, as it has every order.
        market_order = done["order"]["permalink_url"].rsplit("/", 1)[1]
        assert buyer.get(f"/v1/orders/{market_order}")["source_offer_id"] == offer["offer_id"]


def test_a_price_that_rose_is_told_before_it_is_charged(ucp_url: str) -> None:
    shop = Shop.open(ucp_url)
    with ShoppingPlatform(ucp_url) as platform:
        call = Caller(platform)
        session = call.open(shop.listing_id)
        shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 1_600, "reason": "a test"})
        for _ in range(3):
            # Asked again, also by other keys: what the platform has not read is not charged.
            refused = call.complete(session["id"], no="checkout_price_changed")
            assert "totals" not in refused
        assert total_of(call("GET", f"/checkout-sessions/{session['id']}")) == 1_600
        assert total_of(call.complete(session["id"])) == 1_600


def test_carts_are_replaced_priced_and_given_up(ucp_url: str, ucp_shop: Shop) -> None:
    with ShoppingPlatform(ucp_url, signed=False) as platform:
        call = Caller(platform)
        lines = [{"item": {"id": ucp_shop.listing_id}, "quantity": 3}]
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
        call("GET", address, no="not_found")


def test_the_catalog(ucp_url: str, ucp_shop: Shop) -> None:
    Shop.open(ucp_url)
    with ShoppingPlatform(ucp_url, signed=False) as platform:
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
        both = call("POST", "/catalog/lookup", {"ids": [ucp_shop.product_id, ucp_shop.listing_id, "nothing"]})
        (variant,) = both["products"][0]["variants"]
        assert {one["id"]: one["match"] for one in variant["inputs"]} == {
            ucp_shop.product_id: "featured",
            ucp_shop.listing_id: "exact",
        }
        assert both["messages"][0]["code"] == "not_found"
        call("POST", "/catalog/product", {"id": "nothing"}, no="not_found")


def test_only_negotiated_capabilities_are_served(ucp_url: str, ucp_shop: Shop) -> None:
    # The test mode lets every profile through; tests/api/checkout/test_ucp_platforms.py has what a profile may lack.
    with ShoppingPlatform(ucp_url, capabilities=("dev.ucp.shopping.order",)) as platform:
        call = Caller(platform)
        assert "dev.ucp.shopping.checkout" in call.open(ucp_shop.listing_id)["ucp"]["capabilities"]
