"""A buyer that pays nothing against a store: it takes all stock, lets holds lapse, lets orders run past their promise.

Each attack as a stranger would run it, over HTTP, with dates of seconds; what the store keeps is the right value.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings
from domain.market.policy import DAY, MarketPolicy
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.databases import make_database
from tests.e2e.people import Agent, Shop, eventually
from tests.running import RunningSouk

LIMITS = {"per_address": "1000000/hour", "per_agent": "1000000/hour", "offers_per_agent": "1000000/hour"}
WEEK = int(7 * DAY)
POLICY = MarketPolicy(
    payment_window_seconds=6,
    payment_reminder_share=0.1,
    purchase_window_seconds=2,
    auto_answer_min_seconds=0.05,
    auto_answer_max_seconds=0.1,
    auto_answer_merchant_margin=0,
    auto_answer_pair_margin=0,
)


@pytest.fixture(scope="module")
def url(settings: Settings, postgres: EmbeddedPostgres) -> Iterator[str]:
    """A Souk of its own: dates of seconds must not meet the dates of other tests' Souks."""
    limits = LIMITS | {"registrations_per_address": "1000000/hour"}
    with EmbeddedTemporal(None) as temporal:
        own = {"database_url": make_database(postgres, "unpaid_attack"), "temporal_address": temporal.address}
        changed = settings.model_dump() | own | {"limits": limits, "market": POLICY.model_dump()}
        with RunningSouk(Settings.model_validate(changed)) as running:
            yield running.url


def stock(shop: Shop) -> int:
    left: int = shop.owner.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"]
    return left


def score(shop: Shop) -> Any:
    return shop.owner.get(f"/v1/stores/{shop.store_id}/trust")["claim_accuracy_score"]


