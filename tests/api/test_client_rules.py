"""The Python client over canned answers: what is repeated, what is final, how lists and streams go on.

Every test runs with the sync and with the async client: both must keep to the same rules.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from souk_client import (
    BEGINNING,
    ApiProblem,
    AsyncSouk,
    MarketUnreachableError,
    Souk,
    UnexpectedAnswerError,
    repeating,
)
from souk_client.events import EventParser
from souk_client.models import Activity, OtherHit, StoreHit
from souk_client.repeating import back_off_seconds, retry_after_seconds

Handler = Callable[[httpx.Request], httpx.Response]


class Client:
    """Either client behind one awaitable face."""

    def __init__(self, kind: type[Souk | AsyncSouk], handler: Handler, patience: float = 5.0) -> None:
        self.told: list[str] = []
        self.souk = kind(
            "http://souk",
            "key-1",
            patience_seconds=patience,
            transport=httpx.MockTransport(handler),
            on_retry=self.told.append,
        )

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        found = getattr(self.souk, name)
        if isinstance(self.souk, Souk):
            return await asyncio.to_thread(found, *args, **kwargs)
        return await found(*args, **kwargs)

    async def take(self, count: int, name: str, *args: Any, **kwargs: Any) -> list[Any]:
        """So many items of a list or a stream, or all there are."""
        source = getattr(self.souk, name)(*args, **kwargs)
        if isinstance(self.souk, Souk):
            return await asyncio.to_thread(lambda: [item for _, item in zip(range(count), source, strict=False)])
        items: list[Any] = []
        async for item in source:
            items.append(item)
            if len(items) == count:
                break
        return items


MakeClient = Callable[..., Client]


@pytest.fixture(params=[Souk, AsyncSouk], ids=["sync", "async"])
def make_client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MakeClient:
    monkeypatch.setattr(repeating, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(repeating, "MAX_DELAY_SECONDS", 0.005)
    return lambda handler, patience=5.0: Client(request.param, handler, patience)


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": "Not so.", "code": code}
    content_type = {"content-type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, content=json.dumps(body | {"next_actions": ["wait"]}), headers=content_type)


@pytest.mark.parametrize(
    "first",
    [
        lambda: problem(503, "market.unavailable", {"Retry-After": "0"}),
        lambda: problem(429, "rate.limited", {"Retry-After": "0"}),
        lambda: problem(409, "idempotency.in_flight", {"Retry-After": "0"}),
        lambda: httpx.Response(502, text="bad gateway"),
        lambda: httpx.Response(500, text="cut off"),
    ],
)
async def test_a_post_is_repeated_with_the_same_key(make_client: MakeClient, first: Callable[[], httpx.Response]):
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return first() if len(seen) < 3 else httpx.Response(201, json={"order_id": "1"})

    client = make_client(handler)
    assert await client("post", "/v1/orders", {"listing_id": "x"}) == {"order_id": "1"}
    await client("post", "/v1/orders", {"listing_id": "x"})
    keys = [request.headers["Idempotency-Key"] for request in seen]
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]
    assert {request.headers["Authorization"] for request in seen} == {"Bearer key-1"}
    assert len(client.told) == 2


async def test_a_key_of_ones_own_is_sent(make_client: MakeClient):
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Idempotency-Key"])
        return problem(409, "order.sold_out")

    with pytest.raises(ApiProblem):
        await make_client(handler)("buy", "listing", key="mine")
    assert seen == ["mine"]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_lost_connections_are_tried_again(make_client: MakeClient, method: str):
    failures: list[Exception] = [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")]

    def handler(_: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return httpx.Response(200, json={"ok": True})

    client = make_client(handler)
    arguments = ["/v1/x"] if method in {"get", "delete"} else ["/v1/x", {}]
    assert await client(method, *arguments) == {"ok": True}
    assert client.told == ["market.unreachable", "market.unreachable"]


async def test_patience_ends(make_client: MakeClient):
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(MarketUnreachableError, match="is it running"):
        await make_client(refuse, 0.05)("get", "/v1/x")
    with pytest.raises(MarketUnreachableError):
        await make_client(refuse, 0.05).take(1, "activity_stream", after="c")
    with pytest.raises(ApiProblem) as caught:
        await make_client(lambda _: problem(503, "temporal.away"), 0.05)("post", "/v1/x")
    assert caught.value.is_fault


async def test_a_refusal_is_final_and_says_the_way_on(make_client: MakeClient):
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return problem(409, "offer.not_your_turn")

    with pytest.raises(ApiProblem) as caught:
        await make_client(handler)("accept_offer", "1", round=1)
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.detail) == (409, "offer.not_your_turn", "Not so.")
    assert refusal.next_actions == ["wait"]
    assert len(calls) == 1
    with pytest.raises(ApiProblem):
        await make_client(handler).take(1, "activity_stream", after="c")


async def test_a_fault_that_stays_is_reported(make_client: MakeClient):
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return problem(500, "internal")

    with pytest.raises(ApiProblem) as caught:
        await make_client(handler)("post", "/v1/orders", {})
    assert caught.value.is_fault
    assert len(calls) == 1 + repeating.FAULTS_ALLOWED


async def test_an_answer_of_somebody_else_is_told_as_such(make_client: MakeClient):
    with pytest.raises(ApiProblem, match=r"418 http\.418: teapot"):
        await make_client(lambda _: httpx.Response(418, text="teapot"))("get", "/v1/x")
    with pytest.raises(UnexpectedAnswerError, match="GET /v1/agents/me"):
        await make_client(lambda _: httpx.Response(200, text="<html>"))("me")
    with pytest.raises(UnexpectedAnswerError, match="agent"):
        await make_client(lambda _: httpx.Response(200, json={"key_id": "k", "store_ids": []}))("me")


async def test_pages_follow_the_cursor(make_client: MakeClient):
    pages = {None: ([1, 2], "a"), "a": ([3], "b"), "b": ([], None)}

    def handler(request: httpx.Request) -> httpx.Response:
        items, cursor = pages[request.url.params.get("cursor")]
        assert request.url.params["q"] == "salsa"
        return httpx.Response(200, json={"items": [{"n": n} for n in items], "next_cursor": cursor})

    client = make_client(handler)
    assert [item["n"] for item in await client.take(9, "pages", "/v1/listings", q="salsa")] == [1, 2, 3]


async def test_what_is_new_in_an_answer_is_kept(make_client: MakeClient):
    hit = {"kind": "auction", "auction_id": "7"}
    store = {
        "kind": "store", "store_id": "s", "owner_merchant_id": "m", "name": "Comal", "return_policy_text": "r",
        "shipping_policy_text": "s", "status": "HAUNTED", "hero_only": False, "created_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z", "founded": 1911,
    }  # fmt: skip
    client = make_client(lambda _: httpx.Response(200, json={"items": [hit, store], "next_cursor": None}))
    other, known = await client.take(9, "search", "comal")
    assert isinstance(other, OtherHit)
    assert isinstance(known, StoreHit)
    assert other.model_extra == {"auction_id": "7"}
    assert (known.status, known.model_extra) == ("HAUNTED", {"founded": 1911})


def event_text(number: int) -> str:
    ids = dict.fromkeys(set(Activity.model_fields) - {"type", "created_at", "meta", "cursor"})
    event = {**ids, "activity_event_id": str(number), "type": "OFFER_MADE", "created_at": "2026-11-21T10:00:00Z"}
    data = json.dumps({**event, "meta": {}, "cursor": f"c{number}"})
    return f"event: OFFER_MADE\ndata: {data}\nid: c{number}\n\n"


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that is cut after its text."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def __iter__(self) -> Iterator[bytes]:
        yield self.text
        raise httpx.ReadError("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.text
        raise httpx.ReadError("cut")


@pytest.mark.parametrize(("newest", "place"), [([{"cursor": "c0"}], "c0"), ([], BEGINNING)])
async def test_a_stream_that_is_cut_goes_on_after_the_last_event(
    make_client: MakeClient, newest: list[Any], place: str
):
    """Between two connections nothing is lost and nothing comes twice, even before the first event."""
    started: list[str] = []
    answers: list[httpx.Response] = [
        httpx.Response(200, stream=Body(": hello\n\n")),
        httpx.Response(200, stream=Body(event_text(1) + event_text(2))),
        problem(503, "market.unavailable", {"Retry-After": "0"}),
        httpx.Response(200, stream=Body(event_text(3)[:-1])),  # cut before its end: it will be told again
        httpx.Response(200, text=event_text(3) + event_text(4)),
    ]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/activity":
            assert dict(request.url.params) == {"store_id": "s", "limit": "1"}
            return httpx.Response(200, json={"items": newest, "next_cursor": None})
        assert dict(request.url.params) == {"store_id": "s"}
        started.append(request.headers["Last-Event-ID"])
        return answers.pop(0)

    events = await make_client(handler).take(4, "activity_stream", store_id="s")
    assert [event.cursor for event in events] == ["c1", "c2", "c3", "c4"]
    assert started == [place, place, "c2", "c2", "c2"]


def test_a_slow_listener_does_not_take_the_market_for_silent():
    answers = [httpx.Response(200, stream=Body(event_text(1))), httpx.Response(200, text=event_text(2))]
    souk = Souk("http://souk", patience_seconds=0.5, transport=httpx.MockTransport(lambda _: answers.pop(0)))
    told: list[bool] = []
    stream = souk.activity_stream(after="c0")
    stream.on_connection = told.append
    events = iter(stream)
    assert next(events).cursor == "c1"
    time.sleep(0.6)  # longer than its patience
    assert next(events).cursor == "c2"
    assert told == [True, False, True]


def test_events_are_read_from_any_pieces():
    """Lines end with CR, LF or both; another line separator of Unicode is part of a text."""
    text = 'id: 7\r\ndata: {"a":\r\ndata: "\u2028\x85"}\r\n\r\n: heartbeat\n\ndata: 8\n\nid: 9\rdata: 9\r\r'
    whole = text.encode() + b"\n"
    for size in (1, 2, 3, 7, len(whole)):
        parser = EventParser()
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        events = [(event.event_id, event.data) for piece in pieces for event in parser.feed(piece)]
        assert events == [("7", '{"a":\n"\u2028\x85"}'), ("7", "8"), ("9", "9")]


def test_another_key_over_the_same_connections():
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(200, json={})

    with Souk("http://souk", "one", transport=httpx.MockTransport(handler)) as souk:
        twin = souk.acting_as("two")
        twin.get("/v1/x")
        twin.close()
        souk.acting_as(None).get("/v1/x")
        souk.get("/v1/x")
    assert seen == ["Bearer two", None, "Bearer one"]
    with pytest.raises(RuntimeError, match="closed"):
        souk.get("/v1/x")
    with pytest.raises(ValueError, match="not an address"):
        Souk("souk.example")


def test_back_off_honours_what_the_server_asks():
    assert all(3.0 <= back_off_seconds(0, 3.0) <= 4.0 for _ in range(50))


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Sat, 21 Nov 2026 03:00:05 GMT", 5.0), ("soon", None), ("", None)]
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None):
    headers = {"Retry-After": value, "Date": "Sat, 21 Nov 2026 03:00:00 GMT"}
    assert retry_after_seconds(httpx.Response(503, headers=headers)) == seconds
