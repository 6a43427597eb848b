"""Customers' agents: find the right store, ask, haggle item by item, buy, review.

A customer only uses what the public API shows it. It wants every item from one store that has every wanted
amenity; among those it takes the one whose menu asks least, and haggles from there, so it can do no worse
than the best choice at menu prices.
"""

import asyncio
import secrets
from dataclasses import dataclass, field

from souk.trading.dataset import Customer
from souk.trading.haggle import POLL_SECONDS, await_delivery, haggle
from souk.trading.load import handle_of
from souk.trading.merchant import says_yes
from souk.trading.outcome import CustomerOutcome, Purchase, money
from souk.trading.progress import Board
from souk_client import ApiProblem, AsyncSouk, SoukError
from souk_client.models import Listing, ListingHit, Order
from souk_client.strategies import BuyerStrategy, Concession, temperament

ANSWER_LOOKS = 60
"""Answered reads of a thread before a store counts as silent, about twenty seconds."""


class NotServedError(Exception):
    """Why the customer goes home without (all of) what it wanted; the text is for the outcome table."""


@dataclass(slots=True)
class Candidate:
    """A store that has every wanted item: its listings by item."""

    store_id: str
    name: str
    owner_id: str
    listings: dict[str, Listing]
    amenities_ok: bool = False

    @property
    def menu_total(self) -> int:
        """What everything costs at list prices, in cents."""
        return sum(listing.price_cents for listing in self.listings.values())


