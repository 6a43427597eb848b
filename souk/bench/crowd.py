"""A crowd of watchers of the live feed, as cheap as they can be: what is measured is what they watch.

Each is a protocol of the event loop that looks for the ids of messages in the bytes of whole events and counts them.
One that loses its connection comes back with the id of the last event it saw, as a browser does.
"""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

_CONNECT_SECONDS = 60.0
_RECONNECT_SECONDS = 0.5
_MESSAGE = re.compile(rb'"message_id":"([0-9a-f-]{36})"')
_CURSOR = b"\nid: "


@dataclass(slots=True)
class Round:
    """The messages of one round by their ids: number, publish time, last arrival (monotonic seconds)."""

    size: int
    numbers: dict[bytes, int] = field(default_factory=dict)
    published: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    handed: int = 0

    def publish(self, key: bytes, now: float) -> None:
        """Known before its commit: no watcher can have seen it earlier."""
        self.numbers[key] = len(self.published)
        self.published.append(now)
        self.last.append(now)


class Watcher(asyncio.Protocol):
    """One open stream. ``seen``: how often each message of the round came here."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._rest = b""
        self._cursor = b""
        self._transport: asyncio.Transport | None = None
        self._over = False
        self.seen = bytearray()
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
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            self._rest = data
            return
        self._rest = data[end:]
        place = data.rfind(_CURSOR, 0, end)
        if place >= 0:
            self._cursor = data[place + len(_CURSOR) : data.index(b"\n", place + 1)]
        current, seen = self._crowd.round, self.seen
        for key in _MESSAGE.findall(data, 0, end):
            number = current.numbers.get(key)
            if number is not None:
                seen[number] += 1
                current.last[number] = now
                current.handed += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if not self._over:
            self.reconnects += 1
            self._crowd.come_back(self)

    def close(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.close()


class Crowd:
    """All watchers of one API."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self.watchers: list[Watcher] = []
        self.round = Round(0)

    async def gather(self, count: int) -> None:
        """Connect so many, and wait until every stream is open."""
        for _ in range(count):
            watcher = Watcher(self)
            self.watchers.append(watcher)
            await self._connect(watcher)
        async with asyncio.timeout(_CONNECT_SECONDS):
            while not all(watcher.open for watcher in self.watchers):  # noqa: ASYNC110 - a protocol tells by a flag
                await asyncio.sleep(0.05)

    def begin(self, size: int) -> Round:
        """A new round of so many messages; what still comes of the one before counts nowhere."""
        self.round = Round(size)
        for watcher in self.watchers:
            watcher.seen = bytearray(size)
        return self.round

    @property
    def has_all(self) -> bool:
        return self.round.handed >= self.round.size * len(self.watchers) and not self.missed

    @property
    def missed(self) -> int:
        return sum(watcher.seen.count(0) for watcher in self.watchers)

    @property
    def doubled(self) -> int:
        return sum(sum(watcher.seen) - len(watcher.seen) + watcher.seen.count(0) for watcher in self.watchers)

    @property
    def reconnects(self) -> int:
        return sum(watcher.reconnects for watcher in self.watchers)

    async def _connect(self, watcher: Watcher) -> None:
        await asyncio.get_running_loop().create_connection(lambda: watcher, "127.0.0.1", self._port)

    def come_back(self, watcher: Watcher) -> None:
        async def again() -> None:
            connected = False
            while not connected:
                await asyncio.sleep(_RECONNECT_SECONDS)
                with suppress(ConnectionError):
                    await self._connect(watcher)
                    connected = True

        task = asyncio.get_running_loop().create_task(again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for watcher in self.watchers:
            watcher.close()
