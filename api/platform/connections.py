"""What a connection may cost before a request is there: so many of them, so large a header block, so much time.

uvicorn's protocol with bounds. Nothing above it sees an unfinished header block, so nothing above it could end one.
Every connection has one deadline, for the step it is at: a first byte, whole headers, a whole body, the next request.
One sweep a second looks at all of them; a request costs a few assignments. A reader that takes its answer more slowly
than ``min_bytes_per_second`` is cut off. Time in which this side does not read does not count against the caller.
"""

import asyncio
import json
import math
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from api.errors import PROBLEM_MEDIA_TYPE, problem_body, status_of
from api.platform.limits import network_of
from config.settings import LimitSettings
from domain.platform.errors import HEADERS_TOO_LARGE, REQUEST_TOO_SLOW, TOO_MANY_CONNECTIONS, UNAVAILABLE, ErrorCode

_SWEEP_SECONDS = 1.0
_SLICE_BYTES = 16_384
"""What the parser gets at a time: so close to a bound it is held."""
_MAX_WAITING = 8
"""Requests a connection may send before earlier ones are answered (pipelining)."""
_LINGER_SECONDS = 5.0
_RETRY_AFTER_SECONDS = 5
_DEAD_PEER_SECONDS = 60
"""After it the system ends a connection whose peer confirms nothing, or has no room for what it was sent."""


async def _nothing(*_: object) -> None:
    """No application: only what the package reads from the setting is wanted."""


def proxies(setting: str) -> Callable[[str], bool]:
    """Whether ``SOUK_TRUSTED_PROXIES`` names an address, as the package reads it where it reads X-Forwarded-For."""
    return ProxyHeadersMiddleware(_nothing, setting).trusted_hosts.__contains__


def _nobody(_: str) -> bool:
    return False


def refusal_bytes(code: ErrorCode) -> bytes:
    """A refusal where there is no request yet that could be answered."""
    body = json.dumps(problem_body(code.error(), "", {})).encode()
    status = status_of(code)
    wait = b"retry-after: %d\r\n" % _RETRY_AFTER_SECONDS if status in (429, 503) else b""
    head = b"content-type: %s\r\ncontent-length: %d\r\n" % (PROBLEM_MEDIA_TYPE.encode(), len(body))
    return STATUS_LINE[status] + head + wait + b"connection: close\r\n\r\n" + body


@dataclass(slots=True)
class Connections:
    """All connections of this process, ``most`` at once. ``trusted``: proxies, which stand for many callers each."""

    limits: LimitSettings
    most: int
    trusted: Callable[[str], bool] = _nobody
    open: set["BoundedProtocol"] = field(default_factory=set)
    of_address: Counter[str] = field(default_factory=Counter)
    _sweeping: asyncio.TimerHandle | None = None

    def refusal(self, peer: str) -> ErrorCode | None:
        """Why one more from there is not taken."""
        if len(self.open) >= self.most:
            return UNAVAILABLE
        if self.trusted(peer) or self.of_address[network_of(peer)] < self.limits.max_connections_per_address:
            return None
        return TOO_MANY_CONNECTIONS

    def add(self, one: "BoundedProtocol") -> None:
        self.open.add(one)
        self.of_address[network_of(one.peer)] += 1
        if self._sweeping is None:
            self._sweep_later(one.loop)

    def discard(self, one: "BoundedProtocol") -> None:
        if one in self.open:
            self.open.remove(one)
            network = network_of(one.peer)
            self.of_address[network] -= 1
            if not self.of_address[network]:
                del self.of_address[network]

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = loop.call_later(_SWEEP_SECONDS, self._sweep, loop, time.monotonic())

    def _sweep(self, loop: asyncio.AbstractEventLoop, before: float) -> None:
        now = time.monotonic()
        for one in list(self.open):
            one.look(now, now - before)
        self._sweeping = None
        if self.open:
            self._sweep_later(loop)


