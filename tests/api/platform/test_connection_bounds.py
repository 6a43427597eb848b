"""What a connection is refused, how that reads, and what goes on as ever within the bounds."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api.platform.connections import Connections, bounded, proxies
from config.settings import LimitSettings
from souk.stack.ports import listen, port_of

_LIMITS = LimitSettings(
    max_connections_per_address=4,
    max_header_bytes=2_048,
    max_headers=20,
    header_seconds=1,
    body_seconds=1,
    idle_seconds=1,
    write_seconds=1,
)
_GET = b"GET /%s HTTP/1.1\r\nHost: souk\r\n\r\n"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says the path and the length of the body; /early says so without waiting for it, /quiet after a while."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    if scope["path"] == "/quiet":
        await asyncio.sleep(4)
    body = b"%s %d" % (scope["path"].encode(), size)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _served(connections: Connections) -> AsyncIterator[int]:
    with listen("127.0.0.1", 0, "a test") as listener:
        config = uvicorn.Config(
            _app, http=bounded(connections), ws="none", log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it this way
            await asyncio.sleep(0.01)
        try:
            yield port_of(listener)
        finally:
            server.should_exit = True
            await task


async def _told(port: int, sent: bytes) -> bytes:
    """All that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


def _problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    assert b"connection: close" in head
    return problem["status"], problem["code"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + b"x" * 3_000, 431, "request.headers_too_large"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"x" * 3_000, 431, "request.headers_too_large"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"x" * 3_000 + b"\r\n\r\n", 431, "request.headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 21 + b"\r\n", 431, "request.headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: souk\r\n", 408, "request.too_slow"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", 408, "request.too_slow"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 408, "request.too_slow"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-A: " + b"x" * 40_000,
            431,
            "request.headers_too_large",
        ),
    ],
)
async def test_what_is_refused(sent: bytes, status: int, code: str) -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        assert _problem(await _told(port, sent)) == (status, code)


async def test_silence_is_ended_without_a_word() -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        assert await _told(port, b"") == b""
        assert await _told(port, b"\r\n") == b""
        answer = await _told(port, _GET % b"a")
        assert answer.endswith(b"/a 0")


async def test_connections_are_bounded_per_address_and_in_all() -> None:
    connections = Connections(_LIMITS, 5)
    async with _served(connections) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        refused = await _told(port, _GET % b"a")
        assert _problem(refused) == (429, "request.too_many_connections")
        assert b"retry-after: " in refused
        # Another address has its own, until there are as many as the process takes.
        held.append(await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)))
        refused = await _told(port, _GET % b"a")
        assert _problem(refused) == (503, "service.unavailable")
        assert b"retry-after: " in refused
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(60):
            while connections.open:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert not connections.of_address
        assert (await _told(port, _GET % b"a")).endswith(b"/a 0")


async def test_a_trusted_proxy_stands_for_many() -> None:
    connections = Connections(_LIMITS, 10, trusted=proxies("127.0.0.1"))
    async with _served(connections) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
        for reader, writer in held:
            writer.write(_GET % b"a")
            assert await reader.readuntil(b"/a 0")
            writer.close()


async def test_what_takes_long_on_this_side_is_not_cut() -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        assert (await _told(port, _GET % b"quiet")).endswith(b"/quiet 0")


async def test_requests_sent_together_are_answered_in_order() -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        answers = await _told(port, b"".join(_GET % (b"%d" % number) for number in range(8)))
        assert [answers.index(b"/%d 0" % number) for number in range(8)] == sorted(
            answers.index(b"/%d 0" % number) for number in range(8)
        )
        assert answers.count(b"HTTP/1.1 200") == 8
        # More than anyone would send: the connection ends, whatever was answered before.
        assert (await _told(port, _GET % b"quiet" + _GET % b"a" * 50)) == b""


async def test_an_answer_before_the_body_can_be_read_and_the_rest_is_not_waited_for() -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        sent = b"POST /early HTTP/1.1\r\nHost: souk\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000
        assert (await _told(port, sent)).endswith(b"/early 0")
        # Whole in time: the connection serves the next request.
        answers = await _told(port, sent + b"x" * 50_000 + _GET % b"a")
        assert answers.index(b"/early 0") < answers.index(b"/a 0")


async def test_who_expects_to_go_on_is_told_so() -> None:
    async with _served(Connections(_LIMITS, 10)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /b HTTP/1.1\r\nHost: souk\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert await reader.readuntil(b"/b 2")
        writer.close()
