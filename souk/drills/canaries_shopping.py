"""Secrets of shopping by the commerce protocol, and of webhooks: addresses, names, codes, and where one is told.

What a buyer puts into a session that is never completed nobody else sees; the seller learns of a completed one what
it needs to deliver.
"""

from domain.checkout.ucp import VERSION
from souk.drills.canaries import BUYER, SELLER, Json, Planted, PlantingError, ask, open_listing, post, word

_PLATFORM = {"UCP-Agent": f'profile="...";version="{VERSION}"'}
_OWN, _SOLD = frozenset({BUYER}), frozenset({BUYER, SELLER})


def plant_shopping(planted: Planted) -> None:
    """A cart, an open session, a completed one with its order, a list of discounts, a webhook. After ``plant``."""
    for client in planted.clients.values():
        client.headers.update(_PLATFORM)
    buyer, seller = planted.clients[BUYER], planted.clients[SELLER]
    store_id = planted.ids["store_id"][-1]
    listing_id = open_listing(planted, store_id, delivery="SHIPPED")
    ask(planted, listing_id)
    unused, used = word("unused"), word("code")
    discounts = [
        {"code": code, "title": "A discount", "kind": "percentage", "value": 10, "position": position}
        for position, code in enumerate((unused, used), 1)
    ]
    post(seller, f"/v1/stores/{store_id}/price-list", {"discounts": discounts}, "PUT")
    planted.add("unused discount code", unused, frozenset({SELLER}))
    planted.add("discount code", used, _SOLD)
    lines: Json = {"line_items": [{"item": {"id": listing_id}, "quantity": 1}]}
    planted.know("cart_id", post(buyer, "/carts", lines)["id"])
    opened = _session(planted, lines, used, "open", _OWN)
    planted.know("checkout_id", opened["id"])
    bought = _session(planted, lines, used, "bought", _SOLD)
    planted.know("checkout_id", bought["id"])
    planted.know("order_group_id", post(buyer, f"/checkout-sessions/{bought['id']}/complete")["order"]["id"])
    for order in buyer.get("/v1/orders").json()["items"]:
        planted.know("order_id", order["order_id"])
    secret = word("hook")
    hook = post(buyer, "/v1/webhooks", {"url": f"https://agent.example/{secret}", "source": "INBOX"})
    planted.add("webhook address", secret, _OWN)
    planted.know("webhook_id", hook["webhook"]["webhook_id"])


def _session(planted: Planted, lines: Json, code: str, what: str, seen_by: frozenset[str]) -> Json:
    """A session ready to be completed, with an address of its own."""
    street, person = word("street"), word("person")
    home = {
        "id": "home", "street_address": street, "address_locality": "Springfield", "address_region": "IL",
        "postal_code": "62701", "address_country": "US", "first_name": person, "last_name": "Birdsong",
    }  # fmt: skip
    way = {"selected_destination_id": "home", "destinations": [home], "groups": [{"selected_option_id": "standard"}]}
    email = word("mail")
    body = {
        **lines,
        "buyer": {"email": f"{email}@example.com", "first_name": "B", "last_name": "B"},
        "fulfillment": {"methods": [way]},
        "discounts": {"codes": [code]},
    }
    made = post(planted.clients[BUYER], "/checkout-sessions", body)
    if made["status"] != "ready_for_complete":
        raise PlantingError(f"a checkout session is {made['status']}: {made.get('messages')}")
    planted.add(f"street, {what} session", street, seen_by)
    planted.add(f"name, {what} session", person, seen_by)
    planted.add(f"email, {what} session", email, seen_by)
    return made