class _At(Enum):
    """Where a connection's reading is."""

    IDLE = auto()
    HEADERS = auto()
    BODY = auto()
    WHOLE = auto()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``all``: those of the process, of which it is one unless it was refused."""

    all: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.peer = "unknown"
        self._limits = self.all.limits
        self._at = _At.IDLE
        self._deadline = math.inf
        self._head_bytes = self._headers_seen = 0
        self._unread_bytes = 0
        self._over = False
        self._unsent: tuple[float, int] | None = None

    # -- The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else "unknown"
        refused = self.all.refusal(self.peer)
        if refused is not None:
            self._end_with(refused)
            return
        self.all.add(self)
        self._wait(_At.IDLE, self._limits.idle_seconds)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found = cast("socket.socket", transport.get_extra_info("socket"))
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_SECONDS * 1000)

    def connection_lost(self, exc: Exception | None) -> None:
        self.all.discard(self)
        super().connection_lost(exc)

    def _wait(self, at: _At, seconds: float) -> None:
        self._at = at
        self._deadline = time.monotonic() + seconds

    def _end_with(self, code: ErrorCode) -> None:
        """Answer and close; without a word where an earlier answer is on its way or this one has begun."""
        self._over = True
        cycle = self.cycle
        unanswered = cycle is not None and not cycle.response_complete
        if unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        if self._at is not _At.BODY:
            may_answer = not unanswered
        elif unanswered:
            may_answer = not self.pipeline and not cycle.response_started
        else:
            # It was answered before its body was there.
            self.transport.close()
            return
        if may_answer:
            self.transport.write(refusal_bytes(code))
            self.transport.close()
        else:
            self.transport.abort()

    # -- What comes in

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _SLICE_BYTES):
            if self._over or self.transport.is_closing():
                return
            part = data[start : start + _SLICE_BYTES]
            self._unread_bytes += len(part)
            super().data_received(part)
            # Zero after headers or a piece of a body: what is left is one header, or chunks' sizes and trailers.
            if self._unread_bytes > self._limits.max_header_bytes and not self._over:
                self._end_with(HEADERS_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        if self._over:
            return
        if self._head_bytes > self._limits.max_header_bytes or self._headers_seen > self._limits.max_headers:
            self._end_with(HEADERS_TOO_LARGE)
        elif len(self.pipeline) >= _MAX_WAITING or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._headers_seen = 0
        self._wait(_At.HEADERS, self._limits.header_seconds)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers_seen += 1
        self._count(len(name) + len(value))
        # After the headers they are trailers of a chunked body: nobody here wants them.
        if self._at is _At.HEADERS:
            super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.max_header_bytes or self._headers_seen > self._limits.max_headers:
            raise ValueError("more than the bounds of a header block")

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _MAX_WAITING:
            raise ValueError("too many requests before earlier ones are answered")
        self._unread_bytes = 0
        self._wait(_At.BODY, self._limits.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread_bytes = 0
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._wait(_At.IDLE, self._limits.idle_seconds)
        else:
            self._wait(_At.WHOLE, math.inf)

    # -- What goes out

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._at is _At.WHOLE and not self.pipeline and self.cycle.response_complete:
            self._wait(_At.IDLE, self._limits.idle_seconds)
        elif self._at is _At.BODY and self.cycle.response_complete:
            # Refused before its body was there. Reading on for a moment lets the caller see why.
            self._deadline = min(self._deadline, time.monotonic() + _LINGER_SECONDS)

    def resume_writing(self) -> None:
        self._unsent = None
        super().resume_writing()

    # -- The sweep

    def look(self, now: float, passed: float) -> None:
        """End what is over its time; ``passed`` seconds after the look before."""
        if self.flow.read_paused:
            self._deadline += passed
        elif now > self._deadline and not self._over:
            if self._at is _At.IDLE:
                self.transport.close()
            else:
                self._end_with(REQUEST_TOO_SLOW)
        if self._is_read_too_slowly(now):
            self.transport.abort()

    def _is_read_too_slowly(self, now: float) -> bool:
        """Whether what was written before a stretch of time has hardly left in it."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or not (self.flow.write_paused or self._over or self.cycle.response_complete):
            self._unsent = None
            return False
        if self._unsent is None:
            self._unsent = now, unsent
            return False
        since, before = self._unsent
        if now - since < self._limits.write_seconds:
            return False
        self._unsent = now, unsent
        return before - unsent < min(before, self._limits.min_bytes_per_second * (now - since))


def bounded(connections: Connections) -> type[asyncio.Protocol]:
    """The protocol for these connections."""
    return type("Bounded", (BoundedProtocol,), {"all": connections})
