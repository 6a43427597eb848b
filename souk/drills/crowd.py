"""The market under load: merchants and customers who trade by chance, from one seed, until told to stop.

They use everything that writes: registration, stores, products, listings, questions, offers, counters,
accepts, declines, withdrawals, orders, deliveries, cancellations, refunds, reviews, price and stock changes.
Every choice is drawn from the agent's own generator, so a seed gives the same agents with the same habits.
"""

import asyncio
from random import Random  # noqa: TID251 - seeded: a load, not a rule

from souk.drills.ledger import CuttableTransport, GoodClient, Ledger
from souk_client.calls import Json
from souk_client.repeating import new_registration_secret


class Crowd:
    """All agents of a drill. ``run`` ends some time after ``stop``: everyone finishes what they are at."""

    def __init__(self, api: str, ledger: Ledger, seed: int, *, merchants: int, customers: int) -> None:
        self.api = api
        self.ledger = ledger
        self.seed = seed
        self.transport = CuttableTransport(ledger)
        self.listings: list[Json] = []
        self.merchants = merchants
        self.customers = customers
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.merchants):
                    group.create_task(Merchant(self, number).live())
                for number in range(self.customers):
                    group.create_task(Customer(self, number).live())
        finally:
            self._stopped.set()

    def stop(self) -> None:
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def cut_clients(self) -> None:
        self.transport.cut()


class _Agent:
    role = ""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.dice = Random(f"{crowd.seed}/{self.role}/{number}")  # noqa: S311 - a load, not a secret
        self.client = GoodClient(crowd.api, None, crowd.ledger, crowd.transport)
        self._count = 0

    def marker(self, what: str) -> str:
        """A text that occurs once in the whole drill."""
        self._count += 1
        return f"{what} {self.crowd.seed}-{self.role.lower()}-{self.number}-{self._count}"

    async def register(self) -> bool:
        handle = self.marker("drill").replace(" ", "-")
        body = {"agent_type": self.role, "handle": handle, "display_name": handle}
        body["registration_secret"] = new_registration_secret()  # without it no repetition could get the key
        anyone = GoodClient(self.crowd.api, None, self.crowd.ledger, self.crowd.transport)
        made = await anyone.write("register", "POST", "/v1/agents", body)
        if made is None:
            return False
        self.client = GoodClient(self.crowd.api, made["api_key"], self.crowd.ledger, self.crowd.transport)
        self.client.agent_id = made["agent"]["agent_id"]
        return True

    async def rest(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.dice.uniform(shortest, longest))

    def likely(self, share: float) -> bool:
        return self.dice.random() < share

    async def act(self, kind: str, path: str, subject: str, body: Json | None = None) -> Json | None:
        return await self.client.write(kind, "POST", path, body or {}, subject)


class Merchant(_Agent):
    """Opens a store, keeps it stocked, answers offers, delivers, and answers refund requests."""

    role = "MERCHANT"

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
            await self.answer_offers()
            await self.serve_orders()
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

    async def answer_offers(self) -> None:
        for offer in await self.client.items("/v1/offers", role="seller", status="PROPOSED", limit=20):
            if offer["proposed_by"] != "BUYER" or self.likely(0.2):
                continue
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

    async def serve_orders(self) -> None:
        for order in await self.client.items("/v1/orders", role="seller", status="PLACED", limit=20):
            if self.likely(0.8):
                await self.act("deliver", f"/v1/orders/{order['order_id']}/deliver", order["order_id"])
            elif self.likely(0.3):
                body: Json = {"reason": self.marker("Not any more")}
                await self.act("decline", f"/v1/orders/{order['order_id']}/decline", order["order_id"], body)
        for order in await self.client.items("/v1/orders", role="seller", status="DELIVERED", limit=20):
            if order["paid_at"] is None and self.likely(0.6):
                await self.act("payment", f"/v1/orders/{order['order_id']}/payment", order["order_id"])
            if order["refund_requested_at"] and not order["refund_declined_at"]:
                approve = self.likely(0.6)
                body = {"approve": approve, "goods_returned": approve and self.likely(0.5)}
                kind = "refund_granted" if approve else "refund_declined"
                await self.act(kind, f"/v1/orders/{order['order_id']}/refund-decision", order["order_id"], body)

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


class Customer(_Agent):
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
