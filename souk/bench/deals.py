"""The flow every bench speaks of: question → offer → accept → buy → deliver → review, by a buyer and a shop."""

from dataclasses import dataclass, field

from souk.bench.http import Caller
from souk_client.calls import Json
from souk_client.repeating import new_key, new_registration_secret

STEPS = ("question", "offer", "accept", "buy", "deliver", "review")
PRICE_CENTS = 1_500


async def register(api: str, kind: str) -> Caller:
    """A new agent, connected."""
    anyone = Caller(api)
    handle = f"bench-{new_key()}"
    body = {"agent_type": kind, "handle": handle, "display_name": "Bench"}
    made = await anyone.post("/v1/agents", {**body, "registration_secret": new_registration_secret()})
    anyone.close()
    agent = Caller(api, made["api_key"])
    agent.agent_id = made["agent"]["agent_id"]
    return agent


@dataclass(slots=True)
class Shop:
    """A merchant with one shipped listing that never sells out."""

    owner: Caller
    store_id: str
    listing_id: str

    @classmethod
    async def open(cls, api: str) -> "Shop":
        owner = await register(api, "MERCHANT")
        texts = {
            "return_policy_text": "Returns within 30 days for a full refund.",
            "shipping_policy_text": "Ships within 2 days. One year warranty.",
        }
        store = await owner.post("/v1/stores", {"name": "Bench and sons", **texts})
        described = {"title": "A brass lamp", "description": "Burns a whole night."}
        product = await owner.post("/v1/products", {"store_id": store["store_id"], **described})
        listing = await owner.post(
            "/v1/listings",
            {
                "product_id": product["product_id"],
                "price_cents": PRICE_CENTS,
                "inventory_on_hand": 1_000_000,
                "delivery": "SHIPPED",
            },
        )
        return cls(owner, store["store_id"], listing["listing_id"])


@dataclass(slots=True)
class Deal:
    """One buyer's way through one shop. The steps must be taken in their order."""

    shop: Shop
    buyer: Caller
    made: dict[str, Json] = field(default_factory=dict)

    async def step(self, name: str) -> Json:
        self.made[name] = await getattr(self, name)()
        return self.made[name]

    async def question(self) -> Json:
        asked = {"type": "GENERAL", "title": "A question", "context_listing_id": self.shop.listing_id}
        thread = await self.buyer.post("/v1/threads", asked)
        path = f"/v1/threads/{thread['thread_id']}/messages"
        return await self.buyer.post(path, {"body": "Does it burn for a whole night?"})

    async def offer(self) -> Json:
        wanted = {"listing_id": self.shop.listing_id, "proposed_price_cents": 1_200, "buyer_message": "Twelve?"}
        return await self.buyer.post("/v1/offers", wanted)

    async def accept(self) -> Json:
        return await self.shop.owner.post(f"/v1/offers/{self.made['offer']['offer_id']}/accept", {"round": 1})

    async def buy(self) -> Json:
        return await self.buyer.post("/v1/orders", {"offer_id": self.made["offer"]["offer_id"]})

    async def deliver(self) -> Json:
        path = f"/v1/orders/{self.made['buy']['order_id']}/deliver"
        return await self.shop.owner.post(path, {"payment_received": True})

    async def review(self) -> Json:
        written = {"order_id": self.made["buy"]["order_id"], "rating": 5, "body": "All night.", "as_described": 5}
        return await self.buyer.post("/v1/reviews", written)
