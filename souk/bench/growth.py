"""Bench ``growth``: a market of ten million events beside one of ten thousand, each on a stack of its own.

Both are filled by SQL (``seeding``) and then asked the same in turns: whole deals, single commands, reads. At the end
every read of the API is made once on the large one with ``auto_explain`` on, and the plans Postgres really used are
searched for scans of whole large tables.
"""

import asyncio
import json
from dataclasses import dataclass

import psycopg

from souk.bench.bare_api import READS, path_of
from souk.bench.command import Souk
from souk.bench.flow import AT_ONCE, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.plans import explain_reads
from souk.bench.read import READERS, Readers
from souk.bench.results import Result
from souk.bench.samples import Samples, Side
from souk.bench.seeding import FULL, Size, seed
from souk.drills.stack import DrillStack

SMALL = FULL // 1_000
QUICK_LARGE = 200_000
MOST = 1.3
_FLOWS, _QUICK_FLOWS = 32, 16
_DEALS, _QUICK_DEALS = 40, 5
_REQUESTS, _QUICK_REQUESTS = 1_200, 64
# A seeded store's process does not run: starting ten thousand would measure nothing. So invariant 8, which wants one
# for every store, is left out here.
_WITHOUT_PROCESSES = "invariant 8 (processes) is left out: seeded stores have none running"

_LEFT_OUT = (
    "a thousand watchers (a stream carries what is new, whatever came before it: `watch`), a store with a hundred"
    " thousand facts (`trust`) and open processes (`sleep`), which have benches of their own at those sizes"
)


@dataclass(slots=True)
class _Side:
    """One of the two markets, with its traders and readers, and a seeded store and listing to read."""

    market: Market
    souk: Souk
    readers: Readers
    store_id: str
    listing_id: str

    @classmethod
    async def open(cls, market: Market) -> "_Side":
        with psycopg.connect(market.owner_url) as connection:
            row = connection.execute(
                "SELECT store_id, listing_id FROM listings JOIN agents a ON a.handle = 'seed-merchant-5'"
                " JOIN stores s USING (store_id) WHERE s.owner_merchant_id = a.agent_id LIMIT 1"
            ).fetchone()
        assert row is not None
        side = cls(market, await Souk.open(market.api), Readers(market.api), str(row[0]), str(row[1]))
        await rate(AT_ONCE, side.souk.traders.flow)
        for name in READS:
            await side.readers.read(side.path(name), READERS)
        return side

    def path(self, name: str) -> str:
        # Pages of ten: the small market has no fifty stores, and a shorter page would pass for a faster one.
        return path_of(name, self.store_id, self.listing_id).replace("limit=50", "limit=10")

    def close(self) -> None:
        self.souk.close()
        self.readers.close()


def run_growth(bench: Bench, events: int) -> Result:
    """From the main thread. ``events``: of the large market. Raises StackError when a stack does not come up."""
    result = bench.result(
        "growth",
        "A grown market",
        f"deals, commands and reads with {events:,} activity events and the rest in proportion",
        f"itself with {SMALL:,}",
        f"≤ {MOST} × at the 1,000-fold market",
    )
    bench.tell("starting two stacks")
    bench.data_dir.mkdir(parents=True, exist_ok=True)
    with (
        DrillStack(bench.data_dir / "small", LIFTED) as small,
        DrillStack(bench.data_dir / "large", LIFTED) as large,
    ):
        for stack, size in ((small, SMALL), (large, events)):
            bench.tell(f"seeding {size:,} events")
            rows = seed(stack.settings.database_url, Size(size), bench.tell)
            if stack is large:
                result.facts["rows"] = ", ".join(f"{count:,} {table}" for table, count in rows.items())
        asyncio.run(_measure(bench, small, large, result))
        if not result.interrupted:
            bench.tell("explaining every read of the large market")
            plans = explain_reads(large, bench.tell)
            result.facts["plans"] = plans.summary
            if not bench.quick and events >= FULL:
                plans.keep()
            elif plans.scans:
                bench.tell(json.dumps(plans.scans, indent=1))
    return result


async def _measure(bench: Bench, small: DrillStack, large: DrillStack, result: Result) -> None:
    async with Market(small) as small_market, Market(large) as large_market:
        bench.tell("warming up")
        sides: dict[Side, _Side] = {"subject": await _Side.open(large_market), "floor": await _Side.open(small_market)}

        samples = Samples(result, MOST, MOST)

        async def one_round(number: int) -> None:
            # One measure after the other, on both sides, and no side always first: what disturbs the
            # machine for some seconds disturbs both.
            turns = list(sides.items())[:: -1 if number % 2 else 1]
            for name, side in turns:
                await _flows(bench, result, name, side)
            for read in READS:
                for name, side in turns:
                    await _read(bench, result, name, side, read)
            for name, side in turns:
                samples.note(name, await side.souk.times(_QUICK_DEALS if bench.quick else _DEALS))

        await bench.in_turns(result, one_round)
        samples.finish()
        for side in sides.values():
            side.close()
            await settle()
            await side.market.audit(result, bench.tell, processes=False)
        result.facts["audit"] = _WITHOUT_PROCESSES
        result.facts["left out"] = _LEFT_OUT


async def _flows(bench: Bench, result: Result, name: Side, side: _Side) -> None:
    flows = await rate(_QUICK_FLOWS if bench.quick else _FLOWS, side.souk.traders.flow)
    _add(result, name, "a flow, 16 at a time", 1000 / flows)


async def _read(bench: Bench, result: Result, name: Side, side: _Side, read: str) -> None:
    found = await side.readers.read(side.path(read), _QUICK_REQUESTS if bench.quick else _REQUESTS)
    _add(result, name, f"{read}, {READERS} at a time", 1000 / found.per_second)
    _add(result, name, f"{read}, p99", found.p99)


def _add(result: Result, name: Side, row: str, milliseconds: float) -> None:
    compared = result.compare(row, "ms", at_most=MOST)
    (compared.subject if name == "subject" else compared.floor).append(milliseconds)