def order_of(buyer: Agent, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = buyer.get(f"/v1/orders/{order_id}")
    return found


def ended(buyer: Agent, order_id: str) -> dict[str, Any]:
    return eventually(lambda: order_of(buyer, order_id), until=lambda order: order["status"] == "REFUNDED")


@pytest.mark.parametrize("delivery", ["SHIPPED", "INSTANT"])
def test_all_thousand_units_in_one_order_or_in_many(url: str, delivery: str) -> None:
    shop = Shop.open(url, inventory_on_hand=1_000, delivery=delivery)
    buyer = Agent.register(url, "CUSTOMER")
    shop.ask(buyer)
    body = {"listing_id": shop.listing_id, "expected_unit_price_cents": 1_500}
    answer = buyer.call("POST", "/v1/orders", body | {"quantity": 1_000})
    assert (answer.status_code, answer.json()["code"]) == (409, "order.unpaid_units")
    assert "At most 500 units" in answer.json()["detail"]
    while (answer := buyer.call("POST", "/v1/orders", body | {"quantity": 100})).status_code == 201:
        pass
    assert answer.json()["code"] == "order.unpaid_units"
    assert stock(shop) == 500


def test_one_order_holds_no_stock_for_a_week(url: str) -> None:
    shop = Shop.open(url, delivery="SHIPPED", promised_delivery_seconds=WEEK)
    buyer, honest = Agent.register(url, "CUSTOMER"), Agent.register(url, "CUSTOMER")
    held = shop.buy(buyer, 5)
    order = ended(buyer, held["order_id"])
    assert order["refund_reason"] == "NOT_PAID"
    assert stock(shop) == 10
    # What is committed can be read only when every older transaction of the cluster is over.
    events = eventually(
        lambda: [item["type"] for item in buyer.get("/v1/inbox?order=oldest")["items"]],
        until=lambda types: "ORDER_REFUNDED" in types,
    )
    assert events == ["ORDER_PLACED", "PAYMENT_DUE_SOON", "ORDER_REFUNDED"]
    # And the same stock again at once it does not hold.
    again = {"listing_id": shop.listing_id, "quantity": 1, "expected_unit_price_cents": 1_500}
    assert buyer.refused("POST", "/v1/orders", again) == (409, "order.unpaid_units")
    # The seller need not wait for it.
    kept = shop.buy(honest, 5)
    path = f"/v1/orders/{kept['order_id']}"
    declined = shop.owner.post(f"{path}/decline", {"reason": "I keep them for buyers who pay."})
    assert (declined["refund_reason"], declined["decline_reason"]) == (
        "DECLINED_BY_SELLER",
        "I keep them for buyers who pay.",
    )
    assert stock(shop) == 10
    assert score(shop) == 50


def test_ten_unpaid_orders_that_are_never_delivered_cost_nothing(url: str) -> None:
    shop = Shop.open(url, inventory_on_hand=100, delivery="SHIPPED", promised_delivery_seconds=WEEK)
    buyers = [Agent.register(url, "CUSTOMER") for _ in range(10)]
    orders = [shop.buy(buyer)["order_id"] for buyer in buyers]
    for buyer, order_id in zip(buyers, orders, strict=True):
        assert ended(buyer, order_id)["refund_reason"] == "NOT_PAID"
    assert stock(shop) == 100
    assert score(shop) == 50
    reasons = {event["reason"] for event in shop.owner.get(f"/v1/stores/{shop.store_id}/trust/events")["items"]}
    assert "OFFER_BROKEN" not in reasons


def test_forty_bids_that_a_threshold_accepts(url: str) -> None:
    """It holds half of the stock and no more, for the purchase window; and not the same again when that lapses."""
    shop = Shop.open(url, inventory_on_hand=40)
    shop.owner.ok("PUT", f"/v1/listings/{shop.listing_id}/limits", {"auto_accept_cents": 1_400})
    buyer = Agent.register(url, "CUSTOMER")
    whole = shop.offer(buyer, 1_450, quantity=40)
    # Its answer is due before this one's, whose buyer asks for less.
    modest = Agent.register(url, "CUSTOMER")
    part = shop.offer(modest, 1_450, quantity=20)
    lapsed = eventually(
        lambda: modest.get(f"/v1/offers/{part['offer_id']}"), until=lambda offer: offer["status"] == "EXPIRED"
    )
    assert (lapsed["accepted_at"] is not None, lapsed["close_reason"]) == (True, "NOT_PURCHASED")
    assert buyer.get(f"/v1/offers/{whole['offer_id']}")["status"] == "PROPOSED"
    assert stock(shop) == 40
    body = {"listing_id": shop.listing_id, "quantity": 1, "expected_unit_price_cents": 1_500}
    assert modest.refused("POST", "/v1/orders", body) == (409, "order.unpaid_units")


def test_a_buyer_lets_go_of_what_it_does_not_want(url: str) -> None:
    shop = Shop.open(url)
    buyer = Agent.register(url, "CUSTOMER")
    deal = shop.deal(buyer, 1_000, quantity=10)
    assert stock(shop) == 0
    released = buyer.post(f"/v1/offers/{deal['offer_id']}/withdraw")
    assert (released["status"], released["close_reason"]) == ("CANCELLED", "RELEASED_BY_BUYER")
    assert stock(shop) == 10
    assert score(shop) == 50


def test_a_blocked_buyer_is_out_and_learns_no_reason(url: str) -> None:
    shop = Shop.open(url, delivery="SHIPPED", promised_delivery_seconds=WEEK)
    buyer = Agent.register(url, "CUSTOMER")
    thread = shop.ask(buyer)
    offer, order = shop.offer(buyer, 900), shop.buy(buyer)
    blocks = f"/v1/stores/{shop.store_id}/blocks"
    reason = "secret-why-of-the-owner"
    shop.owner.ok("PUT", f"{blocks}/{buyer.agent_id}", {"reason": reason})
    assert [item["agent_id"] for item in shop.owner.get(blocks)["items"]] == [buyer.agent_id]
    body = {"listing_id": shop.listing_id, "quantity": 1, "expected_unit_price_cents": 1_500}
    for path, sent in (
        ("/v1/orders", body),
        ("/v1/offers", {"listing_id": shop.listing_id, "proposed_price_cents": 800}),
        ("/v1/threads", {"type": "GENERAL", "title": "Why?", "context_store_id": shop.store_id}),
        (f"/v1/threads/{thread['thread_id']}/messages", {"body": "Why may I not buy here any more?"}),
    ):
        assert buyer.refused("POST", path, sent) == (403, "store.blocked"), path
    ended(buyer, order["order_id"])
    gone = eventually(
        lambda: buyer.get(f"/v1/offers/{offer['offer_id']}"), until=lambda found: found["status"] == "CANCELLED"
    )
    assert gone["close_reason"] == "BUYER_BLOCKED"
    gating = buyer.call("GET", f"/v1/listings/{shop.listing_id}/gating")
    assert (gating.json()["satisfied"], gating.json()["blocked"]) == (False, True)
    for path in ("/v1/inbox", "/v1/orders", "/v1/offers", f"/v1/stores/{shop.store_id}"):
        assert reason not in buyer.call("GET", path).text
    assert buyer.refused("GET", blocks)[0] == 403
    assert shop.owner.call("DELETE", f"{blocks}/{buyer.agent_id}").status_code == 204
    shop.offer(buyer, 800)
