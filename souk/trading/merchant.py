"""Merchants' agents: they answer questions, haggle down to their floor and confirm deliveries.

An agent looks at its store when the public feed says that something happened there, every moment while it
is negotiating, and now and then regardless, because a feed is a hint and the resources are the truth. All
it does is decided from what it reads, so it may be killed and started again at any time, and two agents of
one merchant only get in each other's way as far as the market's rules allow.
"""

import asyncio
from collections.abc import Callable, Iterable

import httpx

from souk.trading.book import MerchantCard
from souk.trading.client import (
    ApiProblem,
    Json,
    MarketClient,
    MarketUnreachableError,
    back_off_seconds,
)
from souk.trading.strategies import Action, Concession, SellerStrategy, temperament

HOT_SECONDS = 0.35
IDLE_SECONDS = 15.0
HOT_LOOKS = 30
"""Quick looks at the offers after an answer, about ten seconds: the buyer is probably thinking."""
WOKEN_LOOKS = 3

Answer = Callable[[str], str | None]
Tell = Callable[[str], None]


def amenity_answer(card: MerchantCard) -> Answer:
    """Answer any question that names amenities truthfully, in the form ``Name: yes. Other: no.``."""

    def answer(question: str) -> str | None:
        asked = [name for name in card.amenities if name.casefold() in question.casefold()]
        if not asked:
            return None
        return "Thank you for asking. " + " ".join(
            f"{name}: {'yes' if card.amenities[name] else 'no'}." for name in asked
        )

    return answer


def says_yes(answer: str, amenity: str) -> bool:
    """Whether a merchant's answer in that form affirms an amenity; silence about it is a no."""
    return f"{amenity}: yes".casefold() in answer.casefold()


class MerchantAgent:
    """Acts for one merchant with its own key."""

    def __init__(
        self,
        client: MarketClient,
        card: MerchantCard,
        answer: Answer,
        tell: Tell,
        *,
        delivers: bool = False,
    ) -> None:
        self.card = card
        self._market = client.acting_as(card.api_key)
        self._answer = answer
        self._tell = tell
        self._delivers = delivers
        self._wake = asyncio.Event()
        self._hot_looks = 0
        self._answered_threads: set[str] = set()
        self._concession = Concession(beta=temperament(card.handle, 0.6, 1.6))

    def wake(self, thread_id: str | None = None) -> None:
        """Something happened at the store, perhaps in that thread."""
        if thread_id is not None:
            self._answered_threads.discard(thread_id)
        self._hot_looks = max(self._hot_looks, WOKEN_LOOKS)
        self._wake.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        woken = True
        while True:
            self._wake.clear()
            try:
                await self.look(everywhere=woken)
            except ApiProblem as problem:
                self._tell(f"{self.card.name}: {problem.code}")
            except MarketUnreachableError:
                self._tell(f"{self.card.name}: the market does not answer")
            hot = self._hot_looks > 0
            self._hot_looks = max(0, self._hot_looks - 1)
            try:
                async with asyncio.timeout(HOT_SECONDS if hot else IDLE_SECONDS):
                    await self._wake.wait()
                woken = True
            except TimeoutError:
                # Between two rounds of haggling only the offers are worth a look.
                woken = not hot

    async def look(self, *, everywhere: bool = True) -> None:
        """Deal with the offers that wait for this merchant, and ``everywhere`` with all else that does."""
        async for offer in self._market.pages("/v1/offers", role="seller", status="PROPOSED"):
            if offer["proposed_by"] == "BUYER":
                await self._answer_offer(offer)
        if not everywhere:
            return
        async for thread in self._market.pages("/v1/threads", context_store_id=str(self.card.store_id)):
            if thread["thread_id"] not in self._answered_threads and thread["type"] != "REVIEW":
                await self._answer_thread(thread["thread_id"])
        if self._delivers:
            async for order in self._market.pages("/v1/orders", role="seller", status="PLACED"):
                await self._try(f"/v1/orders/{order['order_id']}/deliver", {})

    async def _answer_offer(self, offer: Json) -> None:
        listing = self.card.card_of(offer["listing_id"])
        if listing is None:
            return
        self._hot_looks = HOT_LOOKS
        # The market's list price is the truth; the book may be older than a price change.
        list_price = int((await self._market.get(f"/v1/listings/{offer['listing_id']}"))["price_cents"])
        last_ask = await self._own_last_ask(offer, list_price)
        strategy = SellerStrategy(list_price, min(listing.floor_cents, list_price), self._concession)
        move = strategy.answer(int(offer["proposed_price_cents"]), last_ask, int(offer["round"]))
        path = f"/v1/offers/{offer['offer_id']}"
        if move.action is Action.ACCEPT:
            await self._try(f"{path}/accept", {"round": offer["round"]})
        elif move.action is Action.COUNTER:
            body: Json = {
                "proposed_price_cents": move.price_cents,
                "message": "This is what I can do.",
            }
            if not await self._try(f"{path}/counter", body):
                await self._try(f"{path}/reject", {})
        else:
            await self._try(f"{path}/reject", {})

    async def _own_last_ask(self, offer: Json, list_price: int) -> int:
        """Our newest ask in the negotiation, at first the list price; read, not remembered."""
        if int(offer["round"]) <= 1:
            return list_price
        asks = [
            (int(past["round"]), int(past["proposed_price_cents"]))
            async for past in self._market.pages("/v1/offers", role="seller", listing_id=offer["listing_id"])
            if past["negotiation_id"] == offer["negotiation_id"] and past["proposed_by"] == "SELLER"
        ]
        return min(list_price, max(asks)[1]) if asks else list_price

    async def _answer_thread(self, thread_id: str) -> None:
        thread = await self._market.get(f"/v1/threads/{thread_id}")
        messages: list[Json] = thread["messages"]
        replied_to = {m["parent_message_id"] for m in messages if m["author_agent_id"] == self.card.agent_id}
        for message in messages:
            if message["author_agent_id"] == self.card.agent_id or message["message_id"] in replied_to:
                continue
            reply = self._answer(message["body"])
            if reply is not None:
                await self._try(
                    f"/v1/threads/{thread_id}/messages",
                    {"body": reply, "parent_message_id": message["message_id"]},
                )
        # A thread may be read between its opening and its first message.
        if messages:
            self._answered_threads.add(thread_id)

    async def _try(self, path: str, body: Json) -> bool:
        """POST what may have been overtaken by the other side; False when the market refused it."""
        try:
            await self._market.post(path, body)
        except ApiProblem as problem:
            if problem.is_fault:
                raise
            return False
        return True


async def follow_feed(client: MarketClient, agents: Iterable[MerchantAgent]) -> None:
    """Wake merchants as the public stream names their stores; reconnects for ever, until cancelled."""
    by_store = {agent.card.store_id: agent for agent in agents}
    last_id: str | None = None
    attempt = 0
    while True:
        try:
            async for event in client.stream("/v1/activity/stream", last_id):
                attempt = 0
                last_id = event.event_id or last_id
                agent = by_store.get(event.data.get("store_id"))
                if agent is not None and event.data.get("actor_agent_id") != agent.card.agent_id:
                    agent.wake(event.data.get("thread_id"))
        except (httpx.TransportError, ApiProblem, ValueError):
            # The agents also look by themselves; without the feed they are only slower.
            attempt += 1
        await asyncio.sleep(back_off_seconds(attempt, None))
