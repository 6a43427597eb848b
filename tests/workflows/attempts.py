"""Attempts of fake activities: counted by the activity's name, at the server's time, with faults on demand.

Every attempt of an activity is one turn: the clock is read, then what is recorded changes without an await in between,
as in one transaction. A fault may strike before that or after it, when all is committed and only the answer is lost.
"""

from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity

Fault = Callable[[], Awaitable[None]]


def crash() -> Fault:
    """An error no rule knows, such as a lost connection."""

    async def fault() -> None:
        raise ConnectionError("the database went away")

    return fault


@dataclass
class Attempts:
    """What every context's records have beside their rows; ``before`` and ``after`` hold faults by activity."""

    clock: Callable[[], Awaitable[datetime]]
    skew: timedelta = timedelta(0)
    attempts: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0
    before: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    after: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    @asynccontextmanager
    async def turn(self, part: str | None = None) -> AsyncIterator[datetime]:
        """One attempt of the running activity, or of a part of it; the value is the database's now."""
        name = part or activity.info().activity_type
        self.attempts[name] += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self._strike(self.before[name])
            yield await self.clock() + self.skew
            await self._strike(self.after[name])
        finally:
            self.under_way -= 1

    async def _strike(self, faults: deque[Fault]) -> None:
        if faults:
            await faults.popleft()()
