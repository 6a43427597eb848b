"""A request takes its place when its body is there."""

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api.platform.admission import Shed
from api.platform.bodies import BodyLimit, WholeBody

_SIZES = {"/large": 1_000}


class _Caller:
    """One request, piece by piece."""

    def __init__(self, app: Any, path: str = "/v1/agents", declared: int | None = None) -> None:
        length = (b"transfer-encoding", b"chunked") if declared is None else (b"content-length", b"%d" % declared)
        self.scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": [length], "query_string": b""}
        self.pieces: asyncio.Queue[Message] = asyncio.Queue()
        self.status = 0
        self.task = asyncio.create_task(app(self.scope, self.pieces.get, self._send))

    def say(self, body: bytes, *, more: bool = True) -> None:
        self.pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)


class _Market:
    """What lies behind: notes what it was given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def market() -> _Market:
    return _Market()


@pytest.fixture
def app(market: _Market) -> WholeBody:
    return WholeBody(Shed(BodyLimit(market, 10, _SIZES), max_in_flight=1), 10, _SIZES)


async def test_unfinished_bodies_take_no_place(app: WholeBody, market: _Market) -> None:
    slow = [_Caller(app) for _ in range(64)]
    for one in slow:
        one.say(b"{")
    await asyncio.sleep(0)
    honest = _Caller(app, declared=2)
    honest.say(b"{", more=True)
    honest.say(b"}", more=False)
    await honest.task
    assert (honest.status, market.bodies) == (204, [b"{}"])
    for one in slow:
        one.pieces.put_nowait({"type": "http.disconnect"})
    await asyncio.gather(*(one.task for one in slow))
    assert market.bodies == [b"{}"]
    assert {one.status for one in slow} == {0}


async def test_a_large_body_is_read_no_further_than_that_shows(app: WholeBody, market: _Market) -> None:
    chunked = _Caller(app)
    chunked.say(b"x" * 8)
    chunked.say(b"x" * 8)
    with pytest.raises(HTTPException, match="413"):
        await chunked.task
    declared = _Caller(app, declared=11)
    await declared.task
    assert declared.status == 413
    assert market.bodies == []


async def test_what_says_it_is_too_large_needs_no_place() -> None:
    release, entered = asyncio.Event(), asyncio.Event()

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await release.wait()

    app = WholeBody(Shed(busy, max_in_flight=1), 10, _SIZES)
    served = _Caller(app, declared=2)
    served.say(b"{}", more=False)
    await entered.wait()
    declared = _Caller(app, declared=11)
    await declared.task
    assert declared.status == 413
    release.set()
    await served.task


async def test_large_bodies_are_taken_where_they_may_be_and_few_at_once(app: WholeBody, market: _Market) -> None:
    slow = [_Caller(app, "/large", 1_000) for _ in range(4)]
    await asyncio.sleep(0)
    refused = _Caller(app, "/large", 1_000)
    await refused.task
    assert refused.status == 503
    slow[0].say(b"x" * 1_000, more=False)
    await slow[0].task
    assert (slow[0].status, market.bodies) == (204, [b"x" * 1_000])
    for one in slow[1:]:
        one.task.cancel()
    await asyncio.gather(*(one.task for one in slow[1:]), return_exceptions=True)
    assert app.large == 0
