"""The benches' own HTTP client does what the market asks of every client."""

import asyncio
from contextlib import suppress

import pytest

from souk.bench.http import Caller


async def test_a_command_that_is_told_to_come_back_is_repeated_with_its_key() -> None:
    answers = [
        ("503 Service Unavailable", b"{}"),
        ("409 Conflict", b'{"code": "idempotency.in_flight"}'),
        ("201 Created", b'{"n": 1}'),
    ]
    keys = []

    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One answer for each connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        keys.append(next(line for line in head.splitlines() if line.startswith("Idempotency-Key")))
        await reader.readexactly(2)
        status, body = next(left)
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        caller = Caller(f"http://127.0.0.1:{port}")
        assert await caller.post("/v1/offers", {}) == {"n": 1}
        caller.close()
    assert len(keys) == 3
    assert len(set(keys)) == 1


@pytest.mark.parametrize(("header", "connections"), [("", 1), ("Connection: close\r\n", 3)])
async def test_a_connection_is_kept_as_long_as_the_server_keeps_it(header: str, connections: int) -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        with suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"HTTP/1.1 200 OK\r\n{header}Content-Length: 2\r\n\r\n{{}}".encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        caller = Caller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(3):
            assert await caller.get("/v1/listings") == {}
        caller.close()
    assert opened == connections
