"""Requests to strangers who take their time or say too much."""

import asyncio
import gzip

import httpx
import pytest

from activities.platform.outbound import (
    AnswerRefusedError,
    OutboundLimits,
    outbound_client,
)
from tests.activities.platform.hosts import listening, plain


async def test_one_deadline_spans_all_hops():
    """A chain in which every hop is quick enough by itself."""

    async def answer(writer, head):
        await asyncio.sleep(1.4)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    limits = OutboundLimits(total_seconds=2.5)
    guarded = outbound_client(development=True, limits=limits, follow_redirects=True)
    async with listening(answer) as (port, heads), guarded as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")
    assert len(heads) > 1


@pytest.mark.parametrize(
    ("rest_of_head", "drop"),
    [(b"Content-Length: 100000\r\n\r\n", b"x"), (b"", b"x-a: b\r\n")],
    ids=["body", "headers"],
)
async def test_what_drips_is_cut_off(rest_of_head: bytes, drop: bytes):
    async def answer(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\n" + rest_of_head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.05)

    limits = OutboundLimits(read_seconds=5, total_seconds=2)
    async with listening(answer) as (port, _), outbound_client(development=True, limits=limits) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_silent_host_and_a_silent_name_server_are_left():
    async def answer(writer, head):
        await asyncio.sleep(60)

    async def never(host, port):
        await asyncio.sleep(60)

    limits = OutboundLimits(connect_seconds=30, read_seconds=0.2)
    async with listening(answer) as (port, _), outbound_client(development=True, limits=limits) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")
    limits = OutboundLimits(connect_seconds=0.2, read_seconds=30)
    async with outbound_client(resolve=never, limits=limits) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("https://slow.example/")


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_huge_body_is_not_read(chunked):
    async def answer(writer, head):
        if chunked:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)
            await writer.drain()

    async with listening(answer) as (port, _), outbound_client(development=True) as client:
        with pytest.raises(AnswerRefusedError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_compressed_answer_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 50_000_000)
    limits = OutboundLimits(max_body_bytes=len(bomb) + 1)
    guarded = outbound_client(development=True, limits=limits)
    async with listening(plain(bomb, Content_Encoding="gzip")) as (port, heads), guarded as client:
        with pytest.raises(AnswerRefusedError):
            await client.get(f"http://127.0.0.1:{port}/")
        # Who only looks at the status is not disturbed.
        async with client.stream("GET", f"http://127.0.0.1:{port}/") as answer:
            assert answer.status_code == 200
    assert "Accept-Encoding: identity" in heads[0]


async def test_an_answer_without_end_of_headers_is_refused():
    async def answer(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-a: " + b"b" * 60000 + b"\r\n")
            await writer.drain()

    async with listening(answer) as (port, _), outbound_client(development=True) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://127.0.0.1:{port}/")
