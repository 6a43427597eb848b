"""Every kind of caller there is, by name, and a small market for them to be at home or strangers in."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.platform.access import CALLERS
from souk.drills.people import Agent, Shop

HOME = {
    "id": "home", "full_name": "Amina Idris", "street_address": "1 Bazaar Lane", "address_locality": "Springfield",
    "address_region": "IL", "postal_code": "62704", "address_country": "US",
}  # fmt: skip
KINDS = CALLERS


@dataclass
class Callers:
    """``customer`` and ``merchant`` are the parties of everything in ``ids``; the foreign ones of nothing."""

    url: str
    agents: dict[str, Agent]
    shop: Shop
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, str | None]:
        return {kind: agent.key for kind, agent in self.agents.items()}

    @classmethod
    def make(cls, url: str, operator_key: str, platform: dict[str, str]) -> "Callers":
        """``platform``: the headers by which each says for which platform it shops."""
        shop = Shop.open(url, delivery="SHIPPED")
        customer = Agent.register(url, "CUSTOMER")
        revoked = Agent.register(url, "CUSTOMER")
        key_id = revoked.get("/v1/agents/me/keys")["items"][0]["key_id"]
        assert revoked.call("DELETE", f"/v1/agents/me/keys/{key_id}").status_code == 204
        agents = {
            "none": Agent(url),
            "customer": customer,
            "foreign customer": Agent.register(url, "CUSTOMER"),
            "merchant": shop.owner,
            "foreign merchant": Agent.register(url, "MERCHANT"),
            "operator": Agent(url, operator_key),
            "revoked key": revoked,
        }
        for agent in agents.values():
            agent.http.headers.update(platform)
        callers = cls(url, agents, shop)
        callers._trade()
        return callers

    def _trade(self) -> None:
        customer, merchant = self.agents["customer"], self.agents["merchant"]
        thread = self.shop.ask(customer)
        deal = self.shop.deal(customer, 900)
        order = customer.post("/v1/orders", {"offer_id": deal["offer_id"]})
        merchant.post(f"/v1/orders/{order['order_id']}/deliver")
        review = customer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Bright."})
        offer = self.shop.offer(customer, 800)
        webhook = customer.post("/v1/webhooks", {"url": "https://agent.example/", "source": "INBOX"})
        self.ids = {
            "agent_id": customer.agent_id,
            "store_id": self.shop.store_id,
            "product_id": self.shop.product_id,
            "listing_id": self.shop.listing_id,
            "thread_id": thread["thread_id"],
            "message_id": thread["message_id"],
            "offer_id": offer["offer_id"],
            "order_id": order["order_id"],
            "review_id": review["review_id"],
            "key_id": customer.get("/v1/agents/me/keys")["items"][0]["key_id"],
            "webhook_id": webhook["webhook"]["webhook_id"],
            "code": "offer.not_your_turn",
            **self._shop_by_ucp(customer),
        }

    def _shop_by_ucp(self, customer: Agent) -> dict[str, str]:
        """A cart, an open session and an order by the commerce protocol, with the customer's key."""
        lines = {"line_items": [{"item": {"id": self.shop.listing_id}, "quantity": 1}]}
        way = {
            "selected_destination_id": "home",
            "destinations": [HOME],
            "groups": [{"selected_option_id": "standard"}],
        }
        body = {**lines, "fulfillment": {"methods": [way]}}
        cart = customer.post("/carts", lines)
        bought, opened = (customer.post("/checkout-sessions", body) for _ in range(2))
        done = customer.post(f"/checkout-sessions/{bought['id']}/complete", {})
        return {"cart_id": cart["id"], "checkout_id": opened["id"], "order_group_id": done["order"]["id"]}

    def call(self, kind: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.agents[kind].call(method, path, body)
