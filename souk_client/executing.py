"""The two ways to carry calls out: one that blocks and one that awaits.

Both only send, wait and hand on; what to send, when to repeat it and how to resume is decided elsewhere, once.
"""

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from souk_client.calls import Call, PageCall, StreamCall
from souk_client.errors import UnexpectedAnswerError
from souk_client.events import Resumption
from souk_client.models.base import Page
from souk_client.repeating import DEFAULT_PATIENCE_SECONDS, Attempts, OnRetry

T = TypeVar("T")
OnConnection = Callable[[bool], None]
"""Told True when a stream is open and False when it broke and will be resumed."""

_TIMEOUT = httpx.Timeout(30.0, connect=5.0, pool=60.0)
_STREAM_TIMEOUT = httpx.Timeout(30.0, connect=5.0, read=60.0, pool=60.0)
"""The market sends a heartbeat every 15 seconds: a minute of silence is a broken connection."""
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=32)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _Client:
    """What both clients are made of: an address, a key, patience. Clients by ``acting_as`` share connections."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
        on_retry: OnRetry | None = None,
    ) -> None:
        if urlsplit(base_url).scheme not in {"http", "https"}:
            raise ValueError(f"{base_url} is not an address: give one like http://127.0.0.1:8000")
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._patience = patience_seconds
        self._on_retry = on_retry
        self._owns_pool = True

    def acting_as(self, api_key: str | None) -> Self:
        """A client with another key over the same connections; only the first one closes them."""
        twin = copy.copy(self)
        vars(twin).update(_api_key=api_key, _owns_pool=False)
        return twin

    def _options(self) -> dict[str, Any]:
        # A proxy of the machine does not stand between an agent and a market on the same machine.
        remote = urlsplit(self.base_url).hostname not in _LOOPBACK
        return {"base_url": self.base_url, "timeout": _TIMEOUT, "limits": _LIMITS, "trust_env": remote}

    def attempts(self) -> Attempts:
        """The attempts at something new, with whole patience."""
        return Attempts(self.base_url, self._patience, self._on_retry)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}

    def _request(self, call: Call[Any]) -> dict[str, Any]:
        headers = {"Accept": call.media, **self._headers()}
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        return {
            "method": call.method,
            "url": call.path,
            "json": call.body,
            "params": call.params or None,
            "headers": headers,
        }

    def connection(self, resumption: Resumption[Any]) -> dict[str, Any]:
        """The request that opens a stream, or opens it again where it broke off."""
        return {
            "method": "GET",
            "url": resumption.call.path,
            "params": resumption.call.params or None,
            "headers": {**self._headers(), **resumption.connect()},
            "timeout": _STREAM_TIMEOUT,
        }


def _read(call: Call[T], answer: httpx.Response) -> T:
    try:
        if call.media != "application/json":
            return call.answer.validate_python(answer.text)
        return call.answer.validate_json(answer.content or b"null")
    except ValidationError as error:
        where = ", ".join(".".join(map(str, wrong["loc"])) or wrong["type"] for wrong in error.errors()[:3])
        raise UnexpectedAnswerError(f"{call.method} {call.path}: an answer that cannot be read ({where})") from None


class SyncClient(_Client):
    """Blocks until there is an answer. A context manager; safe to share between threads."""

    def __init__(self, base_url: str, api_key: str | None = None, *, transport: httpx.BaseTransport | None = None,
                 **options: Any) -> None:  # fmt: skip
        super().__init__(base_url, api_key, **options)
        self.http = httpx.Client(transport=transport, **self._options())

    def do(self, call: Call[T]) -> T:
        """Carry one request out. Raises SoukError."""
        attempts, request = self.attempts(), self._request(call)
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self.http.request(**request)
            except httpx.TransportError as error:
                outcome = error
            else:
                if outcome.is_success:
                    return _read(call, outcome)
            time.sleep(attempts.pause_after(outcome))

    def list(self, call: PageCall[T]) -> "Pages[T]":
        """A list; nothing is asked before it is read."""
        return Pages(self, call)

    def follow(self, call: StreamCall[T]) -> "Stream[T]":
        """A stream; nothing is asked before it is read."""
        return Stream(self, call)

    def close(self) -> None:
        """Close the connections, when this client opened them."""
        if self._owns_pool:
            self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Client):
    """Awaits its answers. An async context manager."""

    def __init__(self, base_url: str, api_key: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None,
                 **options: Any) -> None:  # fmt: skip
        super().__init__(base_url, api_key, **options)
        self.http = httpx.AsyncClient(transport=transport, **self._options())

    async def do(self, call: Call[T]) -> T:
        """Carry one request out. Raises SoukError."""
        attempts, request = self.attempts(), self._request(call)
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self.http.request(**request)
            except httpx.TransportError as error:
                outcome = error
            else:
                if outcome.is_success:
                    return _read(call, outcome)
            await asyncio.sleep(attempts.pause_after(outcome))

    def list(self, call: PageCall[T]) -> "AsyncPages[T]":
        """A list; nothing is asked before it is read."""
        return AsyncPages(self, call)

    def follow(self, call: StreamCall[T]) -> "AsyncStream[T]":
        """A stream; nothing is asked before it is read. Close it early with ``contextlib.aclosing``."""
        return AsyncStream(self, call)

    async def aclose(self) -> None:
        """Close the connections, when this client opened them."""
        if self._owns_pool:
            await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Pages(Generic[T]):
    """A list: iterate over all of it, or take its first page."""

    def __init__(self, client: SyncClient, call: PageCall[T]) -> None:
        self._client = client
        self._call = call

    def first(self) -> Page[T]:
        """The first page alone."""
        return self._client.do(self._call.after(None))

    def __iter__(self) -> Iterator[T]:
        page = self.first()
        yield from page.items
        while page.next_cursor:
            page = self._client.do(self._call.after(page.next_cursor))
            yield from page.items


class AsyncPages(Generic[T]):
    """A list: iterate over all of it, or take its first page."""

    def __init__(self, client: AsyncClient, call: PageCall[T]) -> None:
        self._client = client
        self._call = call

    async def first(self) -> Page[T]:
        """The first page alone."""
        return await self._client.do(self._call.after(None))

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.first()
        for item in page.items:
            yield item
        while page.next_cursor:
            page = await self._client.do(self._call.after(page.next_cursor))
            for item in page.items:
                yield item


class Stream(Generic[T]):
    """Events as they happen, for ever: a broken connection is resumed after the last event.

    Ends only by ``break``, or by SoukError: a refusal, or nobody there for longer than patience.
    """

    def __init__(self, client: SyncClient, call: StreamCall[T]) -> None:
        self._client = client
        self._call = call
        self.on_connection: OnConnection | None = None

    def __iter__(self) -> Iterator[T]:
        client, resumption = self._client, Resumption(self._call, self._client.attempts())
        if resumption.place is None and self._call.newest is not None:
            resumption.begin_at(client.do(self._call.newest))
        while True:
            broken: httpx.Response | httpx.TransportError = httpx.RemoteProtocolError("the stream ended")
            opened = False
            try:
                with client.http.stream(**client.connection(resumption)) as answer:
                    if answer.is_success:
                        opened = True
                        self._tell(there=True)
                        for chunk in answer.iter_bytes():
                            yield from resumption.hear(chunk)
                    else:
                        answer.read()
                        broken = answer
            except httpx.TransportError as error:
                broken = error
            if opened:
                resumption.attempts.wait_anew()
                self._tell(there=False)
            time.sleep(resumption.attempts.pause_after(broken))

    def _tell(self, *, there: bool) -> None:
        if self.on_connection is not None:
            self.on_connection(there)


class AsyncStream(Generic[T]):
    """Events as they happen, for ever: a broken connection is resumed after the last event.

    Ends only by ``break``, or by SoukError: a refusal, or nobody there for longer than patience.
    """

    def __init__(self, client: AsyncClient, call: StreamCall[T]) -> None:
        self._client = client
        self._call = call
        self.on_connection: OnConnection | None = None

    async def __aiter__(self) -> AsyncIterator[T]:
        client, resumption = self._client, Resumption(self._call, self._client.attempts())
        if resumption.place is None and self._call.newest is not None:
            resumption.begin_at(await client.do(self._call.newest))
        while True:
            broken: httpx.Response | httpx.TransportError = httpx.RemoteProtocolError("the stream ended")
            opened = False
            try:
                async with client.http.stream(**client.connection(resumption)) as answer:
                    if answer.is_success:
                        opened = True
                        self._tell(there=True)
                        async for chunk in answer.aiter_bytes():
                            for event in resumption.hear(chunk):
                                yield event
                    else:
                        await answer.aread()
                        broken = answer
            except httpx.TransportError as error:
                broken = error
            if opened:
                resumption.attempts.wait_anew()
                self._tell(there=False)
            await asyncio.sleep(resumption.attempts.pause_after(broken))

    def _tell(self, *, there: bool) -> None:
        if self.on_connection is not None:
            self.on_connection(there)
