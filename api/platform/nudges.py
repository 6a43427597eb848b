"""Telling workflows of a fact, after its commit and at best effort.

The row that says so was committed with the fact, and a schedule sweeps what was never told: a lost nudge costs a little
time and nothing else. So failures are logged and go no further.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from activities.platform.specs import Restart, WorkflowSpecs
from activities.platform.workflows import signal_process
from db.platform.database import Database

_log = structlog.get_logger("souk.processes")
_COALESCE_SECONDS = 0.02
FAILURES = (RPCError, TemporalError, RuntimeError, TimeoutError, psycopg.Error, OSError)


class Nudges:
    """Gathers nudges for a moment, so that a burst costs one signal per workflow."""

    def __init__(self, client: Client, database: Database, specs: WorkflowSpecs) -> None:
        self._client = client
        self._specs = specs
        self._restart = Restart(database, client, specs)
        self._waking: set[str] = set()
        self._telling: set[str] = set()
        self._wanted = asyncio.Event()

    def wake(self, workflow_id: str) -> None:
        """Have a workflow look again, started where it does not run."""
        self._waking.add(workflow_id)
        self._wanted.set()

    def tell(self, workflow_ids: Iterable[str]) -> None:
        """Have those of the workflows that run look again."""
        self._telling.update(workflow_ids)
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send nudges for as long as the block lasts, and the last ones at its end."""
        task = asyncio.create_task(self._send_forever())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._send()

    async def _send_forever(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_COALESCE_SECONDS)
            self._wanted.clear()
            await self._send()

    async def _send(self) -> None:
        waking, self._waking = self._waking, set()
        telling, self._telling = self._telling, set()
        calls = [
            *(self._restart.wake(*self._specs.find(workflow_id)) for workflow_id in waking),
            *(signal_process(self._client, workflow_id) for workflow_id in telling - waking),
        ]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, FAILURES):
                left_to_the_sweep(outcome)
            elif isinstance(outcome, BaseException):
                _log.error("nudge failed", exc_info=outcome)


def left_to_the_sweep(error: BaseException) -> None:
    """Note that a nudge was not sent."""
    _log.warning("nudge left to the sweep", error=type(error).__name__)
