"""Trust for nothing, over HTTP as attackers tried it: challenges without a stake, one unit that goes round."""

from typing import Any

from tests.e2e.people import Agent, Shop, eventually

CLAIM = "It does not shine at all: is the claim about the night true?"


def _steps(shop: Shop, reason: str, count: int = 1) -> list[dict[str, Any]]:
    """The store's trust rows of a reason, once there are so many."""

    def read() -> list[dict[str, Any]]:
        found = shop.owner.get(f"/v1/stores/{shop.store_id}/trust/events?order=oldest&limit=200")["items"]
        return [step for step in found if step["reason"] == reason]

    return eventually(read, until=lambda found: len(found) >= count)


def _challenge(shop: Shop, customer: Agent, body: str | None) -> None:
    asked = {"type": "CLAIM_CHALLENGE", "title": "Not true", "context_listing_id": shop.listing_id}
    thread = customer.post("/v1/threads", asked)
    if body is not None:
        customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": body})


def _edit(shop: Shop, description: str) -> None:
    product = shop.owner.get(f"/v1/listings/{shop.listing_id}")["product_id"]
    changes = {"description": description, "reason": "You were right."}
    assert shop.owner.call("PATCH", f"/v1/products/{product}", changes).is_success


def test_only_who_has_paid_challenges_a_claim_with_effect(souk_url: str) -> None:
    shop = Shop.open(souk_url)
    stranger, buyer = Agent.register(souk_url, "CUSTOMER"), Agent.register(souk_url, "CUSTOMER")
    order = shop.buy(buyer)
    for _ in range(5):
        _challenge(shop, stranger, None)
    _challenge(shop, stranger, CLAIM)
    _challenge(shop, buyer, CLAIM)
    _edit(shop, "It glows.")
    shop.owner.post(f"/v1/orders/{order['order_id']}/payment")
    _challenge(shop, stranger, CLAIM)
    _challenge(shop, buyer, CLAIM)
    _edit(shop, "It glows a little.")
    [step] = _steps(shop, "PRODUCT_COPY_UPDATED")
    assert (step["component"], step["delta_r"], step["delta_s"]) == ("claim", 500, 0)
    buyer.post(f"/v1/orders/{order['order_id']}/refund-request")
    shop.owner.post(f"/v1/orders/{order['order_id']}/refund-decision", {"approve": True})
    [taken] = _steps(shop, "ORDER_REFUNDED")
    assert (taken["component"], taken["delta_r"], taken["inputs"]["of"]) == ("claim", -500, "PRODUCT_COPY_UPDATED")
    assert taken["linked_order_id"] is None


def test_one_unit_bought_reviewed_and_refunded_three_times_earns_nothing(souk_url: str) -> None:
    shop = Shop.open(souk_url, inventory_on_hand=1)
    for number in range(3):
        buyer = Agent.register(souk_url, "CUSTOMER")
        order = shop.buy(buyer)
        path = f"/v1/orders/{order['order_id']}"
        shop.owner.post(f"{path}/payment")
        review = {"order_id": order["order_id"], "rating": 5, "body": "Bright.", "as_described": 5}
        eventually(lambda review=review, buyer=buyer: buyer.call("POST", "/v1/reviews", review),
                   until=lambda answer: answer.status_code in (201, 409))  # fmt: skip
        buyer.post(f"{path}/refund-request")
        shop.owner.post(f"{path}/refund-decision", {"approve": True, "goods_returned": True})
        _steps(shop, "ORDER_REFUNDED", 2 * (number + 1))
    components = {each["component"]: each for each in shop.owner.get(f"/v1/stores/{shop.store_id}/trust")["components"]}
    assert [(components[name]["evidence_r"], components[name]["evidence_s"]) for name in ("product", "claim")] == [
        (0, 0), (0, 0),
    ]  # fmt: skip
