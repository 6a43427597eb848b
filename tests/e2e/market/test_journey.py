"""A customer's whole way, and a merchant's, through the real API, worker, Temporal and Postgres."""

import csv
import io
from typing import Any
from uuid import uuid4

from souk_client import Souk
from tests.e2e.people import Agent, Shop, eventually


def numbers(document: Any) -> set[int]:
    """Every number in a JSON document. Ids and times hold any digits by chance."""
    if isinstance(document, dict | list):
        parts = document.values() if isinstance(document, dict) else document
        return set().union(*map(numbers, parts))
    return {document} if isinstance(document, int) else set()


def test_from_question_to_review(souk_url: str) -> None:
    shop = Shop.open(souk_url)
    buyer, stranger, observer = (
        Agent.register(souk_url, "CUSTOMER"),
        Agent.register(souk_url, "CUSTOMER"),
        Agent(souk_url),
    )

    status, code = buyer.refused("POST", "/v1/orders", {"listing_id": shop.listing_id})
    assert (status, code) == (422, "order.gating_unsatisfied")
    assert not buyer.get(f"/v1/listings/{shop.listing_id}/gating")["satisfied"]

    thread = shop.ask(buyer)
    shop.owner.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": "It does, twice over."})
    assert buyer.get(f"/v1/listings/{shop.listing_id}/gating")["satisfied"]

    first = shop.offer(buyer, 1_000, buyer_message="Ten?")
    assert (first["status"], first["round"], first["proposed_by"]) == ("PROPOSED", 1, "BUYER")
    counter = shop.owner.post(f"/v1/offers/{first['offer_id']}/counter", {"proposed_price_cents": 1_300})
    assert (counter["round"], counter["proposed_by"], counter["negotiation_id"]) == (2, "SELLER", first["offer_id"])
    superseded = buyer.get(f"/v1/offers/{first['offer_id']}")
    assert (superseded["status"], superseded["superseded_by"]) == ("CANCELLED", counter["offer_id"])

    for outsider in (stranger, observer):
        assert outsider.call("GET", f"/v1/offers/{counter['offer_id']}").status_code in (401, 404)
    assert stranger.refused("POST", f"/v1/offers/{counter['offer_id']}/accept") == (404, "offer.not_found")
    assert shop.owner.refused("POST", f"/v1/offers/{counter['offer_id']}/accept") == (409, "offer.not_your_turn")
    assert buyer.refused("POST", f"/v1/offers/{counter['offer_id']}/accept", {"round": 1}) == (
        409,
        "offer.round_mismatch",
    )

    accepted = buyer.post(f"/v1/offers/{counter['offer_id']}/accept", {"round": 2})
    assert accepted["status"] == "ACCEPTED"
    assert accepted["purchase_by"]
    assert observer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 9
    reference = buyer.post(
        "/v1/offer-references",
        {"offer_id": counter["offer_id"], "thread_id": thread["thread_id"], "public_note": "Offer accepted"},
    )

    order = buyer.post("/v1/orders", {"offer_id": counter["offer_id"]})
    assert (order["status"], order["unit_price_cents"], order["source_offer_id"]) == (
        "DELIVERED", 1_300, counter["offer_id"],
    )  # fmt: skip
    assert buyer.refused("POST", "/v1/orders", {"offer_id": counter["offer_id"]}) == (409, "order.offer_spent")
    assert stranger.refused("GET", f"/v1/orders/{order['order_id']}") == (404, "order.not_found")

    for party in (buyer, shop.owner):
        (row,) = csv.DictReader(io.StringIO(party.call("GET", "/v1/orders.csv").text, newline=""))
        assert (row["order_id"], row["total_price_cents"], row["refunded_at"]) == (order["order_id"], "1300", "")
    assert Souk(souk_url, stranger.key).export_orders().count("\n") == 1

    shop.owner.post(f"/v1/orders/{order['order_id']}/payment")
    review = buyer.post(
        "/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Burns all night.", "as_described": 5}
    )
    again = {"order_id": order["order_id"], "rating": 1, "body": "Changed my mind."}
    assert buyer.refused("POST", "/v1/reviews", again) == (409, "review.already_posted")
    thread_of_reviews = observer.get(f"/v1/listings/{shop.listing_id}/review-thread")
    assert [m["body"] for m in thread_of_reviews["messages"]] == ["Burns all night."]

    trust = eventually(
        lambda: observer.get(f"/v1/stores/{shop.store_id}/trust"), until=lambda t: t["overall_milli"] > 60_000
    )
    events = observer.get(f"/v1/stores/{shop.store_id}/trust/events?order=oldest")["items"]
    exported = csv.DictReader(io.StringIO(Souk(souk_url).export_trust_events(shop.store_id), newline=""))
    assert {row["trust_event_id"] for row in exported} >= {event["trust_event_id"] for event in events}
    assert {e["reason"] for e in events} == {
        "POLICY_UPDATED", "MERCHANT_REPLIED_IN_THREAD", "OFFER_HONORED", "REVIEW_POSTED",
    }  # fmt: skip
    assert 50_000 + sum(e["overall_after_milli"] - e["overall_before_milli"] for e in events) == trust["overall_milli"]
    assert any(e["linked_review_id"] == review["review_id"] for e in events)

    feed = shop.feed("REVIEW_POSTED", "TRUST_UPDATED")
    types = [event["type"] for event in feed]
    assert types.count("OFFER_MADE") == 2
    assert set(types) >= {
        "STORE_CREATED",
        "LISTING_DROPPED",
        "THREAD_CREATED",
        "MESSAGE_POSTED",
        "OFFER_ACCEPTED",
        "OFFER_REFERENCE_POSTED",
        "ORDER_PLACED",
        "ORDER_DELIVERED",
        "REVIEW_POSTED",
        "TRUST_UPDATED",
    }
    assert any(event["offer_ref_id"] == reference["offer_ref_id"] for event in feed)
    told = [feed, observer.get(f"/v1/threads/{thread['thread_id']}")]
    assert counter["offer_id"] not in str(told)
    assert 1_300 not in numbers(told)
    assert "13.00" not in str(told)