@dataclass(slots=True)
class CustomerAgent:
    """Acts for one customer, from registering to its reviews."""

    client: AsyncSouk
    customer: Customer
    board: Board
    purchases: list[Purchase] = field(default_factory=list)
    _cap_cents: int = 0
    _market: AsyncSouk = field(init=False)
    _agent_id: str = ""

    async def run(self) -> CustomerOutcome:
        """The whole day. Problems of the market become the reason; only cancellation comes through."""
        outcome = CustomerOutcome(
            customer=self.customer.name,
            wanted=list(self.customer.values),
            value_cents=self.customer.value_cents,
        )
        try:
            await self._register()
            store = await self._choose(await self._find())
            outcome.store_name = store.name
            for item in self.customer.values:
                await self._obtain(item, store)
            outcome.served = True
        except NotServedError as error:
            outcome.reason = str(error)
        except ApiProblem as problem:
            outcome.reason = f"the market refused: {problem.detail} ({problem.code})"
        except SoukError as error:
            outcome.reason = str(error)
        outcome.purchases = self.purchases
        done = f"served by {outcome.store_name}, paid {money(outcome.paid_cents)} of {money(outcome.list_cents)}"
        self.board.stage(self.customer.name, done if outcome.served else outcome.reason, finished=True)
        return outcome

    def _say(self, text: str) -> None:
        self.board.stage(self.customer.name, text)

    async def _register(self) -> None:
        self._say("registering")
        handle = handle_of(self.customer.name, secrets.token_hex(4))
        bio = self.customer.request[:500]
        answer = await self.client.register("CUSTOMER", handle, self.customer.name, bio=bio)
        self._agent_id = answer.agent.agent_id
        self._market = self.client.acting_as(answer.api_key)
        await self._set_cap(self.customer.value_cents)

    async def _set_cap(self, cents: int) -> None:
        await self._market.set_spending_limits(spend_cap_cents=cents)
        self._cap_cents = cents

    async def _find(self) -> list[Candidate]:
        """Stores that sell every wanted item now, cheapest menu first."""
        self._say(f"searching for {', '.join(self.customer.values)}")
        by_store: dict[str, dict[str, Listing]] = {}
        for item in self.customer.values:
            async for hit in self._market.search(item, type="listing"):
                if isinstance(hit, ListingHit):
                    self._collect(by_store, item, hit)
        complete: list[Candidate] = []
        for store_id, listings in by_store.items():
            for item in self.customer.values:
                if item not in listings:
                    # Search ranks and may cut off; the store's own shelf is the last word.
                    async for found in self._market.listings(q=item, store_id=store_id):
                        self._collect(by_store, item, found)
            if len(listings) == len(self.customer.values):
                store = await self._market.store(store_id)
                complete.append(Candidate(store_id, store.name, store.owner_merchant_id, listings))
        if not complete:
            raise NotServedError(f"no store sells {' and '.join(self.customer.values)} together")
        return sorted(complete, key=lambda candidate: (candidate.menu_total, candidate.store_id))

    def _collect(self, by_store: dict[str, dict[str, Listing]], item: str, hit: Listing) -> None:
        if hit.title.casefold() != item.casefold() or hit.status != "ACTIVE":
            return
        listings = by_store.setdefault(hit.store_id, {})
        known = listings.get(item)
        if known is None or hit.price_cents < known.price_cents:
            listings[item] = hit

    async def _choose(self, candidates: list[Candidate]) -> Candidate:
        """The candidate with all amenities and the lowest menu total, if it is worth it."""
        wanted = self.customer.amenities
        if wanted:
            self._say(f"asking {len(candidates)} stores about {', '.join(wanted)}")
            await asyncio.gather(*(self._ask(candidate) for candidate in candidates))
        fitting = [candidate for candidate in candidates if candidate.amenities_ok or not wanted]
        if not fitting:
            raise NotServedError(f"no store with all items confirmed {' and '.join(wanted)}")
        best = fitting[0]
        if best.menu_total > 2 * self.customer.value_cents:
            raise NotServedError(f"{best.name} asks {money(best.menu_total)}, more than it is worth")
        return best

    async def _ask(self, candidate: Candidate) -> None:
        """Ask in a public thread of the store and believe only the store's owner."""
        wanted = self.customer.amenities
        title = f"Question about {' and '.join(wanted)}"[:120]
        thread = await self._market.open_thread(title, context_store_id=candidate.store_id)
        question = await self._market.post_message(
            thread.thread_id,
            f"Hello {candidate.name}, I would like to order {', '.join(candidate.listings)}. "
            f"Do you offer the following, yes or no for each: {', '.join(wanted)}?",
        )
        for _ in range(ANSWER_LOOKS):
            for message in (await self._market.thread(thread.thread_id)).messages:
                if (message.author_agent_id, message.parent_message_id) == (candidate.owner_id, question.message_id):
                    candidate.amenities_ok = all(says_yes(message.body, name) for name in wanted)
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _obtain(self, item: str, store: Candidate) -> None:
        """Haggle for one item; at list price when that fails and the bundle is still worth it."""
        listing = store.listings[item]
        list_cents = listing.price_cents
        limit = min(list_cents, self._worth_now(item, store))
        if limit < 1:
            raise NotServedError(f"{item} at {store.name} is no longer worth its price")
        await self._make_room(limit)
        self._say(f"haggling with {store.name} over {item}, menu price {money(list_cents)}")
        self.board.count("haggles")
        mood = f"{self.customer.id}/{item}"
        strategy = BuyerStrategy(
            first_bid_cents=max(1, round(list_cents * temperament(mood, 0.5, 0.62))),
            reservation_cents=min(limit, self.customer.values[item]),
            walk_away_cents=limit,
            concession=Concession(beta=temperament(mood + "/beta", 0.4, 1.0)),
        )
        result = await haggle(self._market, listing.listing_id, strategy)
        if result.offer_id is not None:
            order = await self._market.buy(offer_id=result.offer_id)
        elif list_cents <= limit:
            self._say(f"buying {item} at menu price: {result.reason}")
            order = await self._market.buy(
                listing.listing_id, expected_unit_price_cents=list_cents, expected_currency=listing.currency
            )
        else:
            raise NotServedError(f"{item} at {store.name}: {result.reason}")
        self.purchases.append(
            Purchase(
                item=item,
                store_id=store.store_id,
                store_name=store.name,
                order_id=order.order_id,
                list_cents=list_cents,
                paid_cents=order.total_price_cents,
                rounds=result.rounds,
                haggled=result.offer_id is not None,
            )
        )
        self.board.count("deals")
        await self._review(item, list_cents, await await_delivery(self._market, order))

    def _worth_now(self, item: str, store: Candidate) -> int:
        """The most to pay for ``item`` so that finishing the bundle at list prices is still no loss."""
        bought = {purchase.item for purchase in self.purchases}
        paid = sum(purchase.paid_cents for purchase in self.purchases)
        rest = sum(o.price_cents for name, o in store.listings.items() if name not in bought | {item})
        return 2 * self.customer.value_cents - paid - rest

    async def _make_room(self, price_cents: int) -> None:
        """Stretch the private budget from the items' worth to the bundle's, only when it is needed."""
        paid = sum(purchase.paid_cents for purchase in self.purchases)
        if paid + price_cents > self._cap_cents:
            await self._set_cap(2 * self.customer.value_cents)

    async def _review(self, item: str, list_cents: int, order: Order) -> None:
        if order.status != "DELIVERED":
            return
        self._say(f"reviewing {item}")
        bargain = order.total_price_cents <= list_cents * 9 // 10
        try:
            await self._market.post_review(
                order.order_id,
                5 if bargain else 4,
                "Exactly what I asked for, at a fair price." if bargain else "Good, if a little dear.",
                title=item[:100],
                as_described=5,
            )
        except ApiProblem as problem:
            # The purchase stands without it.
            self.board.note(f"{self.customer.name} could not review {item}: {problem.code}")
        else:
            self.board.count("reviews")
