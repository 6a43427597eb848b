"""Bench ``cpu``: what a deal and a read cost in processor time, part by part, beside the floor.

Processor time is what the parts' processes report to the kernel, so other work on the machine hardly moves it,
where it halves a rate. The client's share is this process's own.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg

from souk.bench.bare import bare_client
from souk.bench.bare_api import READS, bare_path, path_of
from souk.bench.deals import Shop
from souk.bench.floors import bare_worker
from souk.bench.flow import Traders, bare_rate, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.read import Readers, bare_reads, until_up
from souk.bench.results import Result
from souk.drills.stack import DrillStack

FLOWS = 64
QUICK_FLOWS = 32
REQUESTS = 400
_DEAL = "deal"
_WORTH_A_LINE = 0.02
_AFTERWARDS_SECONDS = 1.0
_KB = 1000


def seconds_of(pid: int) -> float:
    """Processor time of a process, its living children and those that ended."""
    total = 0.0
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        try:
            used = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + (used.children_user + used.children_system if one is process else 0.0)
    return total


class Meter:
    """Processor time of named processes between two looks."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids

    def _look(self) -> dict[str, float]:
        return {"client": time.process_time()} | {name: seconds_of(pid) for name, pid in self._pids.items()}

    @contextmanager
    def over(self, together: list[float], times: int) -> Iterator[dict[str, float]]:
        """The milliseconds per one of ``times``: adds their sum, and tells each part's once the block is over."""
        before = self._look()
        parts: dict[str, float] = {}
        yield parts
        parts |= {name: (seconds - before[name]) * 1000 / times for name, seconds in self._look().items()}
        together.append(sum(parts.values()))


def tell_parts(result: Result, what: str, parts: dict[str, float]) -> None:
    """What each part spent, where it is worth a line."""
    for name, spent in parts.items():
        if spent > sum(parts.values()) * _WORTH_A_LINE:
            result.figure(f"{what}: {name}", "ms").values.append(spent)


@contextmanager
def written(market: Market, stack: DrillStack, result: Result, times: int) -> Iterator[None]:
    """Adds the kilobytes per one of ``times`` that Postgres logged and that the stores grew by."""

    def look() -> dict[str, int]:
        with psycopg.connect(market.owner_url.replace("postgresql+psycopg", "postgresql", 1)) as connection:
            found = connection.execute("SELECT pg_current_wal_lsn() - '0/0', pg_database_size(current_database())")
            row = found.fetchone()
        assert row is not None
        files = (path.stat().st_size for path in stack.data_dir.glob("temporal.db*"))
        return {"log of Postgres": int(row[0]), "tables and indexes": row[1], "Temporal's file": sum(files)}

    before = look()
    yield
    for name, size in look().items():
        result.figure(f"{_DEAL}: {name}", "kB").values.append((size - before[name]) / times / _KB)


def run_cpu(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    result = bench.result(
        "cpu",
        "Where the time goes",
        "processor time of one deal and of one read by the part that spends it, and what a deal writes",
        "bare workflows and bare routes, in the same run",
        "",
    )
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack, bare_worker(stack) as floor_worker:
        shop = asyncio.run(_one_shop(stack.api))
        with bare_reads(stack, shop.store_id, shop.listing_id) as (floor, floor_api):
            pids = {name: part.child.pid for name, part in stack.parts.items()}
            pids |= {"floor's worker": floor_worker.pid, "floor's API": floor_api.pid}
            meter = Meter({name: pid for name, pid in pids.items() if pid is not None})
            asyncio.run(_measure(bench, stack, shop, floor, meter, result))
    return result


async def _one_shop(api: str) -> Shop:
    shop = await Shop.open(api)
    shop.owner.close()
    return shop


async def _measure(bench: Bench, stack: DrillStack, shop: Shop, floor: str, meter: Meter, result: Result) -> None:
    flows = QUICK_FLOWS if bench.quick else FLOWS
    async with Market(stack) as market:
        client = await bare_client(market.settings.temporal_address, market.settings.temporal_namespace)
        traders = await Traders.open(market.api)
        souk, bare = Readers(market.api), Readers(floor)
        bench.tell("warming up")
        await until_up(floor)
        await rate(flows, traders.flow)
        await bare_rate(client, flows)

        async def one_round(_: int) -> None:
            row = result.compare(_DEAL, "ms")
            with meter.over(row.subject, flows) as parts, written(market, stack, result, flows):
                await rate(flows, traders.flow)
                await settle(_AFTERWARDS_SECONDS)
            tell_parts(result, _DEAL, parts)
            with meter.over(row.floor, flows) as parts:
                await bare_rate(client, flows)
            tell_parts(result, f"{_DEAL}'s floor", parts)
            for name in READS:
                row = result.compare(name, "ms")
                with meter.over(row.subject, REQUESTS):
                    await souk.read(path_of(name, shop.store_id, shop.listing_id), REQUESTS)
                with meter.over(row.floor, REQUESTS):
                    await bare.read(bare_path(name), REQUESTS)

        await bench.in_turns(result, one_round)
        souk.close()
        bare.close()
        traders.close()
        await settle()
        await market.audit(result, bench.tell)
