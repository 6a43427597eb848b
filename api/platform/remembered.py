"""Answers that may be some seconds old: asked once for all who want them in that time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")


class Remembered:
    """One answer for each key, made anew by the first to ask when the last one is older than ``seconds``.

    One at a time, however long it takes. For few keys that no caller chooses: none is ever dropped. An answer that
    failed is not kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, tuple[float, Any]] = {}
        self._making: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Raises what ``make`` raises, to all who waited for the same answer."""
        made_at, kept = self._made.get(key, (float("-inf"), None))
        if time.monotonic() - made_at <= self._seconds:
            return cast("Answer", kept)
        if key not in self._making:
            self._making[key] = asyncio.create_task(self._make(key, make))
        # Whoever goes away leaves the others their answer.
        return cast("Answer", await asyncio.shield(self._making[key]))

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await make()
            self._made[key] = time.monotonic(), answer
            return answer
        finally:
            del self._making[key]
