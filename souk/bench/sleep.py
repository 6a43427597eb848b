"""Bench ``sleep``: open negotiations and orders waiting for their dates, by the ten thousand, beside none.

Two stacks, each with its traders. On one, sleepers are made by the real commands: updates with start to the real
processes, whose activities write the real rows; only their buyers are put in by SQL, and the HTTP API is left out,
because it would be most of the work. Two of three are first offers that wait for an answer; every second of their
buyers also bought at the list price, and that order waits for its delivery. Then commands are timed on both in turns,
and the workers' memory is read.
"""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

import psycopg

from activities.market.waking import market_process
from activities.platform.workflows import send_command
from db.platform.ids import new_id
from domain.market.commands import MakeOffer, NegotiationStart, OrderStart, PlaceOrder
from domain.market.policy import MarketPolicy
from souk.bench.command import Souk
from souk.bench.deals import Shop
from souk.bench.flow import AT_ONCE, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.results import Result
from souk.bench.samples import Samples, Side
from souk.drills.stack import DrillStack

DEFAULT, QUICK = 100_000, 400
MOST = 1.2
_SHOPS = 16
_PER_BUYER = 16
# Putting them to sleep takes twenty minutes: so many that a p99 does not rest on the two slowest.
_DEALS, _QUICK_DEALS = 120, 5
QUICK_WARM = 5
_RPC_SECONDS = 60.0


@dataclass(slots=True)
class _Sleepers:
    """Makes them. No two share a buyer and a listing, as the market demands."""

    market: Market
    shops: list[Shop]
    buyers: list[UUID]
    made: int = 0

    @classmethod
    async def prepare(cls, market: Market, count: int) -> "_Sleepers":
        shops = [await Shop.open(market.api) for _ in range(_SHOPS)]
        for shop in shops:
            shop.owner.close()
        buyers = [new_id() for _ in range(-(-count // _PER_BUYER))]
        with psycopg.connect(market.owner_url) as connection:
            connection.execute(
                "INSERT INTO agents (agent_id, agent_type, handle, display_name)"
                " SELECT id, 'CUSTOMER', 'sleeper-' || id, 'Sleeper' FROM unnest(%s::uuid[]) id",
                [buyers],
            )
        return cls(market, shops, buyers)

    async def make(self, count: int) -> None:
        """So many, sixteen at a time."""
        numbers = iter(range(count))

        async def one() -> None:
            for number in numbers:
                if self.made >= count:
                    return
                await self._start(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one())

    async def _start(self, number: int) -> None:
        shop = self.shops[number % _SHOPS]
        buyer = self.buyers[number // _PER_BUYER]
        listing_id, store_id, policy = UUID(shop.listing_id), UUID(shop.store_id), MarketPolicy()
        offer_id = new_id()
        await self._command(
            NegotiationStart(negotiation_id=offer_id, listing_id=listing_id, store_id=store_id, policy=policy),
            MakeOffer(
                command_id=offer_id, negotiation_id=offer_id, listing_id=listing_id, buyer_id=buyer, price_cents=1_200,
                quantity=1,
            ),
        )  # fmt: skip
        if number % 2:
            return
        order_id = new_id()
        await self._command(
            OrderStart(order_id=order_id, listing_id=listing_id, store_id=store_id, policy=policy),
            PlaceOrder(command_id=order_id, buyer_id=buyer, listing_id=listing_id),
        )

    async def _command(self, start: NegotiationStart | OrderStart, command: MakeOffer | PlaceOrder) -> None:
        await send_command(self.market.temporal, market_process(start), command, seconds=_RPC_SECONDS)
        self.made += 1


def run_sleep(bench: Bench, size: int) -> Result:
    """From the main thread. ``size``: processes asleep. Raises StackError when a stack does not come up."""
    result = bench.result(
        "sleep",
        "A sleeping market",
        f"{size:,} open negotiations and orders waiting for their dates",
        "none open",
        f"worker memory and command latency ≤ {MOST} ×",
    )
    bench.tell("starting two stacks")
    bench.data_dir.mkdir(parents=True, exist_ok=True)
    with (
        DrillStack(bench.data_dir / "awake", LIFTED) as awake,
        DrillStack(bench.data_dir / "asleep", LIFTED) as asleep,
    ):
        asyncio.run(_fill(bench, asleep, size, result))
        # Started anew, neither worker holds what filling left behind.
        for stack in (awake, asleep):
            stack.parts["worker"].stop()
            stack.parts["worker"].restart()
            stack.wait_ready()
        asyncio.run(_measure(bench, awake, asleep, result))
    return result


async def _fill(bench: Bench, stack: DrillStack, size: int, result: Result) -> None:
    async with Market(stack) as market:
        sleepers = await _Sleepers.prepare(market, size)
        before = market.memory("worker")
        bench.tell(f"putting {size:,} processes to sleep")
        started = time.monotonic()
        shown = asyncio.create_task(_show(bench, sleepers, size))
        try:
            await sleepers.make(size)
        finally:
            shown.cancel()
        taken = time.monotonic() - started
        result.facts["asleep"] = f"{sleepers.made:,} processes, made in {taken:.0f} s"
        result.facts["worker memory while they were made"] = (
            f"{before:.0f} MiB before, {market.memory('worker'):.0f} MiB after"
        )
        result.facts["bytes each takes"] = _bytes_each(stack, market, sleepers.made)
        await settle()


async def _show(bench: Bench, sleepers: _Sleepers, size: int) -> None:
    while True:
        await asyncio.sleep(15)
        bench.tell(f"{sleepers.made:,} of {size:,} asleep")


def _bytes_each(stack: DrillStack, market: Market, made: int) -> str:
    temporal = sum(file.stat().st_size for file in stack.data_dir.glob("temporal.db*"))
    with psycopg.connect(market.owner_url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return f"{temporal / made:,.0f} of Temporal's database, {row[0] / made:,.0f} of Postgres'"


async def _measure(bench: Bench, awake: DrillStack, asleep: DrillStack, result: Result) -> None:
    deals = _QUICK_DEALS if bench.quick else _DEALS
    async with Market(awake) as awake_market, Market(asleep) as asleep_market:
        sides: dict[Side, Market] = {"subject": asleep_market, "floor": awake_market}
        bench.tell("warming up")
        souks = {name: await Souk.open(market.api) for name, market in sides.items()}
        for souk in souks.values():
            await rate(AT_ONCE, souk.traders.flow)
            await souk.times(QUICK_WARM)

        samples = Samples(result, MOST, MOST)

        async def one_round(_: int) -> None:
            for side, market in sides.items():
                samples.note(side, await souks[side].times(deals))
                memory = result.compare("worker memory", "MiB", at_most=MOST)
                (memory.subject if side == "subject" else memory.floor).append(market.memory("worker"))

        await bench.in_turns(result, one_round)
        samples.finish()
        for souk in souks.values():
            souk.close()
        await settle()
        for market in sides.values():
            await market.audit(result, bench.tell)
