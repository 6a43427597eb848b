"""More requests at once than a process may hold: the rest are told to come back, and nothing is left counted."""

import asyncio

import httpx

from api.platform.admission import Shed


async def test_what_would_only_wait_is_refused_at_once() -> None:
    release, entered = asyncio.Event(), asyncio.Event()
    held = 0

    async def slow(scope, receive, send) -> None:
        nonlocal held
        held += 1
        if held == 3:
            entered.set()
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    shed = Shed(slow, max_in_flight=3)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shed), base_url="http://souk") as http:
        waiting = [asyncio.create_task(http.get("/v1/stores")) for _ in range(3)]
        await entered.wait()
        refused = await http.get("/v1/stores")
        assert (refused.status_code, refused.json()["code"]) == (503, "service.unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        # Streams and health are not counted.
        more = [asyncio.create_task(http.get(path)) for path in ("/v1/activity/stream", "/healthz")]
        release.set()
        answers = await asyncio.gather(*waiting, *more)
        assert {answer.status_code for answer in answers} == {204}
        assert shed.in_flight == 0
        assert (await http.get("/v1/stores")).status_code == 204
