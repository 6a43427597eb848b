"""A worker that is killed right after its first order is recorded: ``python -m tests.workflows.market.doomed_worker``.

Arguments: the server's address, the namespace, the task queue, the file that takes the books.
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from domain.market.states import DeliveryKind
from tests.conftest import TEST_KEY_RING
from tests.workflows.market.books import Books
from tests.workflows.market.town import Town
from workflows.client import connect


async def main(address: str, namespace: str, queue: str, path: str) -> None:
    async def now() -> datetime:
        return datetime.now(UTC)

    books = Books(now, delivery=DeliveryKind.INSTANT)

    async def die() -> None:
        books.save(Path(path))
        os.kill(os.getpid(), signal.SIGKILL)

    books.after["place_order"].append(die)
    client = await connect(address, namespace, TEST_KEY_RING)
    async with Town(client, books, queue, asyncio.sleep).worker():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
