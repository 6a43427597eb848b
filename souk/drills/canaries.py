"""Secrets to be looked for: a small market whose every private number and word occurs nowhere else.

Offers in each of their states, with prices, quantities and messages that are unique in the whole stack; floors,
thresholds and budgets likewise. Each canary knows who may see it; everyone else is a leak.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

OBSERVER, STRANGER, RIVAL, OPERATOR, BUYER, SELLER = "observer", "stranger", "rival", "operator", "buyer", "seller"
VIEWERS = (OBSERVER, STRANGER, RIVAL, OPERATOR, BUYER, SELLER)
PARTIES = frozenset({BUYER, SELLER})
_LIST_PRICE = 9_000_000
_PATIENCE_SECONDS = 60.0
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canary:
    """``text`` is what to search for; ``seen_by`` may see it, nobody else."""

    what: str
    text: str
    seen_by: frozenset[str] = PARTIES


@dataclass(slots=True)
class Planted:
    """The market: clients by viewer, ids by the name of their path parameter, and the canaries."""

    clients: dict[str, httpx.Client]
    agent_ids: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    canaries: list[Canary] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    standing_offer: str = ""

    def add(self, what: str, value: object, seen_by: frozenset[str] = PARTIES) -> None:
        self.canaries.append(Canary(what, str(value), seen_by))

    def know(self, name: str, value: str) -> None:
        if value not in self.ids.setdefault(name, []):
            self.ids[name].append(value)


class PlantingError(Exception):
    """The market refused what the drill needs."""


def post(client: httpx.Client, path: str, body: Json | None = None, method: str = "POST") -> Json:
    """Raises PlantingError when the answer is not what it should be."""
    answer = client.request(method, path, json=body or {}, headers={"Idempotency-Key": secrets.token_hex(16)})
    if not answer.is_success:
        raise PlantingError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
    made: Json = answer.json()
    return made


def register(api: str, kind: str) -> tuple[httpx.Client, str]:
    """A new agent's client, and its id."""
    handle = f"canary-{secrets.token_hex(6)}"
    with httpx.Client(base_url=api, timeout=120, trust_env=False) as anyone:
        body = {"agent_type": kind, "handle": handle, "display_name": handle}
        made = post(anyone, "/v1/agents", {**body, "registration_secret": secrets.token_urlsafe(32)})
    return client_of(api, made["api_key"]), made["agent"]["agent_id"]


def client_of(api: str, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=api, headers=headers, timeout=120, trust_env=False)


def price() -> int:
    """Below every list price, above every floor, and never twice."""
    return 6_000_000 + secrets.randbelow(2_000_000)


def word(what: str) -> str:
    return f"canary{what}{secrets.token_hex(8)}"


def plant(api: str, operator_key: str) -> Planted:
    """Make the market, its offers in every state."""
    seller, seller_id = register(api, "MERCHANT")
    buyer, buyer_id = register(api, "CUSTOMER")
    rival, rival_id = register(api, "MERCHANT")
    stranger, stranger_id = register(api, "CUSTOMER")
    planted = Planted(
        {
            OBSERVER: client_of(api, None), STRANGER: stranger, RIVAL: rival, OPERATOR: client_of(api, operator_key),
            BUYER: buyer, SELLER: seller,
        }
    )  # fmt: skip
    planted.agent_ids = {BUYER: buyer_id, SELLER: seller_id, RIVAL: rival_id, STRANGER: stranger_id}
    for agent_id in planted.agent_ids.values():
        planted.know("agent_id", agent_id)
    _open_store(planted, rival)
    store = _open_store(planted, seller)
    budget = 95_000_000 + secrets.randbelow(4_000_000)
    post(buyer, "/v1/agents/me/limits", {"spend_cap_cents": budget, "max_open_negotiations": 50}, "PUT")
    planted.add("spend cap", budget, frozenset({BUYER}))
    for state in (
        "PROPOSED",
        "COUNTERED",
        "ACCEPTED",
        "REJECTED",
        "EXPIRED",
        "WITHDRAWN",
        "BROKEN",
        "PAUSED",
        "BOUGHT",
    ):
        _offer(planted, store, state)
    _quantity(planted, store)
    _hide(planted)
    return planted


def _open_store(planted: Planted, owner: httpx.Client) -> str:
    texts = {"return_policy_text": "Returns within 30 days.", "shipping_policy_text": "Ships within 2 days."}
    store_id: str = post(owner, "/v1/stores", {"name": "Canaries", **texts})["store_id"]
    planted.know("store_id", store_id)
    return store_id


def open_listing(planted: Planted, store_id: str, **more: Any) -> str:
    seller = planted.clients[SELLER]
    product = post(seller, "/v1/products", {"store_id": store_id, "title": "A cage", "description": "For birds."})
    body = {"product_id": product["product_id"], "price_cents": _LIST_PRICE, "inventory_on_hand": 1_000_000, **more}
    listing_id: str = post(seller, "/v1/listings", body)["listing_id"]
    planted.know("product_id", product["product_id"])
    planted.know("listing_id", listing_id)
    return listing_id


