"""Trust for nothing: challenges without a stake, and one unit that is bought, praised and paid back again and again."""

from typing import Any

from souk.drills.attack.findings import Findings, Target
from souk.drills.people import Agent, Shop, eventually

_CLAIM = "It does not shine at all: is the claim about the night true?"
_UNIT = 1_000


def _steps(shop: Shop, reason: str, count: int = 1) -> list[dict[str, Any]]:
    """The store's trust rows of a reason, once there are so many."""

    def read() -> list[dict[str, Any]]:
        found = shop.owner.get(f"/v1/stores/{shop.store_id}/trust/events?order=oldest&limit=200")["items"]
        return [step for step in found if step["reason"] == reason]

    return eventually(read, until=lambda found: len(found) >= count)


def _moves(steps: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(step["component"], step["delta_r"], step["delta_s"]) for step in steps]


def _challenge(shop: Shop, customer: Agent, body: str | None) -> None:
    asked = {"type": "CLAIM_CHALLENGE", "title": "Not true", "context_listing_id": shop.listing_id}
    thread = customer.post("/v1/threads", asked)
    if body is not None:
        customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": body})


def _edit(shop: Shop, description: str) -> None:
    product = shop.owner.get(f"/v1/listings/{shop.listing_id}")["product_id"]
    shop.owner.ok("PATCH", f"/v1/products/{product}", {"description": description, "reason": "You were right."})


def challenge_without_a_stake(target: Target, found: Findings) -> None:
    shop, stranger, buyer = Shop.open(target.url), target.customer(), target.customer()
    order = shop.buy(buyer)
    for _ in range(40):
        _challenge(shop, stranger, None)
    _challenge(shop, stranger, _CLAIM)
    _challenge(shop, buyer, _CLAIM)
    _edit(shop, "It glows.")
    shop.owner.post(f"/v1/orders/{order['order_id']}/payment")
    _challenge(shop, stranger, _CLAIM)
    _challenge(shop, buyer, _CLAIM)
    _edit(shop, "It glows a little.")
    steps = _steps(shop, "PRODUCT_COPY_UPDATED")
    found.expect("of 43 challenges the one of a customer who paid counts", _moves(steps), [("claim", 500, 0)])
    for number in range(5):
        _challenge(shop, buyer, _CLAIM)
        _edit(shop, f"It glows a little, and {number} times more.")
    gained = sum(step["delta_r"] for step in _steps(shop, "PRODUCT_COPY_UPDATED", 6))
    found.expect("six challenges of one customer are worth less than a unit", gained < _UNIT, True)
    buyer.post(f"/v1/orders/{order['order_id']}/refund-request")
    shop.owner.post(f"/v1/orders/{order['order_id']}/refund-decision", {"approve": True})
    taken = _steps(shop, "ORDER_REFUNDED")
    found.expect("a refund takes back the first", taken[0]["inputs"]["of"], "PRODUCT_COPY_UPDATED")
    found.expect("a refund takes back what was gained", sum(step["delta_r"] for step in taken), -gained)
    found.expect("no row names the order of a challenger", {step["linked_order_id"] for step in taken}, {None})


def cycle_one_unit(target: Target, found: Findings) -> None:
    shop = Shop.open(target.url, inventory_on_hand=1)
    for number in range(3):
        buyer = target.customer()
        order = shop.buy(buyer)
        path = f"/v1/orders/{order['order_id']}"
        shop.owner.post(f"{path}/payment")
        review(buyer, order, 5)
        buyer.post(f"{path}/refund-request")
        shop.owner.post(f"{path}/refund-decision", {"approve": True, "goods_returned": True})
        _steps(shop, "ORDER_REFUNDED", 2 * (number + 1))
    found.expect("three refunded orders with five stars each prove nothing", _evidence(shop), [(0, 0), (0, 0)])


def review_while_a_refund_waits(target: Target, found: Findings) -> None:
    shop, buyer, other = Shop.open(target.url), target.customer(), target.customer()
    orders = [shop.buy(each) for each in (buyer, other)]
    for order in orders:
        shop.owner.post(f"/v1/orders/{order['order_id']}/payment")
    path = f"/v1/orders/{orders[0]['order_id']}"
    buyer.post(f"{path}/refund-request")
    review(buyer, orders[0], 5)
    review(other, orders[1], 1)
    # Folded in their order: had the first counted, it would be among those before the second.
    [step] = _steps(shop, "REVIEW_POSTED")[:1]
    found.expect("a review waits for the answer to a refund request", (step["delta_r"], step["delta_s"]), (0, _UNIT))
    shop.owner.post(f"{path}/refund-decision", {"approve": False})
    moves = _moves(_steps(shop, "REVIEW_POSTED", 2))[1:]
    found.expect("it counts when the answer is no", ("product", _UNIT, 0) in moves, True)


def review(buyer: Agent, order: dict[str, Any], stars: int) -> None:
    """The order's review window may take a moment to open."""
    told = {"as_described": stars} if stars > 1 else {}
    body = {"order_id": order["order_id"], "rating": stars, "body": "Bright or not.", **told}
    eventually(lambda: buyer.call("POST", "/v1/reviews", body), until=lambda answer: answer.status_code in {201, 409})


def _evidence(shop: Shop) -> list[tuple[int, int]]:
    """R and S of product and claim."""
    components = shop.owner.get(f"/v1/stores/{shop.store_id}/trust")["components"]
    by_name = {each["component"]: (each["evidence_r"], each["evidence_s"]) for each in components}
    return [by_name[name] for name in ("product", "claim")]
