"""Every date of the market passing by itself, in a Souk whose dates are seconds. Nobody has to trigger anything."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from db.market.tables import ReviewWindow
from db.platform.database import Database
from tests.e2e.people import Agent, Shop, eventually
from tests.hostile.callers import operator_key
from tests.running import RunningSouk


def _offer(agent: Agent, offer_id: str, status: str) -> dict[str, Any]:
    return eventually(lambda: agent.get(f"/v1/offers/{offer_id}"), until=lambda o: o["status"] == status)


def _order(agent: Agent, order_id: str, status: str) -> dict[str, Any]:
    return eventually(lambda: agent.get(f"/v1/orders/{order_id}"), until=lambda o: o["status"] == status)


LONG = 600
"""Seconds an offer stands whose expiry is not what a test is about."""


def _in_time(attempt: Callable[[], httpx.Response], late: str) -> Any:
    """What an attempt answers that came in time: where dates are seconds, a busy machine may be too late."""
    answer = eventually(attempt, until=lambda found: found.status_code < 400 or found.json()["code"] != late)
    assert answer.status_code < 400, answer.text
    return answer.json()


def test_an_offer_nobody_answers_expires(hasty_souk: RunningSouk) -> None:
    shop, buyer = Shop.open(hasty_souk.url), Agent.register(hasty_souk.url, "CUSTOMER")
    offer = shop.offer(buyer, 700)
    assert _offer(buyer, offer["offer_id"], "EXPIRED")["close_reason"] == "NOT_ANSWERED"
    assert shop.owner.refused("POST", f"/v1/offers/{offer['offer_id']}/accept") == (409, "offer.not_open")


def test_who_owes_an_answer_is_reminded_while_there_is_time(hasty_souk: RunningSouk) -> None:
    shop, buyer = Shop.open(hasty_souk.url), Agent.register(hasty_souk.url, "CUSTOMER")
    # A tenth of its time, then the reminder; the rest is left to answer.
    offer = shop.offer(buyer, 700, expires_in_seconds=30)
    path = "/v1/inbox?order=oldest&type=OFFER_MADE&type=OFFER_EXPIRING_SOON&type=OFFER_EXPIRED"
    told = eventually(lambda: shop.owner.get(path)["items"], until=lambda items: len(items) > 1)
    assert [event["type"] for event in told] == ["OFFER_MADE", "OFFER_EXPIRING_SOON"]
    assert told[1]["offer"]["proposed_price_cents"] == 700
    assert told[1]["offer"]["status"] == "PROPOSED"
    assert told[1]["due_at"] == offer["expires_at"]
    accepted = shop.owner.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
    assert accepted["status"] == "ACCEPTED"


def test_a_deal_nobody_buys_lapses_and_the_stock_returns(hasty_souk: RunningSouk) -> None:
    buyer = Agent.register(hasty_souk.url, "CUSTOMER")

    def held() -> tuple[Shop, Any, str]:
        shop = Shop.open(hasty_souk.url, inventory_on_hand=1)
        offer = shop.offer(buyer, 700, expires_in_seconds=LONG)
        deal = shop.owner.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
        return shop, deal, buyer.get(f"/v1/listings/{shop.listing_id}")["status"]

    # A busy machine may look when the hold has lapsed already: then once more.
    shop, deal, _ = eventually(held, until=lambda found: found[2] == "SOLD_OUT")
    assert _offer(buyer, deal["offer_id"], "EXPIRED")["close_reason"] == "NOT_PURCHASED"
    assert buyer.refused("POST", "/v1/orders", {"offer_id": deal["offer_id"]}) == (409, "order.purchase_window_passed")
    listing = buyer.get(f"/v1/listings/{shop.listing_id}")
    assert (listing["status"], listing["inventory_on_hand"]) == ("ACTIVE", 1)


def test_thresholds_answer_after_a_while_and_in_a_merchants_words(hasty_souk: RunningSouk) -> None:
    shop = Shop.open(hasty_souk.url)
    # Beyond every margin: 1 250 by 1 000, and 400 by 500, is more than a fifth.
    limits = {"floor_cents": 800, "auto_accept_cents": 1_000, "auto_decline_cents": 500}
    shop.owner.ok("PUT", f"/v1/listings/{shop.listing_id}/limits", limits)
    low, high, manual = (Agent.register(hasty_souk.url, "CUSTOMER") for _ in range(3))
    declined, accepted, by_hand = (
        shop.offer(who, cents, expires_in_seconds=LONG) for who, cents in ((low, 400), (high, 1_250), (manual, 600))
    )
    assert {declined["status"], accepted["status"], by_hand["status"]} == {"PROPOSED"}
    shop.owner.post(f"/v1/offers/{by_hand['offer_id']}/reject")
    by_threshold = _offer(low, declined["offer_id"], "REJECTED")
    by_merchant = manual.get(f"/v1/offers/{by_hand['offer_id']}")
    told = {"status", "close_reason", "standing"}
    assert {k: by_threshold[k] for k in told} == {k: by_merchant[k] for k in told}
    assert set(by_threshold) == set(by_merchant)
    _offer(high, accepted["offer_id"], "ACCEPTED")

    between = Agent.register(hasty_souk.url, "CUSTOMER")
    offer = shop.offer(between, 700, expires_in_seconds=LONG)
    assert shop.owner.refused("POST", f"/v1/offers/{offer['offer_id']}/accept") == (422, "limits.below_floor")


def test_a_late_delivery_is_refunded_and_costs_trust(hasty_souk: RunningSouk) -> None:
    shop = Shop.open(hasty_souk.url, delivery="SHIPPED", promised_delivery_seconds=1)
    buyer = Agent.register(hasty_souk.url, "CUSTOMER")
    order = shop.buy(buyer)
    refunded = _order(buyer, order["order_id"], "REFUNDED")
    assert refunded["refund_reason"] == "DELIVERY_MISSED"
    assert buyer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 10
    eventually(
        lambda: buyer.get(f"/v1/stores/{shop.store_id}/trust/events")["items"],
        until=lambda found: any(e["reason"] == "OFFER_BROKEN" for e in found),
    )


def test_a_refund_request_nobody_answers_is_granted(hasty_souk: RunningSouk) -> None:
    shop, buyer = Shop.open(hasty_souk.url), Agent.register(hasty_souk.url, "CUSTOMER")

    def ask_back() -> httpx.Response:
        order = shop.buy(buyer)
        return buyer.call("POST", f"/v1/orders/{order['order_id']}/refund-request", {"reason": "Too bright."})

    order = _in_time(ask_back, "order.return_window_closed")
    assert _order(buyer, order["order_id"], "REFUNDED")["refund_reason"] == "NOT_ANSWERED"


def test_the_review_window_closes(hasty_souk: RunningSouk) -> None:
    shop, buyer = Shop.open(hasty_souk.url), Agent.register(hasty_souk.url, "CUSTOMER")
    order = shop.buy(buyer)
    review = {"order_id": order["order_id"], "rating": 5, "body": "Late, but good."}
    _in_time(
        lambda: buyer.call("POST", "/v1/reviews", {**review, "order_id": shop.buy(buyer)["order_id"]}),
        "review.window_closed",
    )
    eventually(lambda: hasty_souk.run(_window(hasty_souk, order["order_id"])), until=lambda status: status == "LAPSED")
    assert buyer.refused("POST", "/v1/reviews", review) == (409, "review.window_closed")


async def _window(souk: RunningSouk, order_id: str) -> str:
    database = Database(souk.settings.role_url("worker"), 1, "test")
    async with database.transaction() as transaction:
        window = await transaction.get_one(ReviewWindow, UUID(order_id))
        status = window.status.value
    await database.close()
    return status


def test_a_question_nobody_answers_is_missed(hasty_souk: RunningSouk) -> None:
    shop, buyer = Shop.open(hasty_souk.url), Agent.register(hasty_souk.url, "CUSTOMER")
    thread = shop.ask(buyer)
    events = eventually(
        lambda: buyer.get(f"/v1/stores/{shop.store_id}/trust/events")["items"],
        until=lambda found: any(e["reason"] == "REPLY_MISSED" for e in found),
    )
    missed = next(e for e in events if e["reason"] == "REPLY_MISSED")
    assert (missed["component"], missed["delta_r"], missed["delta_s"]) == ("support", 0, 1_000)
    shop.owner.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": "Sorry, I was away."})
    after = buyer.get(f"/v1/stores/{shop.store_id}/trust/events")["items"]
    assert not any(e["reason"] == "MERCHANT_REPLIED_IN_THREAD" for e in after)


def test_an_operator_or_scheduler_may_trigger_expiry(hasty_souk: RunningSouk) -> None:
    buyer = Agent.register(hasty_souk.url, "CUSTOMER")
    assert buyer.refused("POST", "/v1/operations/expire-offers") == (403, "auth.operator_required")
    operator = Agent(hasty_souk.url, hasty_souk.run(operator_key(hasty_souk.settings)))
    report = operator.post("/v1/operations/expire-offers")
    assert set(report["woken"]) >= {"negotiation", "order", "review-window", "store-trust"}
    audit = operator.post("/v1/operations/audit")
    assert len(audit["findings"]) == 12
    assert audit["sound"], audit
