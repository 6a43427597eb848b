"""Activities that wake the market's workflows."""

import asyncio
from uuid import UUID

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.market.signatures import NudgeActivities
from activities.market.waking import open_window, wake
from activities.platform.heartbeats import heartbeating
from activities.platform.workflows import signal_process
from db.market import negotiations
from db.platform.database import Database
from domain.market.commands import StoreTrustStart, Tell
from domain.market.processes import (
    negotiation_process,
    review_window_process,
    store_trust_process,
)

_log = structlog.get_logger("souk.nudges")
_AT_ONCE = 16


class TemporalNudgeActivities(NudgeActivities):
    """The real ones."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client
        self._gathering: set[UUID] = set()
        self._telling: set[asyncio.Task[None]] = set()

    async def tell_processes(self, tell: Tell) -> None:
        async with asyncio.TaskGroup() as calls:
            if tell.review_window is not None:
                tell_window = wake if tell.review_window.opened is None else open_window
                calls.create_task(tell_window(self._client, tell.review_window))
            if tell.void_window_of is not None:
                calls.create_task(signal_process(self._client, review_window_process(tell.void_window_of)))
            if tell.store_trust is not None:
                self._gather_trust(tell.store_trust)

    def _gather_trust(self, start: StoreTrustStart) -> None:
        """Tell the store's trust in a moment: what else comes for it until then is told with it."""
        if start.store_id not in self._gathering:
            self._gathering.add(start.store_id)
            task = asyncio.create_task(self._tell_trust(start))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell_trust(self, start: StoreTrustStart) -> None:
        await asyncio.sleep(start.policy.trust_fold_delay_seconds)
        # From here on a new fact may come too late for this signal, and needs one of its own.
        self._gathering.discard(start.store_id)
        try:
            # It runs already but for a store's first fact, and a signal is lighter than a start.
            if not await signal_process(self._client, store_trust_process(start.store_id)):
                await wake(self._client, start)
        except (RPCError, RuntimeError) as error:
            _log.warning("nudge left to the sweep", error=type(error).__name__)

    @heartbeating()
    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int:
        async with self._database.transaction() as transaction:
            found = await negotiations.list_open_on_listing(transaction, listing_id)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(negotiation_id: UUID) -> bool:
            async with gate:
                return await signal_process(self._client, negotiation_process(negotiation_id))

        return sum(await asyncio.gather(*(one(negotiation_id) for negotiation_id in found)))
