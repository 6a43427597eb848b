"""Bench ``command``: how long one offer, one accept and one purchase take, idle and at half load.

Their peers are the same bare updates: an offer and a purchase start their process, an accept finds it running.
Half load is half of the rate sixteen at a time reach, measured just before, on each side its own kind of flow.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from temporalio.client import Client

from souk.bench.bare import bare_client, bare_flow, start_and_update, update
from souk.bench.deals import Deal, Shop, register
from souk.bench.floors import bare_worker
from souk.bench.flow import AT_ONCE, Traders, bare_rate, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.http import Caller
from souk.bench.results import Result
from souk.bench.samples import Samples
from souk.drills.stack import DrillStack
from souk_client.repeating import new_key

DEALS = 40
QUICK_DEALS = 5
P50, P99 = 1.5, 2.0
COMMANDS = ("offer", "accept", "buy")
Times = dict[str, list[float]]


@dataclass(slots=True)
class Souk:
    """The subject: a shop and its buyer, one command after the other; and traders for the load."""

    traders: Traders
    shop: Shop
    buyer: Caller

    @classmethod
    async def open(cls, api: str) -> "Souk":
        shop = await Shop.open(api)
        souk = cls(await Traders.open(api), shop, await register(api, "CUSTOMER"))
        # Having asked once, the buyer may buy ever after.
        await Deal(shop, souk.buyer).question()
        return souk

    def close(self) -> None:
        self.traders.close()
        self.shop.owner.close()
        self.buyer.close()

    async def times(self, deals: int) -> Times:
        found: Times = {name: [] for name in COMMANDS}
        for _ in range(deals):
            deal = Deal(self.shop, self.buyer)
            for name in COMMANDS:
                started = time.monotonic()
                await deal.step(name)
                found[name].append((time.monotonic() - started) * 1000)
        return found

    async def load(self, number: int) -> None:
        await self.traders.flow(number)


@dataclass(slots=True)
class _Bare:
    """The floor: the same updates on bare workflows."""

    client: Client

    async def times(self, deals: int) -> Times:
        found: Times = {name: [] for name in COMMANDS}
        for _ in range(deals):
            name = f"bench/{new_key()}"
            for command, call in (
                ("offer", start_and_update(self.client, f"{name}/negotiation", 2)),
                ("accept", update(self.client, f"{name}/negotiation")),
                ("buy", start_and_update(self.client, f"{name}/order", 1)),
            ):
                started = time.monotonic()
                await call
                found[command].append((time.monotonic() - started) * 1000)
        return found

    async def load(self, _: int) -> None:
        await bare_flow(self.client, f"bench/{new_key()}")


@dataclass(slots=True)
class _Load:
    """Flows begun at an even pace, whatever those before them do; a trader that is still busy is skipped."""

    one: Callable[[int], Awaitable[None]]
    per_second: float
    begun: int = 0
    skipped: int = 0
    _busy: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        free = list(range(AT_ONCE))

        async def trade(number: int) -> None:
            try:
                await self.one(number)
            finally:
                free.append(number)

        try:
            while True:
                await asyncio.sleep(1 / self.per_second)
                if not free:
                    self.skipped += 1
                    continue
                self.begun += 1
                task = asyncio.create_task(trade(free.pop(0)))
                self._busy.add(task)
                task.add_done_callback(self._busy.discard)
        finally:
            # Those begun are finished: half a deal would leave its trader with an open offer.
            for ended in await asyncio.gather(*self._busy, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended


@asynccontextmanager
async def load(one: Callable[[int], Awaitable[None]], per_second: float) -> AsyncIterator[None]:
    """That load, for as long as the block lasts."""
    task = asyncio.create_task(_Load(one, per_second).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def run_command(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    result = bench.result(
        "command",
        "One command",
        "one offer, one accept, one purchase over HTTP: p50 and p99, idle and at half load",
        "the same bare update, by the SDK, idle and at half of its own load",
        f"p50 ≤ {P50} ×, p99 ≤ {P99} ×",
    )
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack, bare_worker(stack):
        asyncio.run(_measure(bench, stack, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, result: Result) -> None:
    deals = QUICK_DEALS if bench.quick else DEALS
    async with Market(stack) as market:
        client = await bare_client(market.settings.temporal_address, market.settings.temporal_namespace)
        bench.tell("warming up, and finding half load")
        souk = await Souk.open(market.api)
        traders = souk.traders
        bare = _Bare(client)
        await rate(AT_ONCE, traders.flow)
        full = await rate(2 * AT_ONCE, traders.flow)
        await bare_rate(client, AT_ONCE)
        bare_full = await bare_rate(client, 3 * AT_ONCE)
        result.facts["half load"] = f"{full / 2:.1f} flows a second of Souk's, {bare_full / 2:.1f} bare ones"

        samples = Samples(result, P50, P99)

        async def one_round(_: int) -> None:
            samples.note("subject", await souk.times(deals), "idle")
            samples.note("floor", await bare.times(deals), "idle")
            bench.tell("  at half load")
            async with load(souk.load, full / 2):
                samples.note("subject", await souk.times(deals), "at half load")
            async with load(bare.load, bare_full / 2):
                samples.note("floor", await bare.times(deals), "at half load")

        await bench.in_turns(result, one_round)
        samples.finish()
        souk.close()
        await settle()
        await market.audit(result, bench.tell)
