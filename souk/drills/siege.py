"""Callers who keep what they were given and send nothing for it: unfinished headers and bodies, unread answers.

Each kind holds many connections from loopback addresses of its own, while an honest client asks as ever. The API must
end every one of them in bounded time and memory, take no more than its bounds, and answer the honest client each time.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psutil

from souk_client.repeating import new_key

_POST = b"POST /v1/agents HTTP/1.1\r\nHost: souk\r\nContent-Type: application/json\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
_READ = b"GET /openapi.json HTTP/1.1\r\nHost: souk\r\n\r\n"
_DRIP_SECONDS = 1.0
_HONEST_SECONDS = 0.25
_MEBIBYTE = b"y" * 2**20

SLOW: dict[str, tuple[bytes, bytes]] = {
    "no byte": (b"", b""),
    "empty lines": (b"", b"\r\n"),
    "slow request line": (b"GET /v1", b"x"),
    "slow headers": (b"GET /v1/stores HTTP/1.1\r\nHost: souk\r\n", b"X-A: b\r\n"),
    "slow body": (_POST + b"Content-Length: 60000\r\n\r\n", b" "),
    "slow body of a read": (b"GET /v1/stores HTTP/1.1\r\nHost: souk\r\nContent-Length: 60000\r\n\r\n", b" "),
    "slow body of a stream": (b"GET /v1/activity/stream HTTP/1.1\r\nHost: souk\r\nContent-Length: 9\r\n\r\n", b""),
    "slow chunks": (_CHUNKED, b"1\r\n \r\n"),
    "slow trailers": (_CHUNKED + b"0\r\n", b"X-A: b\r\n"),
    "asks to continue": (_POST + b"Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n", b""),
    "refused, body to come": (_POST + b"Content-Length: 10000000\r\n\r\n", b" "),
    "large body for operators": (b"POST /codec/decode HTTP/1.1\r\nHost: souk\r\nContent-Length: 8000000\r\n\r\n", b" "),
}
"""By name: what a caller sends at once, and again each second."""

HUGE: dict[str, tuple[bytes, bytes]] = {
    "huge request line": (b"GET /", _MEBIBYTE),
    "huge header": (b"GET /v1/stores HTTP/1.1\r\nHost: souk\r\nX-A: ", _MEBIBYTE),
    "thousands of headers": (b"GET /v1/stores HTTP/1.1\r\nHost: souk\r\n", b"X-A: b\r\n" * 2**17),
    "huge trailer": (_CHUNKED + b"0\r\nX-A: ", _MEBIBYTE),
    "thousands of trailers": (_CHUNKED + b"0\r\n", b"X-A: b\r\n" * 2**17),
    "requests without end": (b"", b"GET /v1/stores HTTP/1.1\r\nHost: souk\r\n\r\n" * 2**14),
}
"""By name: what a caller sends at once, and then as often as it is taken, up to 145 times."""
_TIMES = 145


@dataclass(slots=True)
class Siege:
    """What became of it. ``open``: connections the API still held at the end; memory in MiB."""

    opened: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    taken: dict[str, int] = field(default_factory=dict)
    honest: int = 0
    failures: list[str] = field(default_factory=list)
    most_open: int = 0
    open: int = 0
    memory_before: float = 0.0
    memory_most: float = 0.0

    def note_opened(self, name: str) -> None:
        self.opened[name] = self.opened.get(name, 0) + 1

    def breaches(self, *, most_per_address: int, addresses: int, memory: float) -> list[str]:
        """What broke, in words. ``memory``: MiB the API may grow by."""
        found = [f"the honest client was refused: {text}" for text in self.failures[:5]]
        if not self.honest:
            found.append("the honest client was never answered")
        if self.open > 1:
            found.append(f"{self.open} connections are still open")
        if self.most_open > most_per_address * addresses + 2:
            found.append(f"{self.most_open} connections were open at once from {addresses} addresses")
        if self.memory_most - self.memory_before > memory:
            found.append(f"the API grew from {self.memory_before:.0f} to {self.memory_most:.0f} MiB")
        found += [f"{name}: {times} MiB were taken" for name, times in self.taken.items() if times >= _TIMES]
        return found


class _Caller(asyncio.Protocol):
    """One hostile connection."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.got = b""
        self.may_write = asyncio.Event()
        self.may_write.set()

    def data_received(self, data: bytes) -> None:
        self.got = self.got or data[:200]

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set()
        self.may_write.set()


