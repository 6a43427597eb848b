"""Agents for drills and journeys: a synchronous client, and the shortest ways to a shop, a question, a deal."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import httpx
from pydantic import TypeAdapter

from souk_client import Souk
from souk_client.calls import Call

T = TypeVar("T")
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def eventually(look: Callable[[], T], *, until: Callable[[T], bool], seconds: float = 60) -> T:
    """Look until it is so. Processes take a moment, on a busy machine a long one; nobody must say how long."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if until(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still {found!r}")
        time.sleep(0.05)


class Agent:
    """Someone with a key, or nobody in particular without one."""

    def __init__(self, url: str, key: str | None = None) -> None:
        # Without patience: a test sees the first answer, whatever it is.
        self.souk = Souk(url, key, patience_seconds=0)
        self.http = self.souk.http
        self.http.timeout = httpx.Timeout(120)
        self.http.headers.update({"Authorization": f"Bearer {key}"} if key else {})
        self.key = key
        self.agent_id = ""

    @classmethod
    def register(cls, url: str, kind: Literal["MERCHANT", "CUSTOMER"]) -> "Agent":
        handle = f"{kind.lower()}-{secrets.token_hex(6)}"
        with Souk(url, patience_seconds=0) as anyone:
            made = anyone.register(kind, handle, handle)
        agent = cls(url, made.api_key)
        agent.agent_id = made.agent.agent_id
        return agent

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.request(method, path, json=body, headers=headers)

    def ok(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return self.souk.do(Call(method, path, _ANYTHING, body=body, key=key))

    def get(self, path: str) -> Any:
        return self.ok("GET", path)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return self.ok("POST", path, body, key=key)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = self.call(method, path, body)
        assert answer.status_code >= 400, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]


@dataclass(frozen=True, slots=True)
class Shop:
    owner: Agent
    store_id: str
    product_id: str
    listing_id: str

    @classmethod
    def open(cls, url: str, **listing: Any) -> "Shop":
        owner = Agent.register(url, "MERCHANT")
        store = owner.post(
            "/v1/stores",
            {
                "name": "Lamps of the Levant",
                "return_policy_text": "Returns within 30 days for a full refund.",
                "shipping_policy_text": "Ships within 2 days. Two year warranty.",
            },
        )
        product = owner.post(
            "/v1/products",
            {"store_id": store["store_id"], "title": "Brass lamp", "description": "Burns olive oil."},
        )
        body = {"price_cents": 1_500, "inventory_on_hand": 10, "delivery": "INSTANT", **listing}
        made = owner.post("/v1/listings", {"product_id": product["product_id"], **body})
        return cls(owner, store["store_id"], product["product_id"], made["listing_id"])

    def feed(self, *types: str) -> list[dict[str, Any]]:
        """The store's public events, oldest first, once these types are among those that may be read."""
        found: list[dict[str, Any]] = eventually(
            lambda: self.owner.get(f"/v1/activity?store_id={self.store_id}&order=oldest&limit=200")["items"],
            until=lambda events: set(types) <= {event["type"] for event in events},
        )
        return found

    def ask(self, customer: Agent, text: str = "Does it burn for a whole night?") -> dict[str, Any]:
        """A qualifying question: thread with its message."""
        thread = customer.post(
            "/v1/threads", {"type": "GENERAL", "title": "A question", "context_listing_id": self.listing_id}
        )
        message = customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": text})
        return {**thread, "message_id": message["message_id"]}

    def buy(self, customer: Agent, quantity: int = 1) -> dict[str, Any]:
        self.ask(customer)
        order: dict[str, Any] = customer.post("/v1/orders", {"listing_id": self.listing_id, "quantity": quantity})
        return order

    def offer(self, customer: Agent, cents: int, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = customer.post(
            "/v1/offers", {"listing_id": self.listing_id, "proposed_price_cents": cents, **more}
        )
        return made

    def deal(self, customer: Agent, cents: int, quantity: int = 1) -> dict[str, Any]:
        """An offer the merchant accepts."""
        offer = self.offer(customer, cents, quantity=quantity)
        accepted: dict[str, Any] = self.owner.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
        return accepted
