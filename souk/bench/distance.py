"""A wire to Postgres with a length: whatever is sent arrives some milliseconds later, in its order.

On one machine a worker's processor, Postgres and Temporal share the cores, so the worker's own limit hides behind
theirs. A database in another place makes it wait instead, which costs no core anything.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from souk.stack.ports import listen, port_of

_CHUNK = 65_536


class _Wire:
    def __init__(self, target: Path, milliseconds: float) -> None:
        self._target = target
        self._delay = milliseconds / 1000

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(str(self._target))
        except OSError:  # Postgres is not there yet: its caller tries again
            writer.close()
            return
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        now = asyncio.get_running_loop().time

        async def arrive() -> None:
            while True:
                due, chunk = await under_way.get()
                await asyncio.sleep(due - now())
                if not chunk:
                    return
                to.write(chunk)
                await to.drain()

        arriving = asyncio.create_task(arrive())
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                under_way.put_nowait((now() + self._delay, chunk))
        under_way.put_nowait((now() + self._delay, b""))
        with suppress(OSError):
            await arriving
        to.close()


@contextmanager
def distance(target: Path, milliseconds: float) -> Iterator[int]:
    """A port of this machine that leads to the socket ``target``, so many milliseconds away each way."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="distance", daemon=True)
    thread.start()
    with listen("127.0.0.1", 0, "the bench") as listener:
        serving = asyncio.start_server(_Wire(target, milliseconds).connect, sock=listener)
        asyncio.run_coroutine_threadsafe(serving, loop).result(10)
        try:
            yield port_of(listener)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
