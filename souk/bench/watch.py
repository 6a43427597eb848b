"""Bench ``watch``: a thousand watchers of the live feed, while fifty events happen each second.

Events are messages written by Souk's own queries on connections of the bench, so that posting them costs the API
nothing: what is measured is the way from a commit to the last of the watchers. A watcher that was let go comes back
with the id of the last event it saw, as a browser does; each must have got every event, once.
"""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

import uvloop

from db.market import conversation
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.market.policy import MarketPolicy
from domain.platform.identity import AgentType
from souk.bench.cpu import seconds_of
from souk.bench.crowd import Crowd, Round
from souk.bench.deals import Shop, register
from souk.bench.flow import settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.results import Result, quantile
from souk.drills.stack import DrillStack
from souk.stack.descriptors import lift_descriptors

WATCHERS, QUICK_WATCHERS = 1_000, 50
EVENTS_PER_SECOND = 50
SECONDS, QUICK_SECONDS = 6, 3
P99_SECONDS = 1.0
_AT_ONCE = 4
"""Transactions under way: the pace must hold while one waits for the disk."""
_DRAIN_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_MEMORY_UNIT = 1024


@dataclass(slots=True)
class _Posts:
    """Writes messages at an even pace, each in a transaction of its own."""

    market: Market
    thread_id: UUID
    author_id: UUID

    async def post(self, current: Round) -> float:
        """Publish time is just before the commit: no watcher can have seen it earlier. Returns events a second."""
        started = time.monotonic()
        room = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for number in range(current.size):
                await asyncio.sleep(max(0.0, started + number / EVENTS_PER_SECOND - time.monotonic()))
                await room.acquire()
                tasks.create_task(self._write(current)).add_done_callback(lambda _: room.release())
        return current.size / max(time.monotonic() - started, current.size / EVENTS_PER_SECOND)

    async def _write(self, current: Round) -> None:
        message_id = new_id()
        async with self.market.database.session() as session:
            await conversation.insert_message(
                await Transaction.of(session),
                message_id,
                self.thread_id,
                self.author_id,
                AgentType.MERCHANT,
                "So it does.",
                None,
                MarketPolicy(),
            )
            current.publish(str(message_id).encode(), time.monotonic())


def run_watch(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    watchers = QUICK_WATCHERS if bench.quick else WATCHERS
    result = bench.result(
        "watch",
        "The live feed",
        f"{watchers:,} SSE watchers while {EVENTS_PER_SECOND} events a second happen",
        "none: from commit to arrival at the last watcher",
        f"p99 ≤ {P99_SECONDS:g} s, nothing missed, memory per watcher reported",
    )
    lift_descriptors()
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(bench, stack, watchers, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, watchers: int, result: Result) -> None:
    size = EVENTS_PER_SECOND * (QUICK_SECONDS if bench.quick else SECONDS)
    api = stack.parts["api"].child.pid
    assert api is not None
    async with Market(stack) as market:
        shop = await Shop.open(market.api)
        author = await register(market.api, "MERCHANT")
        thread = await author.post("/v1/threads", {"type": "GENERAL", "title": "A long talk"})
        posts = _Posts(market, UUID(thread["thread_id"]), UUID(author.agent_id))
        await posts.post(Round(EVENTS_PER_SECOND))
        crowd = Crowd(int(market.api.rpartition(":")[2]))
        before = market.memory("api")
        bench.tell(f"connecting {watchers} watchers")
        await crowd.gather(watchers)
        await asyncio.sleep(1)
        idle = market.memory("api")
        result.figure("memory per watcher, nothing happening", "KiB").values.append(
            (idle - before) * _MEMORY_UNIT / watchers
        )

        async def one_round(_: int) -> None:
            current = crowd.begin(size)
            spent, own, began = seconds_of(api), time.process_time(), time.monotonic()
            pace = await posts.post(current)
            await _drain(crowd)
            took = time.monotonic() - began
            _note(result, crowd)
            for name, value, unit in (
                ("events that happened", pace, "1/s"),
                ("events handed to watchers", current.handed / took, "1/s"),
                ("processor time of the API", (seconds_of(api) - spent) / took * 1000, "ms/s"),
                ("processor time of the watchers and the writer", (time.process_time() - own) / took * 1000, "ms/s"),
                ("memory per watcher, after a round", (market.memory("api") - before) * _MEMORY_UNIT / watchers, "KiB"),
            ):
                result.figure(name, unit).values.append(value)

        await bench.in_turns(result, one_round)
        result.facts["watchers that were let go and came back"] = str(crowd.reconnects)
        result.facts["lifted for the bench's one address"] = "request rates; the limits of streams are the defaults"
        crowd.close()
        author.close()
        shop.owner.close()
        await settle()
        await market.audit(result, bench.tell)


async def _drain(crowd: Crowd) -> None:
    """Until everything arrived everywhere, or nothing more does in good time."""
    for _ in range(round(_DRAIN_SECONDS / _LOOK_SECONDS)):
        if crowd.has_all:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _note(result: Result, crowd: Crowd) -> None:
    current, now = crowd.round, time.monotonic()
    # One that is not everywhere yet counts with the time it has waited so far: the truth is worse.
    waiting = {number for watcher in crowd.watchers for number, seen in enumerate(watcher.seen) if not seen}
    times = [
        (now if number in waiting else current.last[number]) - sent for number, sent in enumerate(current.published)
    ]
    result.figure("commit to last watcher, p50", "s").values.append(quantile(times, 0.5))
    result.figure("commit to last watcher, p99", "s", P99_SECONDS).values.append(quantile(times, 0.99))
    missed = result.figure(f"events a watcher missed, or saw later than {_DRAIN_SECONDS:g} s", "count", 0)
    missed.values.append(crowd.missed)
    result.figure("events seen twice by a watcher", "count", 0).values.append(crowd.doubled)