def _limits(planted: Planted, listing_id: str) -> None:
    floor = 4_000_000 + secrets.randbelow(1_000_000)
    accept = 8_500_000 + secrets.randbelow(400_000)
    decline = 2_000_000 + secrets.randbelow(1_000_000)
    limits = {"floor_cents": floor, "auto_accept_cents": accept, "auto_decline_cents": decline}
    post(planted.clients[SELLER], f"/v1/listings/{listing_id}/limits", limits, "PUT")
    for name, value in limits.items():
        planted.add(name, value, frozenset({SELLER}))


def _make(planted: Planted, listing_id: str, **more: Any) -> Json:
    text, cents = word("offer"), price()
    body = {"listing_id": listing_id, "proposed_price_cents": cents, "buyer_message": text, **more}
    offer = post(planted.clients[BUYER], "/v1/offers", body)
    planted.add("offered price", cents)
    planted.add("offer message", text)
    planted.know("offer_id", offer["offer_id"])
    planted.know("kind/id", f"negotiation/{offer['negotiation_id']}")
    return offer


def _offer(planted: Planted, store_id: str, state: str) -> None:
    buyer, seller = planted.clients[BUYER], planted.clients[SELLER]
    listing_id = open_listing(planted, store_id)
    _limits(planted, listing_id)
    ask(planted, listing_id)
    offer = _make(planted, listing_id, **({"expires_in_seconds": 1} if state == "EXPIRED" else {}))
    path = f"/v1/offers/{offer['offer_id']}"
    if state == "PROPOSED":
        planted.standing_offer = offer["offer_id"]
    elif state == "COUNTERED":
        text, cents = word("counter"), offer["proposed_price_cents"] + 1 + secrets.randbelow(300_000)
        counter = post(seller, f"{path}/counter", {"proposed_price_cents": cents, "message": text})
        planted.add("countered price", cents)
        planted.add("counter message", text)
        planted.know("offer_id", counter["offer_id"])
    elif state in {"ACCEPTED", "BROKEN", "BOUGHT"}:
        post(seller, f"{path}/accept", {"round": 1})
        if state == "BROKEN":
            post(seller, f"{path}/withdraw")
        if state == "BOUGHT":
            _buy(planted, offer)
    elif state == "REJECTED":
        post(seller, f"{path}/reject")
    elif state == "WITHDRAWN":
        post(buyer, f"{path}/withdraw")
    elif state == "PAUSED":
        post(seller, f"/v1/listings/{listing_id}/status", {"status": "PAUSED"}, "PATCH")
    wanted = {"EXPIRED": "EXPIRED", "PAUSED": "CANCELLED"}.get(state)
    found = _wait_for(buyer, path, wanted)
    planted.states.add(f"{found['status']} {found['close_reason'] or ''}".strip())


def _wait_for(client: httpx.Client, path: str, status: str | None) -> Json:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found: Json = client.get(path).json()
        if status is None or found["status"] == status:
            return found
        if time.monotonic() > deadline:
            raise PlantingError(f"{path} is {found['status']}, not {status}")
        time.sleep(0.1)


def ask(planted: Planted, listing_id: str) -> None:
    buyer = planted.clients[BUYER]
    body = {"type": "GENERAL", "title": "Birds", "context_listing_id": listing_id}
    thread = post(buyer, "/v1/threads", body)
    post(buyer, f"/v1/threads/{thread['thread_id']}/messages", {"body": "Does it hold a canary or two?"})
    planted.know("thread_id", thread["thread_id"])


def _hide(planted: Planted) -> None:
    """A public message that an operator hides: from then on its words are nobody's to read."""
    body = {"body": f"Nobody should read {word('hidden')} any more."}
    message = post(planted.clients[BUYER], f"/v1/threads/{planted.ids['thread_id'][0]}/messages", body)
    post(planted.clients[OPERATOR], f"/v1/operations/messages/{message['message_id']}/hide", {"reason": "a drill"})
    planted.know("message_id", message["message_id"])
    planted.add("hidden message", body["body"].split()[3], frozenset())


def _buy(planted: Planted, offer: Json) -> None:
    """A purchase at a private price, its public reference, its review."""
    buyer = planted.clients[BUYER]
    order = post(buyer, "/v1/orders", {"offer_id": offer["offer_id"]})
    planted.know("order_id", order["order_id"])
    planted.know("kind/id", f"order/{order['order_id']}")
    reference = {"offer_id": offer["offer_id"], "thread_id": planted.ids["thread_id"][-1], "public_note": "We agreed."}
    post(buyer, "/v1/offer-references", reference)
    review = post(buyer, "/v1/reviews", {"order_id": order["order_id"], "rating": 4, "body": "It holds two."})
    planted.know("review_id", review["review_id"])
    reason = word("refund")
    post(buyer, f"/v1/orders/{order['order_id']}/refund-request", {"reason": reason})
    planted.add("refund request", reason)


def _quantity(planted: Planted, store_id: str) -> None:
    """An unusual quantity, and the total that follows from it."""
    listing_id = open_listing(planted, store_id, price_cents=10)
    quantity = 100_003 + secrets.randbelow(300_000)
    body = {"listing_id": listing_id, "proposed_price_cents": 7, "quantity": quantity}
    offer = post(planted.clients[BUYER], "/v1/offers", body)
    post(planted.clients[SELLER], f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
    planted.know("offer_id", offer["offer_id"])
    planted.add("quantity", quantity)
    order = post(planted.clients[BUYER], "/v1/orders", {"offer_id": offer["offer_id"]})
    planted.know("order_id", order["order_id"])
    planted.add("total", 7 * quantity)
