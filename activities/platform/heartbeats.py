"""Signs of life of an activity: by them the engine knows in time that its worker is gone, and asks another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""The ``heartbeat_timeout`` of what is ``heartbeating``: who says nothing for so long is gone."""
_BEAT_SECONDS = 2.0


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Tell Temporal for the length of the block that this worker lives, also while it waits for somebody."""

    async def beat() -> None:
        while True:
            # Most are done before the first one, which the engine would have to write down.
            await asyncio.sleep(_BEAT_SECONDS)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
