"""A client of server-sent events, for tests."""

# ruff: noqa: ASYNC110 - what a test waits for tells nobody

import asyncio
import json
from typing import Any

import httpx


class Stream:
    """Events of an open stream, read in the background. ``over`` once the server has ended it."""

    def __init__(
        self, url: str, *, path: str = "/v1/activity/stream", headers: dict | None = None, **params: Any
    ) -> None:
        self.events: list[dict] = []
        self.comments = 0
        self.open = asyncio.Event()
        self._task = asyncio.create_task(self._read(f"{url}{path}", headers or {}, params))

    @property
    def over(self) -> bool:
        return self._task.done()

    async def _read(self, url: str, headers: dict, params: dict) -> None:
        event: dict = {}
        async with (
            httpx.AsyncClient(timeout=120) as client,
            client.stream("GET", url, headers=headers, params=params) as response,
        ):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            self.open.set()
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if not line and event:
                    self.events.append(event)
                    event = {}
                elif line.startswith(":"):
                    self.comments += 1
                elif line:
                    event[name] = json.loads(value) if name == "data" else value

    async def until(self, count: int) -> list[dict]:
        async with asyncio.timeout(60):
            while len(self.events) < count:
                await asyncio.sleep(0.01)
        return self.events

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
