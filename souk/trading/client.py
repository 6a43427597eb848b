"""A small HTTP client of the market, made for agents that outlive an outage.

Every POST carries an Idempotency-Key and is repeated with the same key until the market gives a final
answer, so a request whose answer got lost is never done twice. What is worth repeating: no connection, a
timeout, 429, 502-504, 409 ``idempotency.in_flight``, and a few times 500, which a market cut off in the
middle of a request may answer. Everything else is final and becomes
:class:`ApiProblem`. Clients made by :meth:`MarketClient.acting_as` share one connection pool.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

Json = dict[str, Any]
OnRetry = Callable[[str], None]

IN_FLIGHT = "idempotency.in_flight"
DEFAULT_PATIENCE_SECONDS = 300.0
FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 5.0
PAGE_LIMIT = 200
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
FAULTS_ALLOWED = 4
"""Attempts after a plain 500: it may pass, but unlike a 503 it promises nothing."""

_jitter = secrets.SystemRandom()


class ApiProblem(Exception):  # noqa: N818 - named after the problem document it carries
    """The market's refusal: a problem document with a stable code."""

    def __init__(self, status: int, code: str, detail: str, next_actions: list[Any] | None = None) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.next_actions: list[Any] = next_actions or []
        super().__init__(f"{status} {code}: {detail}")

    @property
    def is_fault(self) -> bool:
        """Whether the market failed (5xx), as opposed to refusing."""
        return httpx.codes.is_server_error(self.status)


class MarketUnreachableError(Exception):
    """Nobody answered for longer than the client's patience."""


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One server-sent event: its id (to resume after) and its JSON data."""

    event_id: str | None
    data: Json


def new_key() -> str:
    """A fresh idempotency key: a random UUID."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def problem_of(response: httpx.Response) -> ApiProblem:
    """Read a problem document; tolerate proxies that answer with something else."""
    body: Json = {}
    try:
        parsed = response.json()
        if isinstance(parsed, dict):
            body = parsed
    except ValueError:
        pass
    detail = body.get("detail") or body.get("title") or response.text[:200] or response.reason_phrase
    code = str(body.get("code") or f"http.{response.status_code}")
    actions = body.get("next_actions")
    return ApiProblem(
        response.status_code,
        code,
        str(detail),
        actions if isinstance(actions, list) else None,
    )


def retry_after_seconds(response: httpx.Response) -> float | None:
    """The Retry-After header in seconds (delta or HTTP date), None when absent or unreadable."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        # Counted from the answer's own Date, so that a wrong clock on our side does not matter.
        answered = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(value) - answered).total_seconds())
    except (ValueError, TypeError):
        return None


def back_off_seconds(attempt: int, asked: float | None) -> float:
    """How long to wait before the next attempt: what the server asked for, else jittered doubling."""
    if asked is not None:
        # Never earlier than asked; a little later, so that a crowd does not come back as one.
        return asked + _jitter.uniform(0.0, 0.1 + 0.25 * min(asked, 4.0))
    ceiling = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(attempt, 10))
    return _jitter.uniform(ceiling / 2, ceiling)


def is_worth_repeating(problem: ApiProblem, attempt: int) -> bool:
    """Whether the same request may be answered differently in a while."""
    if problem.status == httpx.codes.INTERNAL_SERVER_ERROR:
        return attempt < FAULTS_ALLOWED
    return problem.status in TRANSIENT_STATUSES or problem.code == IN_FLIGHT


class MarketClient:
    """One agent's view of the market. Without an API key: an observer, who can register or read."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._patience = patience_seconds
        self._on_retry = on_retry
        self._owns_pool = True
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            transport=transport,
            timeout=httpx.Timeout(30.0, connect=5.0, pool=60.0),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        )

    def acting_as(self, api_key: str | None) -> "MarketClient":
        """A client with another key over the same connections; only the first one closes them."""
        twin = object.__new__(MarketClient)
        twin.__dict__.update(self.__dict__)
        twin._api_key = api_key
        twin._owns_pool = False
        return twin

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, when this client opened them."""
        if self._owns_pool:
            await self._http.aclose()

    async def get(self, path: str, **params: str | int) -> Json:
        """Read one resource or one page."""
        return await self._request("GET", path, params=params)

    async def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        """Do something once. ``key`` is the Idempotency-Key; by default a fresh one."""
        return await self._request("POST", path, body=body or {}, key=key or new_key())

    async def put(self, path: str, body: Json) -> Json:
        """Replace a resource; repeating it changes nothing."""
        return await self._request("PUT", path, body=body)

    async def patch(self, path: str, body: Json) -> Json:
        """Change a resource to the values given; repeating it changes nothing."""
        return await self._request("PATCH", path, body=body)

    async def pages(self, path: str, **params: str | int) -> AsyncIterator[Json]:
        """Every item of a cursor-paginated list, fetched page by page."""
        query: dict[str, str | int] = {"limit": PAGE_LIMIT, **params}
        while True:
            page = await self._request("GET", path, params=query)
            for item in page.get("items", []):
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    async def stream(self, path: str, last_event_id: str | None = None) -> AsyncIterator[StreamedEvent]:
        """Server-sent events until the server ends the stream; an empty one first, when it is open.

        Raises httpx.TransportError or ApiProblem.
        """
        headers = {**self._headers(None), "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        timeout = httpx.Timeout(5.0, read=90.0)
        async with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.is_error:
                await response.aread()
                raise problem_of(response)
            yield StreamedEvent(last_event_id, {})
            event_id: str | None = None
            data: list[str] = []
            async for line in response.aiter_lines():
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    data.append(value)
                elif not line and data:
                    parsed = json.loads("\n".join(data))
                    yield StreamedEvent(event_id, parsed if isinstance(parsed, dict) else {})
                    data = []

    def _headers(self, key: str | None) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        if key:
            headers["Idempotency-Key"] = key
        return headers

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        params: dict[str, str | int] | None = None,
        key: str | None = None,
    ) -> Json:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience
        attempt = 0
        while True:
            failure: Exception
            asked: float | None = None
            try:
                response = await self._http.request(method, path, json=body, params=params, headers=self._headers(key))
            except httpx.TransportError as error:
                failure = MarketUnreachableError(
                    f"no answer from {self.base_url} for {self._patience:.0f} s ({type(error).__name__}): "
                    "is it running? `souk up` starts one"
                )
            else:
                if response.is_success:
                    parsed: Json = response.json() if response.content else {}
                    return parsed
                problem = problem_of(response)
                if not is_worth_repeating(problem, attempt):
                    raise problem
                failure, asked = problem, retry_after_seconds(response)
            delay = back_off_seconds(attempt, asked)
            if clock() + delay > deadline:
                raise failure
            if self._on_retry is not None:
                self._on_retry(failure.code if isinstance(failure, ApiProblem) else "market.unreachable")
            await asyncio.sleep(delay)
            attempt += 1