def test_a_shipped_order_waits_for_its_merchant(souk_url: str) -> None:
    shop = Shop.open(souk_url, delivery="SHIPPED", promised_delivery_seconds=3_600)
    buyer = Agent.register(souk_url, "CUSTOMER")
    order = shop.buy(buyer)
    path = f"/v1/orders/{order['order_id']}"
    assert order["status"] == "PLACED"
    assert order["promised_at"]
    review = {"order_id": order["order_id"], "rating": 4, "body": "Not here yet."}
    assert buyer.refused("POST", "/v1/reviews", review) == (409, "review.order_not_delivered")
    assert buyer.refused("POST", f"{path}/deliver") == (403, "order.seller_only")
    assert buyer.refused("POST", f"{path}/payment") == (403, "order.seller_only")
    delivered = shop.owner.post(f"{path}/deliver", {"payment_received": True})
    assert (delivered["status"], delivered["payment_source"]) == ("DELIVERED", "CONFIRMED")
    assert shop.owner.post(f"{path}/payment")["paid_at"] == delivered["paid_at"]
    assert buyer.refused("POST", f"{path}/cancel") == (409, "order.not_awaiting_delivery")

    asked = buyer.post(f"{path}/refund-request", {"reason": "It leaks."})
    assert asked["refund_answer_due_at"]
    assert buyer.refused("POST", f"{path}/refund-request") == (409, "order.refund_already_requested")
    refunded = shop.owner.post(f"{path}/refund-decision", {"approve": True, "goods_returned": True})
    assert (refunded["status"], refunded["refund_reason"]) == ("REFUNDED", "GRANTED")
    assert buyer.refused("POST", "/v1/reviews", review) == (409, "review.order_refunded")
    assert buyer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 10