class _Besieging:
    def __init__(self, api: str, siege: Siege, seconds: float) -> None:
        found = urlsplit(api)
        self.api = api
        self.where = found.hostname or "127.0.0.1", found.port or 80
        self.siege = siege
        self.seconds = seconds
        self.over = asyncio.Event()

    async def connect(self, address: str) -> tuple[asyncio.Transport, _Caller] | None:
        try:
            return await asyncio.get_running_loop().create_connection(_Caller, *self.where, local_addr=(address, 0))
        except OSError:
            return None

    async def slow(self, name: str, address: str) -> None:
        begin, drip = SLOW[name]
        made = await self.connect(address)
        if made is None:
            self.siege.refused += 1
            return
        self.siege.note_opened(name)
        transport, caller = made
        transport.write(begin)
        while not self.over.is_set() and not caller.over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRIP_SECONDS):
                    await caller.over.wait()
            if drip and not transport.is_closing():
                transport.write(drip)
        if caller.got.startswith((b"HTTP/1.1 429", b"HTTP/1.1 503")):
            self.siege.refused += 1
        await self.over.wait()
        transport.abort()

    async def huge(self, name: str, address: str) -> None:
        begin, more = HUGE[name]
        made = await self.connect(address)
        if made is None:
            self.siege.refused += 1
            return
        self.siege.note_opened(name)
        transport, caller = made
        transport.write(begin)
        times = 0
        while times < _TIMES and not self.over.is_set() and not transport.is_closing():
            transport.write(more)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await caller.may_write.wait()
            if not caller.may_write.is_set() or caller.over.is_set():
                break
            times += 1
        self.siege.taken[name] = max(times, self.siege.taken.get(name, 0))
        await self.over.wait()
        transport.abort()

    async def unread(self, address: str, requests: int) -> None:
        """Ask for much and read none of it."""
        loop = asyncio.get_running_loop()
        with socket.socket() as made:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.bind((address, 0))
            try:
                await loop.sock_connect(made, self.where)
                await loop.sock_sendall(made, _READ * requests)
            except OSError:
                self.siege.refused += 1
                return
            self.siege.note_opened("unread answers")
            await self.over.wait()

    async def honest(self) -> None:
        """Read and write as ever, over connections of its own."""
        while not self.over.is_set():
            try:
                async with httpx.AsyncClient(base_url=self.api, trust_env=False, timeout=30) as http:
                    body = {"agent_type": "CUSTOMER", "handle": f"honest-{new_key()}", "display_name": "Honest"}
                    for answer in (
                        await http.get("/v1/stores"),
                        await http.post("/v1/agents", json=body, headers={"Idempotency-Key": new_key()}),
                    ):
                        if answer.is_success:
                            self.siege.honest += 1
                        else:
                            self.siege.failures.append(f"{answer.request.method} {answer.status_code}")
            except httpx.HTTPError as error:
                self.siege.failures.append(type(error).__name__)
            await asyncio.sleep(_HONEST_SECONDS)

    async def measure(self, memory: Callable[[], Awaitable[float]]) -> None:
        self.siege.memory_before = self.siege.memory_most = await memory()
        while not self.over.is_set():
            await asyncio.sleep(0.5)
            self.siege.memory_most = max(self.siege.memory_most, await memory())
            self.siege.most_open = max(self.siege.most_open, held_connections(self.api))


def held_connections(api: str) -> int:
    """Connections that the API has open, as the system sees them: nobody's word is taken for it."""
    port = urlsplit(api).port
    found = psutil.net_connections("tcp")
    return sum(bool(one.laddr and one.laddr.port == port) for one in found if one.status == psutil.CONN_ESTABLISHED)


async def besiege(
    api: str, *, each: int, seconds: float, addresses: list[str], memory: Callable[[], Awaitable[float]]
) -> Siege:
    """Hold ``each`` connections of every slow kind for so long, longer than any deadline of the API's."""
    siege = Siege()
    work = _Besieging(api, siege, seconds)
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(work.measure(memory)), group.create_task(work.honest())]
        await asyncio.sleep(1)
        number = 0
        for kind in SLOW:
            for _ in range(each):
                group.create_task(work.slow(kind, addresses[number % len(addresses)]))
                number += 1
        for kind in HUGE:
            group.create_task(work.huge(kind, addresses[0]))
        for _ in range(each):
            group.create_task(work.unread(addresses[-1], 20))
        await asyncio.sleep(seconds)
        siege.open = held_connections(api)
        work.over.set()
        await asyncio.gather(*watching)
    return siege


async def crowd_out(api: str, *, anonymous: int, agents: int, each: int, address: str) -> list[str]:
    """Open streams from one address without a key, and with ``each`` of the keys of so many agents of its own.

    Returns what broke: a stranger at another address, with a key or without one, who gets no stream.
    """
    async with contextlib.AsyncExitStack() as stack:
        crowd = await stack.enter_async_context(_client(api, address))
        honest = await stack.enter_async_context(_client(api, "127.0.0.1"))
        keys = [await _register(crowd) for _ in range(agents)]
        for key in [None] * anonymous + [key for key in keys for _ in range(each)]:
            await _open_stream(stack, crowd, "/v1/activity/stream" if key is None else "/v1/inbox/stream", key)
        own = await _register(honest)
        told = {
            "a stream without a key": await _open_stream(stack, honest, "/v1/activity/stream", None),
            "a stream with a key": await _open_stream(stack, honest, "/v1/inbox/stream", own),
        }
        return [
            f"{what} was answered {status}: one address took them all" for what, status in told.items() if status != 200
        ]


def _client(api: str, address: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_connections=None))
    return httpx.AsyncClient(base_url=api, transport=transport, timeout=30)


async def _register(http: httpx.AsyncClient) -> str:
    body = {"agent_type": "CUSTOMER", "handle": f"crowd-{new_key()}", "display_name": "Crowd"}
    answer = await http.post("/v1/agents", json=body)
    answer.raise_for_status()
    return str(answer.json()["api_key"])


async def _open_stream(stack: contextlib.AsyncExitStack, http: httpx.AsyncClient, path: str, key: str | None) -> int:
    """Open a stream for as long as the stack lasts; the answer's status."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    answer = await stack.enter_async_context(http.stream("GET", path, headers=headers))
    if answer.is_success:
        return answer.status_code
    await answer.aread()
    return answer.status_code
