"""Merchants' agents: they answer questions, haggle down to their floor and confirm deliveries.

The public feed says that an offer, a message or an order appeared at a store; the agent then reads what it
is. A feed is a hint and the resources are the truth, so every agent also looks by itself: seldom while the
feed is there, often without it. All it does is decided from what it reads: it may be killed and started
again at any time, and two agents of one merchant only get in each other's way as far as the rules allow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from souk.trading.book import MerchantCard
from souk_client import ApiProblem, AsyncSouk, SoukError
from souk_client.models import Activity, Offer
from souk_client.strategies import Action, Concession, SellerStrategy, temperament

FED_SECONDS = 60.0
UNFED_SECONDS = 12.0
HOT_SECONDS = 0.4
AFTER_ERROR_SECONDS = 2.0
HOT_LOOKS = 30
"""Quick looks at the offers after an answer when there is no feed, about ten seconds of them."""

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
        client: AsyncSouk,
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
        self._offers_due = False
        self._orders_due = False
        self._threads_due: set[str] = set()
        self._fed = False
        self._hot_looks = 0
        self._answered_threads: set[str] = set()
        self._asks: dict[str, int] = {}
        self._concession = Concession(beta=temperament(card.handle, 0.6, 1.6))
        # Not all at once: a market of a hundred merchants would otherwise come in waves.
        self._spread = temperament(card.handle + "/spread", 0.6, 1.4)

    def hear(self, event: Activity) -> None:
        """An event of the public feed about this merchant's store."""
        if event.type == "OFFER_MADE":
            self._offers_due = True
        elif event.type == "ORDER_PLACED":
            self._orders_due = True
        elif event.type == "MESSAGE_POSTED" and event.actor_agent_id != self.card.agent_id:
            self._threads_due.add(str(event.thread_id))
        else:
            return
        self._wake.set()

    def feed_is(self, *, there: bool) -> None:
        """Whether to rely on the feed. When it comes back, what it did not tell is looked up."""
        if there != self._fed:
            self._fed = there
            self._wake.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        everything = True
        while True:
            self._wake.clear()
            fed = self._fed
            try:
                await (self.look() if everything else self._look_where_told())
            except SoukError as error:
                # What was told and not done is forgotten: soon look at everything.
                self._tell(f"{self.card.name}: {error}")
                await asyncio.sleep(AFTER_ERROR_SECONDS)
                everything = True
                continue
            hot = self._hot_looks > 0 and not self._fed
            self._hot_looks = max(0, self._hot_looks - 1)
            seconds = HOT_SECONDS if hot else self._spread * (FED_SECONDS if self._fed else UNFED_SECONDS)
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
                everything = self._fed and not fed
            except TimeoutError:
                self._offers_due = hot
                everything = not hot

    async def look(self) -> None:
        """Deal with everything that waits for this merchant."""
        self._offers_due = self._orders_due = True
        async for thread in self._market.threads(context_store_id=str(self.card.store_id)):
            if thread.thread_id not in self._answered_threads and thread.type != "REVIEW":
                self._threads_due.add(thread.thread_id)
        await self._look_where_told()

    async def _look_where_told(self) -> None:
        if self._offers_due:
            self._offers_due = False
            async for offer in self._market.offers(role="seller", status="PROPOSED"):
                if offer.proposed_by == "BUYER":
                    await self._answer_offer(offer)
        while self._threads_due:
            await self._answer_thread(self._threads_due.pop())
        if self._orders_due:
            await self._serve_orders()
        self._orders_due = False

    async def _serve_orders(self) -> None:
        """In these markets whoever buys has paid: say so, before the buyer reviews, and hand over what is shipped."""
        if self._delivers:
            async for order in self._market.orders(role="seller", status="PLACED"):
                await accepted(self._market.deliver(order.order_id, payment_received=True))
        async for order in self._market.orders(role="seller", status="DELIVERED"):
            if order.paid_at is None:
                await accepted(self._market.confirm_payment(order.order_id))

    async def _answer_offer(self, offer: Offer) -> None:
        listing = self.card.card_of(offer.listing_id)
        if listing is None:
            return
        self._hot_looks = HOT_LOOKS
        # The market's list price is the truth; the book may be older than a price change.
        list_price = (await self._market.listing(offer.listing_id)).price_cents
        last_ask = await self._own_last_ask(offer, list_price)
        strategy = SellerStrategy(list_price, min(listing.floor_cents, list_price), self._concession)
        move = strategy.answer(offer.proposed_price_cents, last_ask, offer.round)
        if move.action is Action.ACCEPT:
            await accepted(self._market.accept_offer(offer.offer_id, round=offer.round))
            return
        if move.action is Action.COUNTER and move.price_cents is not None:
            words = "This is what I can do."
            if await accepted(self._market.counter_offer(offer.offer_id, move.price_cents, message=words)):
                self._asks[offer.negotiation_id] = move.price_cents
                return
        await accepted(self._market.reject_offer(offer.offer_id))

    async def _own_last_ask(self, offer: Offer, list_price: int) -> int:
        """Our newest ask in the negotiation, at first the list price; looked up when we do not remember."""
        remembered = self._asks.get(offer.negotiation_id)
        if remembered is not None or offer.round <= 1:
            return min(list_price, remembered or list_price)
        asks = [
            (past.round, past.proposed_price_cents)
            async for past in self._market.offers(role="seller", listing_id=offer.listing_id)
            if past.negotiation_id == offer.negotiation_id and past.proposed_by == "SELLER"
        ]
        return min(list_price, max(asks)[1]) if asks else list_price

    async def _answer_thread(self, thread_id: str) -> None:
        messages = (await self._market.thread(thread_id)).messages
        replied_to = {m.parent_message_id for m in messages if m.author_agent_id == self.card.agent_id}
        for message in messages:
            if message.author_agent_id == self.card.agent_id or message.message_id in replied_to:
                continue
            reply = self._answer(message.body)
            if reply is not None:
                said = self._market.post_message(thread_id, reply, parent_message_id=message.message_id)
                await accepted(said)
        # A thread may be read between its opening and its first message.
        if messages:
            self._answered_threads.add(thread_id)


async def accepted(doing: Awaitable[object]) -> bool:
    """Do what may have been overtaken by the other side; False when the market refused it."""
    try:
        await doing
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return False
    return True


async def follow_feed(client: AsyncSouk, agents: Iterable[MerchantAgent]) -> None:
    """Tell merchants what the public stream says of their stores, until cancelled."""
    by_store = {agent.card.store_id: agent for agent in agents}

    def tell(there: bool) -> None:
        for agent in by_store.values():
            agent.feed_is(there=there)

    while True:
        # Also without the feed the agents look by themselves, only more often.
        with suppress(SoukError):
            stream = client.activity_stream()
            stream.on_connection = tell
            async for event in stream:
                told = by_store.get(event.store_id)
                if told is not None:
                    told.hear(event)
        tell(there=False)
        await asyncio.sleep(AFTER_ERROR_SECONDS)
