"""The crowd's merchants, and the operator who judges between them and their customers."""

from souk.drills.crowd_agents import CrowdAgent, Surroundings
from souk_client.calls import Json


class Operator(CrowdAgent):
    """Decides what is appealed, and lets the date decide some."""

    role = "OPERATOR"

    def __init__(self, crowd: Surroundings, key: str) -> None:
        super().__init__(crowd, 0)
        self.client = crowd.client(key)

    async def live(self) -> None:
        passed_over: set[str] = set()
        while not self.crowd.stopped:
            for item in await self.client.items("/v1/operations/attention"):
                if item["why"] not in {"appeal", "late appeal"} or item["id"] in passed_over:
                    continue
                if self.likely(0.2):
                    passed_over.add(item["id"])
                    continue
                grant = self.likely(0.5)
                body: Json = {
                    "grant": grant, "reason": self.marker("Decided"), "goods_returned": grant and self.likely(0.5),
                }  # fmt: skip
                path = f"/v1/operations/orders/{item['id']}/appeal-decision"
                await self.act("appeal_granted" if grant else "appeal_declined", path, item["id"], body)
            await self.rest(0.5, 1.5)


class Merchant(CrowdAgent):
    """Opens a store, keeps it stocked, answers offers, delivers, answers refund requests, and blocks a customer."""

    role = "MERCHANT"

    def __init__(self, crowd: Surroundings, number: int) -> None:
        super().__init__(crowd, number)
        self._blocked: set[str] = set()

    async def live(self) -> None:
        if not await self.register():
            return
        texts = {
            "return_policy_text": "Returns within 30 days for a full refund.",
            "shipping_policy_text": "Ships within 2 days. One year warranty.",
        }
        store = await self.client.write("store", "POST", "/v1/stores", {"name": self.marker("Store"), **texts})
        if store is None:
            return
        for delivery, stock in (("INSTANT", 5_000), ("SHIPPED", 5_000), ("INSTANT", 3)):
            await self.list_product(store["store_id"], delivery, stock)
        while not self.crowd.stopped:
            await self.answer_offers(store["store_id"])
            await self.serve_orders(store["store_id"])
            await self.tend_listings(store["store_id"])
            await self.rest(0.2, 0.8)

    async def list_product(self, store_id: str, delivery: str, stock: int) -> None:
        product = await self.client.write(
            "product",
            "POST",
            "/v1/products",
            {"store_id": store_id, "title": self.marker("Lamp"), "description": "Burns for a night."},
        )
        if product is None:
            return
        listing = await self.client.write(
            "listing",
            "POST",
            "/v1/listings",
            {
                "product_id": product["product_id"],
                "price_cents": self.dice.randrange(1_000, 9_000),
                "inventory_on_hand": stock,
                "delivery": delivery,
            },
        )
        if listing is not None:
            self.crowd.listings.append({**listing})  # a copy: its price will change, the ledger's answer must not

    async def answer_offers(self, store_id: str) -> None:
        for offer in await self.client.items("/v1/offers", role="seller", status="PROPOSED", limit=20):
            if offer["proposed_by"] != "BUYER" or self.likely(0.2):
                continue
            if self.likely(0.03):
                await self.block(store_id, offer["buyer_customer_id"])
            path, dice = f"/v1/offers/{offer['offer_id']}", self.dice.random()
            if dice < 0.5:
                await self.act("accept", f"{path}/accept", offer["offer_id"], {"round": offer["round"]})
            elif dice < 0.85:
                listing = next(item for item in self.crowd.listings if item["listing_id"] == offer["listing_id"])
                price = (offer["proposed_price_cents"] + listing["price_cents"]) // 2
                body: Json = {"proposed_price_cents": max(1, price), "message": self.marker("Counter")}
                await self.act("counter", f"{path}/counter", offer["offer_id"], body)
            else:
                await self.act("reject", f"{path}/reject", offer["offer_id"])
        if self.likely(0.1):
            for offer in await self.client.items("/v1/offers", role="seller", status="ACCEPTED", limit=1):
                await self.act("withdraw", f"/v1/offers/{offer['offer_id']}/withdraw", offer["offer_id"])

    async def serve_orders(self, store_id: str) -> None:
        for order in await self.client.items("/v1/orders", role="seller", status="PLACED", limit=20):
            if self.likely(0.8):
                await self.act("deliver", f"/v1/orders/{order['order_id']}/deliver", order["order_id"])
            elif self.likely(0.3):
                body: Json = {"reason": self.marker("Not any more")}
                await self.act("decline", f"/v1/orders/{order['order_id']}/decline", order["order_id"], body)
            elif self.likely(0.5):
                await self.block(store_id, order["buyer_customer_id"])
        for order in await self.client.items("/v1/orders", role="seller", status="DELIVERED", limit=20):
            if order["paid_at"] is None and self.likely(0.6):
                await self.act("payment", f"/v1/orders/{order['order_id']}/payment", order["order_id"])
            if order["refund_requested_at"] and not order["refund_declined_at"]:
                approve = self.likely(0.6)
                body = {"approve": approve, "goods_returned": approve and self.likely(0.5)}
                kind = "refund_granted" if approve else "refund_declined"
                await self.act(kind, f"/v1/orders/{order['order_id']}/refund-decision", order["order_id"], body)

    async def block(self, store_id: str, customer_id: str) -> None:
        """Each once: a second block would only change the reason."""
        if customer_id not in self._blocked:
            self._blocked.add(customer_id)
            path, body = f"/v1/stores/{store_id}/blocks/{customer_id}", {"reason": self.marker("Pays nothing")}
            await self.client.write("block", "PUT", path, body, customer_id)

    async def tend_listings(self, store_id: str) -> None:
        mine = [item for item in self.crowd.listings if item["store_id"] == store_id]
        if not mine:
            return
        listing = self.dice.choice(mine)
        path = f"/v1/listings/{listing['listing_id']}"
        if self.likely(0.15):
            # Exactly once matters most here: a delta done twice would be stock out of nothing.
            await self.client.write(
                "restock", "PATCH", f"{path}/inventory", {"delta": self.dice.randrange(1, 5)}, listing["listing_id"]
            )
        if self.likely(0.1):
            price = listing["price_cents"] % 8_000 + self.dice.randrange(500, 1_000)  # never the same again
            body: Json = {"price_cents": price, "reason": self.marker("New price")}
            if await self.client.write("price", "PATCH", f"{path}/price", body, listing["listing_id"]):
                listing["price_cents"] = price
