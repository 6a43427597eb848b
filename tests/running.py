"""A whole Souk inside the test process: the real API on a port and the real worker, in a thread of their own.

Their event loop is not the tests', so a test may block (a subprocess, a synchronous client) without
stopping the server it talks to.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from api.main import create_app
from api.serving import make_server
from config.contexts import CONTEXTS
from config.settings import Settings
from domain.platform.contexts import Contexts
from souk.stack.ports import listen, port_of
from worker.registry import serving
from workflows.client import connect

T = TypeVar("T")


class RunningSouk:
    """Context manager. ``url`` is where the API answers."""

    def __init__(self, settings: Settings, contexts: Contexts = CONTEXTS) -> None:
        # As `souk api` listens: asyncio turns Nagle's delay off only for a socket that names its protocol.
        self._listener = listen("127.0.0.1", 0, "a test")
        port = port_of(self._listener)
        self.settings = settings.model_copy(update={"api_port": port})
        self.url = f"http://127.0.0.1:{port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="souk", daemon=True)
        self.contexts = contexts
        self.app = create_app(self.settings, contexts)
        self._server = make_server(self.app, self.settings, shutdown_seconds=1)
        self._stop_worker = asyncio.Event()
        self._worker: Future[None] | None = None
        self._api: Future[None] | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def __enter__(self) -> Self:
        self._thread.start()
        self._api = asyncio.run_coroutine_threadsafe(self._server.serve([self._listener]), self._loop)
        self.start_worker()
        self.run(self._serving())
        return self

    def start_worker(self) -> None:
        """Return when it takes tasks."""
        ready = threading.Event()
        self._worker = asyncio.run_coroutine_threadsafe(self._work(ready), self._loop)
        if not ready.wait(120):
            raise RuntimeError("the worker did not start") from self._worker.exception(0)

    def stop_worker(self) -> None:
        """Return when it is gone; the API goes on."""
        assert self._worker is not None
        self._loop.call_soon_threadsafe(self._stop_worker.set)
        self._worker.result(120)
        self._worker = None
        self._loop.call_soon_threadsafe(self._stop_worker.clear)

    async def _serving(self) -> None:
        async with asyncio.timeout(120):
            # uvicorn tells of its start by a flag alone.
            while not self._server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _work(self, ready: threading.Event) -> None:
        client = await connect(
            self.settings.temporal_address,
            self.settings.temporal_namespace,
            self.settings.payload_keys.get_secret_value(),
        )
        async with serving(client, self.settings, self.contexts.names, self.contexts):
            ready.set()
            await self._stop_worker.wait()

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._worker is not None:
            self.stop_worker()
        if self._api is not None:
            self._api.result(120)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
