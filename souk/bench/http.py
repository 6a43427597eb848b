"""A lean HTTP client: one kept-alive connection, one request at a time, parsed by httptools.

The one who measures shares the cores with what is measured, so a client's own work counts against both
sides. This one costs a tenth of a comfortable one. Loopback only: no TLS, no proxies, no redirects.
"""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httptools

from souk_client.calls import Json
from souk_client.repeating import IN_FLIGHT, TRANSIENT_STATUSES, new_key

_CHUNK = 1 << 16
_REPEATS, _REPEAT_SECONDS = 40, 0.5


class BenchRefusedError(Exception):
    """The market answered what a bench did not expect: its figures would mean nothing."""


class Caller:
    """One agent's (or, without a key, an observer's) connection."""

    def __init__(self, api: str, key: str | None = None) -> None:
        parts = urlsplit(api)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAccept: application/json\r\n"
        if key:
            self._head += f"Authorization: Bearer {key}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._parser: Any = None
        self._body = bytearray()
        self._complete = False
        self._stays = False
        self.agent_id = ""

    async def get(self, path: str) -> Json:
        return _checked("GET", path, *await self.ask("GET", path))

    async def post(self, path: str, body: Json | None = None) -> Json:
        return _checked("POST", path, *await self.ask("POST", path, body or {}))

    async def put(self, path: str, body: Json) -> Json:
        return _checked("PUT", path, *await self.ask("PUT", path, body))

    async def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, bytes]:
        """Status and body. A connection the server has closed meanwhile is opened again.

        A command that is told to come back is repeated with its key, as every client does; its time counts whole.
        """
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}"
        if method == "POST":
            head += f"Idempotency-Key: {new_key()}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        request = head.encode() + b"\r\n" + text
        status, answer = await self._ask(request)
        for _ in range(_REPEATS if method == "POST" else 0):
            if status not in TRANSIENT_STATUSES and IN_FLIGHT.encode() not in answer:
                break
            await asyncio.sleep(_REPEAT_SECONDS)
            status, answer = await self._ask(request)
        return status, answer

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        fresh = self._streams is None
        try:
            return await self._exchange(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if fresh:
                raise
            return await self._exchange(request)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._complete = False
        while not self._complete:
            data = await reader.read(_CHUNK)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            self._parser.feed_data(data)
        status: int = self._parser.get_status_code()
        if not self._stays:
            self.close()
        return status, bytes(self._body)

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body += data

    def on_message_complete(self) -> None:
        """Called by the parser, which forgets afterwards whether the connection stays."""
        self._complete = True
        self._stays = self._parser.should_keep_alive()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _checked(method: str, path: str, status: int, body: bytes) -> Json:
    if status >= 300:
        raise BenchRefusedError(f"{method} {path}: {status} {body[:300].decode(errors='replace')}")
    answer: Json = json.loads(body) if body else {}
    return answer
