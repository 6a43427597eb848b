"""Nobody pays a list price it has not agreed to: over REST, by the client and by MCP."""

from uuid import uuid4

import pytest

from souk_client import ApiProblem
from tests.e2e.mcp_people import at_mcp
from tests.e2e.people import Agent, Shop

SEEN, RAISED = 2_400, 9_000_000


def raised_shop(url: str) -> tuple[Shop, Agent, dict[str, object]]:
    """A shop whose price was raised after its customer had seen it, and that customer's plain order."""
    shop, buyer = Shop.open(url, price_cents=SEEN), Agent.register(url, "CUSTOMER")
    shop.ask(buyer)
    plain = {"listing_id": shop.listing_id, "quantity": 2}
    buyer.post("/v1/orders", plain)
    shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": RAISED, "reason": "Guess."})
    return shop, buyer, plain


def test_an_order_at_a_price_that_was_raised_is_refused(souk_url: str) -> None:
    shop, buyer, plain = raised_shop(souk_url)
    for body, code in (
        (plain, "order.price_unseen"),
        ({**plain, "expected_unit_price_cents": SEEN}, "order.price_changed"),
        ({**plain, "expected_unit_price_cents": RAISED, "expected_currency": "EUR"}, "order.price_changed"),
    ):
        key = str(uuid4())
        refusal = buyer.call("POST", "/v1/orders", body, key=key)
        told = refusal.json()
        assert (refusal.status_code, told["code"]) == (409, code)
        assert (told["unit_price_cents"], told["currency"]) == (RAISED, "USD")
        assert told["next_actions"][1] == f"GET /v1/listings/{shop.listing_id}"
        for named in ("unit_price_cents", "POST /v1/orders", "expected_unit_price_cents", "a new Idempotency-Key"):
            assert named in told["next_actions"][0]
        # The key remembers the refusal: agreeing needs a new one.
        assert buyer.call("POST", "/v1/orders", body, key=key).json() == told
        agreed = {**plain, "expected_unit_price_cents": told["unit_price_cents"]}
        assert buyer.call("POST", "/v1/orders", agreed, key=key).json()["code"] == "idempotency.key_reused"
    assert [order["unit_price_cents"] for order in buyer.get("/v1/orders")["items"]] == [SEEN]
    agreed = {**plain, "expected_unit_price_cents": RAISED, "expected_currency": "USD"}
    assert buyer.post("/v1/orders", agreed)["total_price_cents"] == 2 * RAISED


def test_the_client_names_the_price_it_has_seen(souk_url: str) -> None:
    shop, buyer, _ = raised_shop(souk_url)
    with pytest.raises(ApiProblem) as refused:
        buyer.souk.buy(shop.listing_id, expected_unit_price_cents=SEEN)
    assert (refused.value.code, refused.value.members["unit_price_cents"]) == ("order.price_changed", RAISED)
    listing = buyer.souk.listing(shop.listing_id)
    order = buyer.souk.buy(
        shop.listing_id, expected_unit_price_cents=listing.price_cents, expected_currency=listing.currency
    )
    assert order.unit_price_cents == RAISED


def test_an_accepted_offer_has_its_own_price(souk_url: str) -> None:
    shop, buyer = Shop.open(souk_url, price_cents=SEEN), Agent.register(souk_url, "CUSTOMER")
    deal = shop.deal(buyer, 2_000)
    shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": RAISED, "reason": "Guess."})
    named = {"offer_id": deal["offer_id"], "expected_unit_price_cents": 2_000}
    assert buyer.refused("POST", "/v1/orders", named) == (422, "order.target_invalid")
    assert buyer.post("/v1/orders", {"offer_id": deal["offer_id"]})["unit_price_cents"] == 2_000


async def test_a_model_names_the_price_it_has_seen(souk_url: str) -> None:
    shop, buyer, _ = raised_shop(souk_url)
    async with at_mcp(souk_url, buyer) as model:
        for seen in ({}, {"expected_unit_price_cents": SEEN}):
            told = await model.refused("buy", listing_id=shop.listing_id, request_id=str(uuid4()), **seen)
            assert told["code"] in {"order.price_unseen", "order.price_changed"}
            assert told["unit_price_cents"] == RAISED
            assert "the tool buy with it as expected_unit_price_cents" in told["next_actions"][0]
            assert "a new request_id" in told["next_actions"][0]
        bought = await model.do(
            "buy", listing_id=shop.listing_id, expected_unit_price_cents=RAISED, request_id="agreed"
        )
        assert bought["unit_price_cents"] == RAISED
