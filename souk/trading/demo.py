"""``souk demo``: scripted merchants and customers trade through the public API, and say how it went.

Everything a market of agents does happens once: questions and answers, a public thread, haggling that ends
in a deal and haggling that does not, a public reference to a private offer, instant and shipped delivery,
honest reviews, a clearer policy, a lower price, and trust that moves with all of it. After that it may go on at a
human pace: customers come one by one, and merchants fill up their stock.
"""

import asyncio
import secrets
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console

from souk.stack.errors import StackError
from souk.trading.book import ListingCard, MerchantCard
from souk.trading.demo_cast import GUESTS, SHOPS, Good, Guest, Shop
from souk.trading.demo_report import StoreTally, report
from souk.trading.haggle import POLL_SECONDS, await_delivery, haggle
from souk.trading.load import handle_of
from souk.trading.merchant import Answer, MerchantAgent, follow_feed
from souk.trading.outcome import share
from souk.trading.progress import Board
from souk.trading.trade import stop
from souk_client import ApiProblem, AsyncSouk
from souk_client.strategies import BuyerStrategy, Concession, temperament

ANSWER_LOOKS = 40
TRUST_LOOKS = 30
CALM_LOOKS = 4
PAUSE_SECONDS = (2.0, 6.0)
"""Between two customers, when it goes on: at least and at most."""
LOW_STOCK = 3


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the market is."""

    api: str
    temporal_ui: str = ""


@dataclass(slots=True)
class Demo:
    """One performance. ``client`` is an observer; every actor gets its own key."""

    client: AsyncSouk
    board: Board
    tallies: list[StoreTally] = field(default_factory=list)

    async def run(self, after: Callable[[], Awaitable[None]] | None = None) -> list[StoreTally]:
        """Open, trade, improve, do what comes ``after`` while the merchants work, and wait until trust has settled."""
        self.tallies = list(await asyncio.gather(*(self._open(shop) for shop in SHOPS)))
        merchants = [
            MerchantAgent(self.client, t.card, fact_answer(t.shop), self.board.note, delivers=True)
            for t in self.tallies
        ]
        workers = [asyncio.create_task(agent.run()) for agent in merchants]
        workers.append(asyncio.create_task(follow_feed(self.client, merchants)))
        try:
            await asyncio.gather(*(self._visit(guest) for guest in GUESTS), self._improve())
            if after is not None:
                await self._settle_all()
                await after()
        finally:
            await stop(workers)
        await self._settle_all()
        return self.tallies

    async def go_on(self, interrupted: asyncio.Event, alive: Callable[[], bool]) -> None:
        """Customers come and go until interrupted. Raises StackError when the market is gone."""
        visits: dict[str, asyncio.Task[None]] = {}
        chance = secrets.SystemRandom()
        while not interrupted.is_set():
            if not alive():
                raise StackError("the market stopped by itself")
            for name in [name for name, visit in visits.items() if visit.done()]:
                await visits.pop(name)
            away = [guest for guest in GUESTS if guest.name not in visits]
            if away:
                guest = chance.choice(away)
                visits[guest.name] = asyncio.create_task(self._come_again(guest))
            with suppress(TimeoutError):
                await asyncio.wait_for(interrupted.wait(), chance.uniform(*PAUSE_SECONDS))
        await stop(list(visits.values()))

    async def _come_again(self, guest: Guest) -> None:
        """A visit by another customer of that name; what the market refuses sends it away, and nobody else."""
        tally = self._tally_of(guest)
        listing = tally.card.listings[guest.wish]
        try:
            await self._visit(guest)
            on_hand = (await self.client.listing(str(listing.listing_id))).inventory_on_hand
            if on_hand < LOW_STOCK:
                more = next(good.stock for good in tally.shop.goods if good.title == guest.wish)
                await self.client.acting_as(tally.card.api_key).set_inventory(str(listing.listing_id), delta=more)
        except ApiProblem as problem:
            if problem.is_fault:
                raise
            self.board.stage(guest.name, f"goes away: {problem.detail}", finished=True)

    async def _settle_all(self) -> None:
        await asyncio.gather(*(self._settle(tally) for tally in self.tallies))

    def _tally_of(self, guest: Guest) -> StoreTally:
        return next(tally for tally in self.tallies if guest.wish in tally.card.listings)

    async def _register(self, kind: Literal["MERCHANT", "CUSTOMER"], name: str, bio: str) -> tuple[str, str, str]:
        """A new agent: its handle, id and key."""
        handle = handle_of(name, secrets.token_hex(4))
        answer = await self.client.register(kind, handle, name, bio=bio)
        return handle, answer.agent.agent_id, answer.api_key

    async def _open(self, shop: Shop) -> StoreTally:
        self.board.stage(shop.merchant, f"opening {shop.store}")
        handle, agent_id, api_key = await self._register("MERCHANT", shop.merchant, shop.tagline)
        mine = self.client.acting_as(api_key)
        store = await mine.open_store(
            shop.store,
            tagline=shop.tagline,
            brand_voice=shop.brand_voice,
            return_policy_text=shop.return_policy,
            shipping_policy_text=shop.shipping_policy,
            hero_only=shop.hero_only,
        )
        card = MerchantCard(business_id=handle, name=shop.store, handle=handle, agent_id=agent_id, api_key=api_key)
        card.store_id = store.store_id
        for good in shop.goods:
            card.listings[good.title] = await self._list(mine, store.store_id, good)
        tally = StoreTally(shop, card)
        tally.trust_before = tally.trust_after = await self._trust(tally)
        self.board.stage(shop.merchant, f"{shop.store} is open with {len(shop.goods)} listed", finished=True)
        return tally

    async def _list(self, mine: AsyncSouk, store_id: str, good: Good) -> ListingCard:
        product = await mine.add_product(store_id, good.title, good.description)
        delivery: Literal["SHIPPED", "INSTANT"] = "SHIPPED" if good.shipped else "INSTANT"
        listing = await mine.add_listing(product.product_id, good.price_cents, good.stock, delivery=delivery)
        await mine.set_listing_limits(listing.listing_id, floor_cents=good.floor_cents)
        return ListingCard(
            price_cents=good.price_cents,
            floor_cents=good.floor_cents,
            product_id=product.product_id,
            listing_id=listing.listing_id,
            limits_set=True,
        )

    async def _visit(self, guest: Guest) -> None:
        """One customer: ask, haggle or not, buy, review."""
        tally = self._tally_of(guest)
        listing = tally.card.listings[guest.wish]
        _, _, api_key = await self._register("CUSTOMER", guest.name, guest.bio)
        mine = self.client.acting_as(api_key)
        await mine.set_spending_limits(spend_cap_cents=guest.value_cents)
        thread_id = await self._ask(mine, guest, tally)
        offer_id, how = None, "at the list price"
        if guest.haggles:
            self.board.stage(guest.name, f"haggling over {guest.wish}")
            tally.negotiations += 1
            result = await haggle(mine, str(listing.listing_id), bargaining(guest, listing.price_cents))
            tally.rounds += result.rounds
            if result.offer_id is None:
                self.board.stage(guest.name, f"no deal on {guest.wish}: {result.reason}", finished=True)
                return
            self.board.count("deals")
            await mine.mention_offer(result.offer_id, thread_id, public_note="We shook hands on it.")
            offer_id, how = result.offer_id, f"after {result.rounds} rounds"
        if offer_id is None:
            order = await mine.buy(str(listing.listing_id), expected_unit_price_cents=listing.price_cents)
        else:
            order = await mine.buy(offer_id=offer_id)
        tally.deals += 1
        tally.paid_cents += order.total_price_cents
        tally.list_cents += listing.price_cents
        self.board.stage(guest.name, f"bought {guest.wish} {how}, waiting for it")
        order = await await_delivery(mine, order)
        if order.status == "DELIVERED":
            tally.delivered += 1
            await self._review(mine, guest, order.order_id)
            tally.reviews += 1
        paid = share(order.total_price_cents, listing.price_cents)
        self.board.stage(guest.name, f"{guest.wish} {how}, {paid} of list, {guest.stars} stars", finished=True)

    async def _ask(self, mine: AsyncSouk, guest: Guest, tally: StoreTally) -> str:
        """A public question about the good, and the merchant's answer; the thread's id."""
        self.board.stage(guest.name, f"asking {tally.shop.store}")
        thread = await mine.open_thread(f"About {guest.wish}", context_store_id=tally.card.store_id)
        await mine.post_message(thread.thread_id, guest.question)
        self.board.count("questions")
        for _ in range(ANSWER_LOOKS):
            messages = (await mine.thread(thread.thread_id)).messages
            if any(message.author_agent_id == tally.card.agent_id for message in messages):
                self.board.count("answers")
                break
            await asyncio.sleep(POLL_SECONDS)
        return thread.thread_id

    async def _review(self, mine: AsyncSouk, guest: Guest, order_id: str) -> None:
        await mine.post_review(order_id, guest.stars, guest.review, title=guest.wish, as_described=guest.as_described)
        self.board.count("reviews")

    async def _improve(self) -> None:
        """A public thread for passers-by; then the vague policy gets clear and one price comes down."""
        maps = next(t for t in self.tallies if t.shop.store == "Widdershins Cartography")
        mine = self.client.acting_as(maps.card.api_key)
        thread = await mine.open_thread(
            "Rivers that would not stay", type="LAUNCH_DROP", context_store_id=maps.card.store_id
        )
        await mine.post_message(thread.thread_id, "The atlas is out. Ask me where the river went in 1911.")
        policy = "Returns window: 21 days. Refund rule: full refund if the print disappoints. Warranty: 1 year."
        why = "Sympathy is not a policy: now it says what you get back."
        await mine.update_policies(str(maps.card.store_id), why, return_policy_text=policy)
        self.board.count("policy updates")
        chorus = next(t for t in self.tallies if t.shop.store == "Nightjar Sound Archive")
        horns = chorus.card.listings["Dawn chorus over Lake Ohrid"]
        why = "The storage got cheaper, so the birds do too."
        await self.client.acting_as(chorus.card.api_key).set_price(str(horns.listing_id), 2350, why)
        self.board.count("price updates")

    async def _trust(self, tally: StoreTally) -> float:
        return (await self.client.trust(str(tally.card.store_id))).overall_score

    async def _settle(self, tally: StoreTally) -> None:
        """Trust is folded a moment after its causes: look until it stands still."""
        calm = 0
        for _ in range(TRUST_LOOKS):
            now = await self._trust(tally)
            calm = calm + 1 if now == tally.trust_after else 0
            tally.trust_after = now
            if calm >= CALM_LOOKS:
                return
            await asyncio.sleep(POLL_SECONDS)


def fact_answer(shop: Shop) -> Answer:
    """Answers a question by the first keyword it names, and honestly admits to the rest."""

    def answer(question: str) -> str | None:
        if "?" not in question:
            return None
        known = (fact for keyword, fact in shop.facts.items() if keyword in question.casefold())
        return next(known, "I do not know, and I would rather say so than guess.")

    return answer


def bargaining(guest: Guest, list_cents: int) -> BuyerStrategy:
    """The guest's way from a cheeky first bid to what the good is worth to it."""
    limit = min(guest.value_cents, list_cents)
    return BuyerStrategy(
        first_bid_cents=max(1, round(limit * temperament(guest.name, 0.55, 0.7))),
        reservation_cents=limit,
        walk_away_cents=limit,
        concession=Concession(beta=temperament(guest.wish + guest.name, 0.5, 1.2)),
    )


async def perform(market: Addresses, console: Console, alive: Callable[[], bool] | None) -> None:
    """Run the demo on a market and print the table; where ``alive`` is given go on until SIGINT or SIGTERM.

    ``alive`` is whether the market still runs. Raises ApiProblem, MarketUnreachableError, StackError.
    """
    interrupted = asyncio.Event()
    with Board(console, "Souk demo") as board:
        async with AsyncSouk(
            market.api, on_retry=lambda code: board.note(f"waiting for the market ({code})")
        ) as client:
            demo = Demo(client, board)

            async def go_on() -> None:
                assert alive is not None
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
                console.print(report(demo.tallies))
                tell_addresses(market, console)
                board.line("Trading goes on, a customer every few seconds, until you press Ctrl-C.")
                await demo.go_on(interrupted, alive)

            tallies = await demo.run(go_on if alive else None)
    console.print(report(tallies))


def tell_addresses(market: Addresses, console: Console) -> None:
    """Where to look at it."""
    found = {"Market": market.api, "API docs": f"{market.api}/docs", "Temporal UI": market.temporal_ui}
    for name, address in found.items():
        if address:
            console.print(f"{name:<13}{address}", highlight=False, soft_wrap=True)
