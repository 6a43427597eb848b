"""Secrets of quarrels: why a customer is kept away, why an order is declined, what an appeal says."""

from souk.drills.canaries import BUYER, OPERATOR, RIVAL, SELLER, STRANGER, Json, Planted, ask, open_listing, post, word


def plant_disputes(planted: Planted) -> None:
    """A block, a declined order, an appeal that waits and one that is decided. After ``plant``."""
    _block(planted)
    seller, store_id = planted.clients[SELLER], planted.ids["store_id"][-1]
    declined = _bought(planted, open_listing(planted, store_id, price_cents=10, delivery="SHIPPED"))
    reason = word("decline")
    post(seller, f"/v1/orders/{declined}/decline", {"reason": reason})
    planted.add("why an order was declined", reason)
    listing_id = open_listing(planted, store_id, price_cents=10)
    _appealed(planted, listing_id)
    path = f"/v1/operations/orders/{_appealed(planted, listing_id)}/appeal-decision"
    post(planted.clients[OPERATOR], path, {"grant": False, "reason": "a drill"})


def _block(planted: Planted) -> None:
    """By the rival, in the store that ``plant`` opens first: in the seller's the stranger stays free to probe."""
    reason = word("block")
    path = f"/v1/stores/{planted.ids['store_id'][0]}/blocks/{planted.agent_ids[STRANGER]}"
    post(planted.clients[RIVAL], path, {"reason": reason}, "PUT")
    planted.add("why a customer is blocked", reason, frozenset({RIVAL}))


def _bought(planted: Planted, listing_id: str) -> str:
    """The order of a unit that the buyer buys at the list price."""
    ask(planted, listing_id)
    order: Json = post(planted.clients[BUYER], "/v1/orders", {"listing_id": listing_id})
    planted.know("order_id", order["order_id"])
    planted.know("kind/id", f"order/{order['order_id']}")
    order_id: str = order["order_id"]
    return order_id


def _appealed(planted: Planted, listing_id: str) -> str:
    """An order whose refund was refused, which its buyer takes to the operators."""
    buyer, order_id = planted.clients[BUYER], _bought(planted, listing_id)
    post(buyer, f"/v1/orders/{order_id}/refund-request", {"reason": "It sings at night."})
    post(planted.clients[SELLER], f"/v1/orders/{order_id}/refund-decision", {"approve": False})
    reason = word("appeal")
    post(buyer, f"/v1/orders/{order_id}/appeal", {"reason": reason})
    planted.add("why a refund is appealed for", reason)
    return order_id
