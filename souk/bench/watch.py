"""Bench ``watch``: a thousand watchers of the live feed, while fifty events happen each second.

Events are messages written by Souk's own queries on a connection of the bench, so that posting them costs the API
nothing: what is measured is the way from a commit to the last of the watchers. A watcher that was let go comes back
with the id of the last event it saw, as a browser does, and must have missed nothing.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import uvloop

from db.ids import new_id
from db.market import conversation
from db.market.agents import get_agent
from domain.market.policy import MarketPolicy
from souk.bench.deals import Shop, register
from souk.bench.flow import settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.results import Result, quantile
from souk.drills.stack import DrillStack

WATCHERS, QUICK_WATCHERS = 1_000, 50
EVENTS_PER_SECOND = 50
SECONDS, QUICK_SECONDS = 6, 3
P99_SECONDS = 1.0
_DRAIN_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_RECONNECT_SECONDS = 0.5
_EVENT = re.compile(rb'"message_id":"([0-9a-f-]{36})"[^\n]*\nid: (\S+)\n')
_MEMORY_UNIT = 1024


@dataclass(slots=True)
class _Arrivals:
    """When each message arrived at its last watcher so far, and at how many."""

    published: dict[bytes, float] = field(default_factory=dict)
    last: dict[bytes, float] = field(default_factory=dict)
    seen: dict[bytes, int] = field(default_factory=dict)
    handed: int = 0
    began: float = field(default_factory=time.monotonic)

    def note(self, key: bytes, now: float) -> None:
        self.handed += 1
        if key in self.seen:
            self.seen[key] += 1
            self.last[key] = now

    def publish(self, key: bytes) -> None:
        self.seen[key] = 0


class _Watcher(asyncio.Protocol):
    """One open stream, read as bytes: a watcher must not cost more than what it watches."""

    def __init__(self, crowd: "_Crowd") -> None:
        self._crowd = crowd
        self._rest = b""
        self._cursor = b""
        self._transport: asyncio.Transport | None = None
        self._over = False
        self.open = False
        self.reconnects = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's have another base
        self._rest = b""
        again = b"Last-Event-ID: " + self._cursor + b"\r\n" if self._cursor else b""
        self._transport.write(
            b"GET /v1/activity/stream HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n" + again + b"\r\n"
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        data = self._rest + data
        self.open = self.open or data.startswith(b"HTTP/1.1 200")
        end = 0
        for found in _EVENT.finditer(data):
            self._crowd.arrivals.note(found[1], now)
            self._cursor = found[2]
            end = found.end()
        self._rest = data[end:][-4096:]

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if not self._over:
            self.reconnects += 1
            self._crowd.come_back(self)

    def close(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.close()


class _Crowd:
    """All watchers of one API."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.arrivals = _Arrivals()
        self.watchers: list[_Watcher] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def gather(self, count: int) -> None:
        """Connect so many, and wait until every stream is open."""
        for _ in range(count):
            watcher = _Watcher(self)
            self.watchers.append(watcher)
            await self._connect(watcher)
        async with asyncio.timeout(_DRAIN_SECONDS):
            while not all(watcher.open for watcher in self.watchers):  # noqa: ASYNC110 - a protocol tells by a flag
                await asyncio.sleep(0.05)

    async def _connect(self, watcher: _Watcher) -> None:
        await asyncio.get_running_loop().create_connection(lambda: watcher, "127.0.0.1", self._port)

    def come_back(self, watcher: _Watcher) -> None:
        async def again() -> None:
            await asyncio.sleep(_RECONNECT_SECONDS)
            await self._connect(watcher)

        task = asyncio.get_running_loop().create_task(again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def reconnects(self) -> int:
        return sum(watcher.reconnects for watcher in self.watchers)

    def close(self) -> None:
        for watcher in self.watchers:
            watcher.close()


@dataclass(slots=True)
class _Posts:
    """Writes messages at an even pace, each in a transaction of its own."""

    market: Market
    thread_id: UUID
    author_id: UUID

    async def post(self, seconds: float, arrivals: _Arrivals) -> int:
        """Publish time is just before the commit: no watcher can have seen it earlier. Returns how many were late."""
        started = time.monotonic()
        late = 0
        total = int(seconds * EVENTS_PER_SECOND)
        for number in range(total):
            due = started + number / EVENTS_PER_SECOND
            late += time.monotonic() > due + 1 / EVENTS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            message_id = new_id()
            key = str(message_id).encode()
            async with self.market.database.transaction() as session:
                author = await get_agent(session, self.author_id)
                await conversation.insert_message(
                    session, message_id, self.thread_id, author, "So it does.", None, MarketPolicy()
                )
                arrivals.publish(key)
                arrivals.published[key] = time.monotonic()
        return late


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
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(bench, stack, watchers, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, watchers: int, result: Result) -> None:
    seconds = QUICK_SECONDS if bench.quick else SECONDS
    async with Market(stack) as market:
        shop = await Shop.open(market.api)
        author = await register(market.api, "MERCHANT")
        thread = await author.post("/v1/threads", {"type": "GENERAL", "title": "A long talk"})
        posts = _Posts(market, UUID(thread["thread_id"]), UUID(author.agent_id))
        await posts.post(1, _Arrivals())
        crowd = _Crowd(int(market.api.rpartition(":")[2]))
        before = market.memory("api")
        bench.tell(f"connecting {watchers} watchers")
        await crowd.gather(watchers)
        await asyncio.sleep(1)
        idle = market.memory("api")
        result.figure("memory per watcher, nothing happening", "KiB").values.append(
            (idle - before) * _MEMORY_UNIT / watchers
        )

        async def one_round(_: int) -> None:
            crowd.arrivals = _Arrivals()
            late = await posts.post(seconds, crowd.arrivals)
            await _drain(crowd, watchers)
            _note(result, crowd, watchers, late)
            result.figure("memory per watcher, after a round", "KiB").values.append(
                (market.memory("api") - before) * _MEMORY_UNIT / watchers
            )

        await bench.in_turns(result, one_round)
        result.facts["watchers that were let go and came back"] = str(crowd.reconnects)
        crowd.close()
        author.close()
        shop.owner.close()
        await settle()
        await market.audit(result, bench.tell)


async def _drain(crowd: _Crowd, watchers: int) -> None:
    """Until everything arrived everywhere, or nothing more does in good time."""
    for _ in range(round(_DRAIN_SECONDS / _LOOK_SECONDS)):
        if all(seen >= watchers for seen in crowd.arrivals.seen.values()):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _note(result: Result, crowd: _Crowd, watchers: int, late: int) -> None:
    arrivals, now = crowd.arrivals, time.monotonic()
    # One that is not everywhere yet counts with the time it has waited so far: the truth is worse.
    times = [
        (arrivals.last[key] if arrivals.seen[key] >= watchers else now) - sent
        for key, sent in arrivals.published.items()
    ]
    missed = sum(max(0, watchers - seen) for seen in arrivals.seen.values())
    doubled = sum(max(0, seen - watchers) for seen in arrivals.seen.values())
    result.figure("commit to last watcher, p50", "s").values.append(quantile(times, 0.5))
    result.figure("commit to last watcher, p99", "s", P99_SECONDS).values.append(quantile(times, 0.99))
    result.figure(f"events a watcher missed, or saw later than {_DRAIN_SECONDS:g} s", "count", 0).values.append(missed)
    result.figure("events seen twice by a watcher", "count", 0).values.append(doubled)
    result.figure("events handed to watchers", "1/s").values.append(arrivals.handed / (now - arrivals.began))
    result.figure("events posted late", "count").values.append(late)
