"""What really goes to Postgres, counted on the wire: a relay that understands just enough of the protocol.

A process connects to the relay in place of the server. Whatever driver, pool or pipeline it uses, its
statements, transactions and round trips are those that pass here. Invariant: bytes are handed on unchanged.
"""

import asyncio
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

# The feed's listener looks at the log whenever something was committed, once for any number of commits: what
# it reads belongs to no request, and how often depends on the moment.
_FEED = "souk_horizon"
# A pool asks a connection that has idled whether it still lives: how often depends on the pauses before.
_PINGS = frozenset({"", ";", "SELECT 1"})
_CHUNK = 1 << 16
_STARTUP_HEAD = 8


@dataclass(slots=True)
class WireCounts:
    """What one user of the database did."""

    statements: int = 0
    transactions: int = 0
    round_trips: int = 0

    def add(self, other: "WireCounts") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Conversation:
    """One connection, read from both sides."""

    def __init__(self, note: Callable[[str, WireCounts, list[str]], None]) -> None:
        self._note = note
        self.who = ""
        self._asked = b""
        self._answered = b""
        self._named: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._running: deque[str | None] = deque()  # None is the end of a cycle
        self._counts = WireCounts()
        self._texts: list[str] = []
        self._in_cycle = False
        self._in_transaction = False
        self._ready = False

    def asked(self, data: bytes) -> None:
        """Bytes from the client."""
        self._asked += data
        if not self.who:
            if len(self._asked) < 4 or len(self._asked) < (size := struct.unpack("!I", self._asked[:4])[0]):
                return
            words = self._asked[_STARTUP_HEAD:size].rstrip(b"\0").split(b"\0")
            self.who = dict(zip(words[::2], words[1::2], strict=False)).get(b"user", b"?").decode()
            self._asked = self._asked[size:]
        self._asked = _messages(self._asked, self._from_client)

    def answered(self, data: bytes) -> None:
        """Bytes from the server."""
        self._answered = _messages(self._answered + data, self._from_server)

    def _from_client(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self._running += [body.rstrip(b"\0").decode(), None]
        elif kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._named[name] = text.decode()
        elif kind == b"B":
            portal, name, _ = body.split(b"\0", 2)
            self._portals[portal] = self._named.get(name, "")
        elif kind == b"E":
            self._running.append(self._portals.get(body.split(b"\0", 1)[0], ""))
        elif kind == b"S":
            self._running.append(None)

    def _from_server(self, kind: bytes, body: bytes) -> None:
        if kind == b"C":
            self._done(body.rstrip(b"\0").decode().split())
        elif kind == b"I":
            self._done([])
        elif kind == b"E" and self._ready:
            # What was asked after it in the same cycle is skipped by the server.
            while self._running and (text := self._running[0]) is not None:
                self._running.popleft()
                self._texts.append(text)
            self._counts.statements += 1
            self._in_cycle = True
        elif kind == b"Z":
            self._settle(body)

    def _done(self, tag: list[str]) -> None:
        text = (self._running.popleft() if self._running and self._running[0] is not None else "") or ""
        if tag[:1] == ["DEALLOCATE"]:
            return
        self._in_cycle = True
        self._texts.append(text)
        self._counts.statements += 1

    def _settle(self, body: bytes) -> None:
        if self._running and self._running[0] is None:
            self._running.popleft()
        if not self._ready:
            self._ready = True
            return
        if self._in_cycle:
            # A cycle that ran nothing only prepared a statement: once per connection, so not counted.
            self._counts.round_trips += 1
        was, self._in_transaction = self._in_transaction, body != b"I"
        if not self._in_transaction and (was or self._in_cycle):
            self._counts.transactions += 1
            if any(text.strip() not in _PINGS for text in self._texts):
                self._note(self.who, self._counts, self._texts)
            self._counts, self._texts = WireCounts(), []
        self._in_cycle = False


def _messages(data: bytes, take: Callable[[bytes, bytes], None]) -> bytes:
    """Hand every whole message on; returns what is left."""
    at = 0
    while len(data) - at >= 5:
        size = 1 + struct.unpack_from("!I", data, at + 1)[0]
        if len(data) - at < size:
            break
        take(data[at : at + 1], data[at + 5 : at + size])
        at += size
    return data[at:]


@dataclass(slots=True)
class Relay:
    """Listens on a free port of this machine and hands on to a server's Unix socket. A context manager.

    It runs in a thread of its own, so that whoever uses it may block.
    """

    socket_path: Path
    port: int = 0
    feed: WireCounts = field(default_factory=WireCounts)
    _counts: dict[str, WireCounts] = field(default_factory=dict)
    _texts: Counter[str] = field(default_factory=Counter)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def url(self, user: str, database: str = "souk") -> str:
        """Where ``user`` connects to."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def take(self) -> tuple[dict[str, WireCounts], Counter[str]]:
        """What each user did since the last call, and how often each text was run."""

        async def swap() -> tuple[dict[str, WireCounts], Counter[str]]:
            found = self._counts, self._texts
            self._counts, self._texts = {}, Counter()
            return found

        return self._run(swap())

    def seen(self) -> int:
        """Statements since the last ``take``."""
        return sum(counts.statements for counts in self._counts.values())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        found: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return found.result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, who: str, counts: WireCounts, texts: list[str]) -> None:
        if any(_FEED in text for text in texts):
            self.feed.add(counts)
            return
        self._counts.setdefault(who, WireCounts()).add(counts)
        self._texts.update(text.strip() for text in texts)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_unix_connection(str(self.socket_path))
        except OSError:
            to_client.close()  # the server is not there yet: as if nobody listened
            return
        talk = _Conversation(self._note)
        try:
            await asyncio.gather(_pass(client, to_server, talk.asked), _pass(server, to_client, talk.answered))
        except OSError:
            pass  # either side went away, as connections do
        finally:
            to_client.close()
            to_server.close()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]) -> None:
    while data := await source.read(_CHUNK):
        look(data)
        sink.write(data)
        await sink.drain()
    sink.close()
