"""Answers that may be some seconds old: asked once for all who want them in that time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Remembered:
    """One answer for each key, made anew by the first to ask when the last one is older than ``seconds``.

    For few keys that no caller chooses: none is ever dropped. An answer that failed is not kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Raises what ``make`` raises, to all who waited for the same answer."""
        now = time.monotonic()
        if key not in self._kept or now - self._kept[key][0] > self._seconds:
            self._kept[key] = now, asyncio.create_task(self._make(key, make))
        # Whoever goes away leaves the others their answer.
        answer: Answer = await asyncio.shield(self._kept[key][1])
        return answer

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await make()
        except BaseException:
            self._kept.pop(key, None)
            raise
