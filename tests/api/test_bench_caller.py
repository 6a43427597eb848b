"""The benches' own HTTP client does what the market asks of every client."""

import asyncio

from souk.bench.http import Caller


async def test_a_command_that_is_told_to_come_back_is_repeated_with_its_key() -> None:
    answers = [
        ("503 Service Unavailable", b"{}"),
        ("409 Conflict", b'{"code": "idempotency.in_flight"}'),
        ("201 Created", b'{"n": 1}'),
    ]
    keys = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for status, body in answers:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            await reader.readexactly(2)
            keys.append(next(line for line in head.splitlines() if line.startswith("Idempotency-Key")))
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        caller = Caller(f"http://127.0.0.1:{port}")
        assert await caller.post("/v1/offers", {}) == {"n": 1}
        caller.close()
    assert len(keys) == 3
    assert len(set(keys)) == 1
