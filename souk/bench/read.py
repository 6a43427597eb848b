"""Bench ``read``: the public reads, thirty-two at a time, against the same SQL in bare FastAPI routes."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from souk.bench.bare_api import READS, bare_path, path_of
from souk.bench.deals import Shop
from souk.bench.floors import floor_process
from souk.bench.flow import AT_ONCE, Traders, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.http import BenchRefusedError, Caller
from souk.bench.results import Result, quantile
from souk.drills.stack import DrillStack
from souk.stack.child import Child
from souk.stack.ports import listen, port_of

READERS = 32
REQUESTS = 600
QUICK_REQUESTS = 64
GOAL = 0.7
_OK = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """Requests per second, and times in milliseconds."""

    per_second: float
    p50: float
    p99: float


class Readers:
    """Thirty-two kept-alive connections to one server."""

    def __init__(self, base: str) -> None:
        self._callers = [Caller(base) for _ in range(READERS)]

    async def read(self, path: str, requests: int) -> Reading:
        """So many requests of one path. Raises BenchRefusedError when one is refused."""
        left = iter(range(requests))
        times: list[float] = []

        async def reader(caller: Caller) -> None:
            for _ in left:
                started = time.monotonic()
                status, body = await caller.ask("GET", path)
                times.append((time.monotonic() - started) * 1000)
                if status != _OK:
                    raise BenchRefusedError(f"GET {path}: {status} {body[:200]!r}")

        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for caller in self._callers:
                group.create_task(reader(caller))
        taken = time.monotonic() - started
        return Reading(requests / taken, quantile(times, 0.5), quantile(times, 0.99))

    def close(self) -> None:
        for caller in self._callers:
            caller.close()


@contextmanager
def bare_reads(stack: DrillStack, store_id: str, listing_id: str) -> Iterator[tuple[str, Child]]:
    """The bare routes beside a stack; yields where they answer, and their process."""
    listener = listen("127.0.0.1", 0, "the floor's port")
    fd = listener.fileno()
    with floor_process(stack, "souk.bench.bare_api", str(fd), store_id, listing_id, pass_fds=(fd,)) as child:
        yield f"http://127.0.0.1:{port_of(listener)}", child
    listener.close()


def run_read(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    result = bench.result(
        "read",
        "Public reads",
        f"feed page, listings, store, leaderboards, search: requests a second and p99, {READERS} at a time",
        "the same SQL in a bare FastAPI route on the same kind of pool",
        f"≥ {GOAL} of the floor's rate",
    )
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack:
        shop = asyncio.run(_fill(bench, stack, result))
        with bare_reads(stack, shop.store_id, shop.listing_id) as (floor, _):
            asyncio.run(_measure(bench, stack, shop, floor, result))
    return result


async def _fill(bench: Bench, stack: DrillStack, result: Result) -> Shop:
    """A small market, so that every page is a full one."""
    bench.tell("opening shops and trading a little")
    traders = await Traders.open(stack.api)
    shops = [*traders.shops, *await asyncio.gather(*(Shop.open(stack.api) for _ in range(AT_ONCE)))]
    for _ in range(3 if bench.quick else 4):
        shops += await asyncio.gather(*(Shop.open(stack.api) for _ in range(8)))
    await rate(AT_ONCE if bench.quick else 2 * AT_ONCE, traders.flow)
    for shop in itertools.islice(shops, AT_ONCE, None):
        shop.owner.close()
    traders.close()
    result.facts["market"] = f"{len(shops)} stores with a listing each, pages of 50"
    return shops[0]


async def _measure(bench: Bench, stack: DrillStack, shop: Shop, floor: str, result: Result) -> None:
    requests = QUICK_REQUESTS if bench.quick else REQUESTS
    async with Market(stack) as market:
        bench.tell("warming up")
        souk, bare = Readers(stack.api), Readers(floor)
        await until_up(floor)
        for name in READS:
            await souk.read(path_of(name, shop.store_id, shop.listing_id), READERS * 2)
            await bare.read(bare_path(name), READERS * 2)

        async def one_round(_: int) -> None:
            for name in READS:
                subject = await souk.read(path_of(name, shop.store_id, shop.listing_id), requests)
                peer = await bare.read(bare_path(name), requests)
                row = result.compare(name, "1/s", at_least=GOAL)
                row.subject.append(subject.per_second)
                row.floor.append(peer.per_second)
                row = result.compare(f"{name}, p99", "ms")
                row.subject.append(subject.p99)
                row.floor.append(peer.p99)

        await bench.in_turns(result, one_round)
        souk.close()
        bare.close()
        await settle()
        await market.audit(result, bench.tell)


async def until_up(base: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        caller = Caller(base)
        try:
            await caller.ask("GET", "/openapi.json")
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return
        finally:
            caller.close()
