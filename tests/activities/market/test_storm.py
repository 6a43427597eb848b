"""Many random commands from many buyers on a few listings: no deadlock, no fault, and a sound market after it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from config.settings import Settings
from db.platform.database import Database
from domain.market.states import DeliveryKind
from domain.platform.errors import lookup
from tests.activities.market.ledger import assert_proven
from tests.activities.market.scene import Deal, Purchase, Scene, code_of
from tests.builders import Shop
from tests.invariants import assert_sound


@pytest_asyncio.fixture
async def crowd(owner_url: str) -> AsyncIterator[Scene]:
    database = Database(Settings(database_url=owner_url).role_url("worker"), 12, "test-storm")
    yield Scene(database, owner_url)
    await database.close()


class Agent:
    """A buyer that does what the dice say to its own deals and orders, and to the merchants' side of them."""

    def __init__(self, scene: Scene, buyer, shops: list[Shop], seed: int) -> None:
        self.scene, self.buyer, self.shops = scene, buyer, shops
        self.dice = Random(seed)
        self.deals: list[Deal] = []
        self.orders: list[Purchase] = []
        self.codes: Counter[str] = Counter()

    async def live(self, steps: int) -> None:
        for _ in range(steps):
            act = self.dice.choice([self.bid, self.bid, self.haggle, self.haggle, self.buy, self.follow_up, self.fold])
            self.codes[await code_of(act())] += 1

    async def bid(self) -> None:
        deal = self.scene.deal(self.dice.choice(self.shops), self.buyer)
        await deal.make(self.dice.randint(1, 1_500), self.dice.randint(1, 2))
        self.deals.append(deal)

    async def haggle(self) -> None:
        if not self.deals:
            return
        deal = self.dice.choice(self.deals[-3:])
        by = self.dice.choice([self.buyer, deal.shop.merchant_id])
        word = self.dice.choice(["accept", "accept", "reject", "withdraw", "counter", "settle", "automatic", "again"])
        if word == "counter":
            await deal.counter(by, self.dice.randint(1, 1_500))
        elif word == "settle":
            await deal.settle()
        elif word == "automatic":
            await deal.answer_automatically()
        elif word == "again":
            await deal.again()
        else:
            await getattr(deal, word)(by)

    async def buy(self) -> None:
        deal = self.dice.choice(self.deals) if self.deals and self.dice.random() < 0.7 else None
        order = self.scene.purchase(deal.shop if deal else self.dice.choice(self.shops), self.buyer)
        await order.place(1, deal.standing if deal else None)
        self.orders.append(order)

    async def follow_up(self) -> None:
        if not self.orders:
            return
        order = self.dice.choice(self.orders)
        word = self.dice.choice(["deliver", "cancel", "request", "answer", "review", "settle"])
        if word == "review":
            await order.review(rating=self.dice.randint(1, 5))
        elif word == "settle":
            await order.settle()
        elif word == "answer":
            await order.tell(
                "answer_refund", order.shop.merchant_id, approve=True, goods_returned=self.dice.random() < 0.5
            )
        elif word == "deliver":
            await order.tell("deliver_order", order.shop.merchant_id)
        else:
            await order.tell({"cancel": "cancel_order", "request": "request_refund"}[word], self.buyer)

    async def fold(self) -> None:
        await self.scene.fold(self.dice.choice(self.shops))


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_commands(crowd: Scene, seed: int) -> None:
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await crowd.value(deadlocks)
    shops = [
        await crowd.shop(stock=4),
        await crowd.shop(stock=4, delivery=DeliveryKind.SHIPPED),
        await crowd.shop(stock=6, hero_only=True),
    ]
    await crowd.limit_listing(shops[0], auto_accept_cents=1_200, auto_decline_cents=300)
    agents = []
    for number in range(8):
        buyer = await crowd.customer(*shops)
        if number % 3 == 0:
            await crowd.limit_buyer(buyer, spend_cap_cents=4_000, max_open_negotiations=2)
        agents.append(Agent(crowd, buyer, shops, seed * 100 + number))
    await asyncio.gather(*(agent.live(20) for agent in agents))
    codes = sum((agent.codes for agent in agents), Counter[str]())
    assert codes["ok"] > 50
    assert all(code == "ok" or lookup(code) for code in codes), codes
    for shop in shops:
        await crowd.fold(shop)
        await assert_proven(crowd, shop)
        left, _ = await crowd.listing(shop)
        assert left >= 0
    await assert_sound(crowd.database)
    assert await crowd.value(deadlocks) == before


async def test_listings_crossed_by_buyers_do_not_deadlock(crowd: Scene) -> None:
    """Two buyers act on two listings in opposite orders, many times, with commands that lock the buyer too."""
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await crowd.value(deadlocks)
    shops = [await crowd.shop(stock=50) for _ in range(2)]
    buyers = [await crowd.customer(*shops) for _ in range(2)]

    async def walk(buyer, path: list[Shop]) -> None:
        for shop in path * 3:
            deal = await crowd.offer(shop, buyer)
            await asyncio.gather(deal.accept(shop.merchant_id), crowd.bought(shop, buyer))
            await crowd.bought(shop, buyer, offer_id=deal.standing)

    await asyncio.gather(walk(buyers[0], shops), walk(buyers[1], shops[::-1]))
    assert await crowd.value(deadlocks) == before
    await assert_sound(crowd.database)