def test_a_cancelled_order_gives_its_stock_back(souk_url: str) -> None:
    shop = Shop.open(souk_url, delivery="SHIPPED", inventory_on_hand=4)
    buyer = Agent.register(souk_url, "CUSTOMER")
    order = shop.buy(buyer, quantity=2)
    listing = buyer.get(f"/v1/listings/{shop.listing_id}")
    assert (listing["inventory_on_hand"], listing["status"]) == (2, "ACTIVE")
    assert buyer.post(f"/v1/orders/{order['order_id']}/cancel")["refund_reason"] == "CANCELLED_BY_BUYER"
    listing = buyer.get(f"/v1/listings/{shop.listing_id}")
    assert (listing["inventory_on_hand"], listing["status"]) == (4, "ACTIVE")


def test_a_seller_breaks_its_word_to_a_buyer_who_paid_nothing(souk_url: str) -> None:
    shop = Shop.open(souk_url)
    buyer = Agent.register(souk_url, "CUSTOMER")
    deal = shop.deal(buyer, 900, quantity=3)
    assert buyer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 7
    broken = shop.owner.post(f"/v1/offers/{deal['offer_id']}/withdraw")
    assert (broken["status"], broken["close_reason"]) == ("CANCELLED", "BROKEN_BY_SELLER")
    assert buyer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 10
    assert buyer.refused("POST", "/v1/orders", {"offer_id": deal["offer_id"]}) == (409, "order.offer_not_accepted")
    events = eventually(
        lambda: buyer.get(f"/v1/stores/{shop.store_id}/trust/events?order=oldest")["items"],
        until=lambda found: any(e["reason"] == "OFFER_BROKEN" for e in found),
    )
    broken_event = next(e for e in events if e["reason"] == "OFFER_BROKEN")
    assert (broken_event["component"], broken_event["delta_s"]) == ("claim", 62)


def test_standing_offers_end_when_the_listing_cannot_sell(souk_url: str) -> None:
    shop = Shop.open(souk_url)
    early, late = Agent.register(souk_url, "CUSTOMER"), Agent.register(souk_url, "CUSTOMER")
    standing = shop.offer(early, 1_200)
    shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 1_100, "reason": "Season's end"})
    fallen = eventually(
        lambda: early.get(f"/v1/offers/{standing['offer_id']}"), until=lambda o: o["status"] != "PROPOSED"
    )
    assert (fallen["status"], fallen["close_reason"]) == ("CANCELLED", "PRICE_FELL")

    standing = shop.offer(late, 800)
    shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/status", {"status": "PAUSED"})
    paused = eventually(
        lambda: late.get(f"/v1/offers/{standing['offer_id']}"), until=lambda o: o["status"] != "PROPOSED"
    )
    assert paused["close_reason"] == "LISTING_PAUSED"
    assert late.refused("POST", "/v1/offers", {"listing_id": shop.listing_id, "proposed_price_cents": 500}) == (
        409, "listing.not_active",
    )  # fmt: skip


def test_the_same_key_is_answered_the_same(souk_url: str) -> None:
    shop = Shop.open(souk_url)
    buyer = Agent.register(souk_url, "CUSTOMER")
    key, body = str(uuid4()), {"listing_id": shop.listing_id, "proposed_price_cents": 900}
    first = buyer.call("POST", "/v1/offers", body, key=key)
    second = buyer.call("POST", "/v1/offers", body, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    other = buyer.call("POST", "/v1/offers", {**body, "proposed_price_cents": 901}, key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.key_reused")
    shop.owner.post(f"/v1/offers/{first.json()['offer_id']}/reject")
    # After the process has ended the key still gives its first answer.
    assert buyer.call("POST", "/v1/offers", body, key=key).json() == first.json()
