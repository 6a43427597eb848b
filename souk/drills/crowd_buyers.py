"""The crowd's customers."""

from souk.drills.crowd_agents import CrowdAgent
from souk_client.calls import Json


class Customer(CrowdAgent):
    """Asks, haggles or buys, waits for its goods, reviews them or wants its money back; then it is another."""

    role = "CUSTOMER"

    async def live(self) -> None:
        while not self.crowd.stopped:
            if not await self.register():
                continue
            for _ in range(self.dice.randrange(2, 6)):
                if not self.crowd.listings:
                    await self.rest(0.2, 0.5)
                    continue
                await self.visit(self.dice.choice(self.crowd.listings))

    async def visit(self, listing: Json) -> None:
        thread = await self.ask(listing)
        order = await (self.haggle(listing, thread) if self.likely(0.65) else self.buy(listing))
        if order is not None:
            await self.receive(order)
        await self.rest(0.0, 0.3)

    async def ask(self, listing: Json) -> Json | None:
        body: Json = {
            "type": "GENERAL", "title": self.marker("Question"), "context_listing_id": listing["listing_id"],
        }  # fmt: skip
        thread = await self.client.write("thread", "POST", "/v1/threads", body)
        if thread is not None:
            text = {"body": self.marker("Does it burn for a whole night?")}
            await self.client.write("message", "POST", f"/v1/threads/{thread['thread_id']}/messages", text)
        return thread

    async def buy(self, listing: Json) -> Json | None:
        body: Json = {
            "listing_id": listing["listing_id"], "quantity": self.dice.randrange(1, 3),
            "expected_unit_price_cents": listing["price_cents"],
        }  # fmt: skip
        return await self.client.write("order", "POST", "/v1/orders", body)

    async def haggle(self, listing: Json, thread: Json | None) -> Json | None:
        price = max(1, round(listing["price_cents"] * self.dice.uniform(0.5, 0.9)))
        body: Json = {
            "listing_id": listing["listing_id"], "proposed_price_cents": price, "buyer_message": self.marker("Offer"),
        }  # fmt: skip
        offer = await self.client.write("offer", "POST", "/v1/offers", body)
        if offer is None:
            return None
        if thread is not None and self.likely(0.3):
            reference = {"offer_id": offer["offer_id"], "thread_id": thread["thread_id"]}
            await self.client.write("reference", "POST", "/v1/offer-references", reference)
        for _ in range(12):
            now = await self.newest(listing)
            if now.get("status") == "ACCEPTED":
                if self.likely(0.2):
                    if self.likely(0.5):
                        await self.act("withdraw", f"/v1/offers/{now['offer_id']}/withdraw", now["offer_id"])
                    return None  # or lets its hold lapse
                return await self.client.write("order", "POST", "/v1/orders", {"offer_id": now["offer_id"]})
            if now.get("status") != "PROPOSED":
                return None
            if now["proposed_by"] == "SELLER":
                await self.answer(now, price)
            else:
                await self.rest(0.3, 0.6)
        if now["proposed_by"] == "BUYER":
            await self.act("withdraw", f"/v1/offers/{now['offer_id']}/withdraw", now["offer_id"])
        return None

    async def newest(self, listing: Json) -> Json:
        found = await self.client.items("/v1/offers", role="buyer", listing_id=listing["listing_id"], limit=1)
        return found[0] if found else {}

    async def answer(self, offer: Json, last: int) -> None:
        path, dice = f"/v1/offers/{offer['offer_id']}", self.dice.random()
        if dice < 0.55:
            await self.act("accept", f"{path}/accept", offer["offer_id"], {"round": offer["round"]})
        elif dice < 0.85:
            body: Json = {"proposed_price_cents": (last + offer["proposed_price_cents"]) // 2 + 1}
            await self.act("counter", f"{path}/counter", offer["offer_id"], body)
        else:
            await self.act("reject", f"{path}/reject", offer["offer_id"])

    async def receive(self, order: Json) -> None:
        path = f"/v1/orders/{order['order_id']}"
        if order["status"] == "PLACED" and self.likely(0.2):
            await self.act("cancel", f"{path}/cancel", order["order_id"])
            return
        for _ in range(10):
            order = await self.client.look(path) or order
            if order["status"] != "PLACED":
                break
            await self.rest(0.3, 0.6)
        if order["status"] != "DELIVERED":
            return
        if self.likely(0.6):
            body: Json = {
                "order_id": order["order_id"], "rating": self.dice.randrange(1, 6), "body": self.marker("Review"),
                "as_described": self.dice.randrange(1, 6),
            }  # fmt: skip
            await self.client.write("review", "POST", "/v1/reviews", body)
        if self.likely(0.3):
            await self.act("refund_request", f"{path}/refund-request", order["order_id"], {"reason": "It went out."})
            await self.appeal(path, order["order_id"])

    async def appeal(self, path: str, order_id: str) -> None:
        """Sometimes wait for the merchant's answer, and take a decline to the operators."""
        if self.likely(0.5):
            return
        for _ in range(10):
            order = await self.client.look(path)
            if order.get("refund_declined_at"):
                await self.act("appeal", f"{path}/appeal", order_id, {"reason": self.marker("It did go out")})
                return
            await self.rest(0.3, 0.6)
