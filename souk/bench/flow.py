"""Bench ``flow``: whole deals over HTTP, sixteen at a time, against bare workflows called from the SDK."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from temporalio.client import Client

from souk.bench.bare import bare_client, bare_flow
from souk.bench.deals import STEPS, Deal, Shop, register
from souk.bench.floors import bare_worker
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.http import BenchRefusedError
from souk.bench.results import Result
from souk.drills.stack import DrillStack
from souk_client.repeating import new_key

AT_ONCE = 16
FLOWS = 96
QUICK_FLOWS = 16
GOAL = 0.8


class Traders:
    """Sixteen shops, each with a buyer that deals with it again and again."""

    def __init__(self, deals: list[tuple[Shop, Deal]]) -> None:
        self._deals = deals

    @classmethod
    async def open(cls, api: str) -> "Traders":
        shops = await asyncio.gather(*(Shop.open(api) for _ in range(AT_ONCE)))
        buyers = await asyncio.gather(*(register(api, "CUSTOMER") for _ in range(AT_ONCE)))
        return cls([(shop, Deal(shop, buyer)) for shop, buyer in zip(shops, buyers, strict=True)])

    @property
    def shops(self) -> list[Shop]:
        return [shop for shop, _ in self._deals]

    async def flow(self, number: int) -> None:
        """One whole deal by the trader of that number, and a look at the feed of its listing at the end."""
        shop, known = self._deals[number]
        deal = Deal(shop, known.buyer)
        for step in STEPS:
            await deal.step(step)
        feed = await deal.buyer.get(f"/v1/activity?listing_id={shop.listing_id}&limit=20")
        if not any(event["type"] == "ORDER_DELIVERED" for event in feed["items"]):
            raise BenchRefusedError("the feed does not show the delivery")

    def close(self) -> None:
        for shop, deal in self._deals:
            shop.owner.close()
            deal.buyer.close()


async def rate(flows: int, one: Callable[[int], Awaitable[None]]) -> float:
    """Flows per second when so many are done, sixteen at a time. ``one`` gets the number of its trader."""
    left = iter(range(flows))

    async def trader(number: int) -> None:
        for _ in left:
            await one(number)

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(trader(number))
    return flows / (time.monotonic() - started)


async def bare_rate(client: Client, flows: int) -> float:
    async def one(_: int) -> None:
        await bare_flow(client, f"bench/{new_key()}")

    return await rate(flows, one)


def run_flow(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    result = bench.result(
        "flow",
        "A whole deal",
        "question → offer → accept → buy → deliver → review → feed, over HTTP, 16 at a time",
        "bare workflows: 3 starts and 5 updates with no-op local activities, by the SDK",
        f"≥ {GOAL} of the floor's rate",
    )
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack, bare_worker(stack):
        asyncio.run(_measure(bench, stack, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, result: Result) -> None:
    flows = QUICK_FLOWS if bench.quick else FLOWS
    async with Market(stack) as market:
        client = await bare_client(market.settings.temporal_address, market.settings.temporal_namespace)
        bench.tell("warming up")
        traders = await Traders.open(market.api)
        await rate(flows // 2, traders.flow)
        await bare_rate(client, flows // 2)

        async def one_round(_: int) -> None:
            compared = result.compare("flows a second", "1/s", at_least=GOAL)
            subject = await rate(flows, traders.flow)
            compared.floor.append(await bare_rate(client, flows))
            compared.subject.append(subject)

        await bench.in_turns(result, one_round)
        traders.close()
        await settle()
        await market.audit(result, bench.tell)


async def settle(seconds: float = 3.0) -> None:
    """What processes tell each other after the last answer is told before an audit."""
    await asyncio.sleep(seconds)
