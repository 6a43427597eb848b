"""What a good client remembers: every write it sent, the key it used, and the answer it was given.

The ledger is the other side of the books: what was acknowledged must be in the market once, and what is in
the market must have been asked for.
"""

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx

from souk_client import ApiProblem, AsyncSouk, MarketUnreachableError
from souk_client.calls import Json
from souk_client.repeating import IN_FLIGHT, TRANSIENT_STATUSES, new_key

ACKNOWLEDGED, REFUSED, UNKNOWN, FAULT = "acknowledged", "refused", "unknown", "fault"
_KEY = "Idempotency-Key"
_current: ContextVar["Entry | None"] = ContextVar("entry", default=None)


@dataclass(slots=True)
class Entry:
    """One write. ``subject`` is the id it is about, for commands. Times are monotonic seconds."""

    kind: str
    who: "GoodClient"
    method: str
    path: str
    body: Json
    key: str
    subject: str = ""
    state: str = UNKNOWN
    answer: Json = field(default_factory=dict)
    code: str = ""
    retries: int = 0
    sent_at: float = 0.0
    answered_at: float = 0.0


class Ledger:
    """Every write of a drill, and how often reads and writes had to be repeated."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.by_key: dict[str, Entry] = {}
        self.read_faults: list[str] = []

    def retried(self, _code: str) -> None:
        entry = _current.get()
        if entry is not None:
            entry.retries += 1

    def note_sent(self, key: str | None) -> None:
        entry = self.by_key.get(key or "")
        if entry is not None and entry.state == UNKNOWN:
            entry.sent_at = time.monotonic()

    def acknowledged(self, *kinds: str) -> list[Entry]:
        return [e for e in self.entries if e.state == ACKNOWLEDGED and (not kinds or e.kind in kinds)]


class CuttableTransport(httpx.AsyncBaseTransport):
    """Connections that can be cut in the middle of their requests: the answer is lost, the request may not be."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._inner = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=200, max_keepalive_connections=50)
        )
        self._under_way: set[asyncio.Task[httpx.Response]] = set()
        self._cut: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._ledger.note_sent(request.headers.get(_KEY))
        task = asyncio.ensure_future(self._inner.handle_async_request(request))
        self._under_way.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if task in self._cut:
                raise httpx.ReadError("the connection was cut", request=request) from None
            task.cancel()
            raise
        finally:
            self._under_way.discard(task)
            self._cut.discard(task)

    def cut(self) -> None:
        """Close the sockets of all requests that are under way."""
        for task in list(self._under_way):
            self._cut.add(task)
            task.cancel()

    async def aclose(self) -> None:
        await self._inner.aclose()


class GoodClient(AsyncSouk):
    """An agent that writes everything down and repeats, with the same key, until it is told."""

    def __init__(self, base_url: str, api_key: str | None, ledger: Ledger, transport: CuttableTransport) -> None:
        super().__init__(base_url, api_key, transport=transport, on_retry=ledger.retried)
        self.ledger = ledger
        self.transport = transport
        self.agent_id = ""

    async def write(self, kind: str, method: str, path: str, body: Json, subject: str = "") -> Json | None:
        """Do something once; None when the market refused it or never gave a final answer."""
        entry = Entry(kind, self, method, path, body, new_key(), subject)
        self.ledger.entries.append(entry)
        self.ledger.by_key[entry.key] = entry
        await self.settle(entry)
        return entry.answer if entry.state == ACKNOWLEDGED else None

    async def settle(self, entry: Entry) -> None:
        """Send it, or send it again, until there is a final answer or patience ends."""
        mark = _current.set(entry)
        try:
            entry.answer = await self.repeat(entry)
            entry.state = ACKNOWLEDGED
        except ApiProblem as problem:
            entry.code = problem.code
            if problem.status in TRANSIENT_STATUSES or problem.code == IN_FLIGHT:
                entry.state = UNKNOWN
            else:
                entry.state = FAULT if problem.is_fault else REFUSED
        except MarketUnreachableError:
            entry.state = UNKNOWN
        finally:
            _current.reset(mark)
        entry.answered_at = time.monotonic()

    async def repeat(self, entry: Entry) -> Json:
        """The same request with the same key."""
        return await self.send(entry.method, entry.path, entry.body, key=entry.key)

    async def items(self, path: str, **params: str | int) -> list[Json]:
        """The first page of a list; nothing when the market cannot be reached for long."""
        return list((await self.look(path, **params)).get("items", []))

    async def look(self, path: str, **params: str | int) -> Json:
        """A read that may fail: then there is nothing to see."""
        try:
            return await self.get(path, **params)
        except MarketUnreachableError:
            return {}
        except ApiProblem as problem:
            if problem.is_fault and problem.status not in TRANSIENT_STATUSES:
                self.ledger.read_faults.append(f"GET {path} was answered {problem.code}")
            return {}


def answered_id(entry: Entry, name: str) -> str:
    """An id in the acknowledged answer, ``agent.agent_id`` for one."""
    found: Any = entry.answer
    for step in name.split("."):
        found = found[step]
    return str(found)
