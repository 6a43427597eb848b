"""Activities that wake processes, and the sweep's housekeeping."""

import asyncio
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.beats import beating
from activities.market.projections import start_of
from activities.market.signatures import NudgeActivities
from activities.market.waking import nudge, open_window, wake
from activities.unanswered import Unanswered
from db.market import housekeeping, negotiations, orders, trust
from db.market.tables import Negotiation, Order
from db.platform.tables import ProcessedCommand
from db.session import Database
from domain.market.commands import (
    NegotiationStart,
    OrderStart,
    ReviewWindowStart,
    StoreTrustStart,
    SweepReport,
    Tell,
)
from domain.market.policy import MarketPolicy
from domain.market.processes import (
    MARKET_COMMANDS,
    commanded_process,
    negotiation_process,
    review_window_process,
    store_trust_process,
)

_log = structlog.get_logger("souk.nudges")
_BATCH = 500
_AT_ONCE = 16


def _process_of(command: ProcessedCommand) -> str:
    return commanded_process(command.kind, command.entity_id)


class OtherSweep(Protocol):
    """What a later context wants done at every sweep."""

    async def sweep(self) -> int:
        """Wake what should have acted by now. Returns how many processes."""


class TemporalNudgeActivities(NudgeActivities):
    """The real ones. ``others`` are the sweeps of later contexts, which the market does not know."""

    def __init__(
        self,
        database: Database,
        client: Client,
        policy: MarketPolicy,
        retention_days: int,
        others: Sequence[OtherSweep] = (),
    ) -> None:
        self._database = database
        self._client = client
        self._policy = policy
        self._retention_days = retention_days
        self._others = others
        self._unanswered = Unanswered(MARKET_COMMANDS, _process_of, self._start_commanded)
        self._gathering: set[UUID] = set()
        self._telling: set[asyncio.Task[None]] = set()

    @activity.defn(name="tell_processes")
    async def tell_processes(self, tell: Tell) -> None:
        async with asyncio.TaskGroup() as calls:
            if tell.review_window is not None:
                tell_window = wake if tell.review_window.opened is None else open_window
                calls.create_task(tell_window(self._client, tell.review_window))
            if tell.void_window_of is not None:
                calls.create_task(nudge(self._client, review_window_process(tell.void_window_of)))
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
            if not await nudge(self._client, store_trust_process(start.store_id)):
                await wake(self._client, start)
        except (RPCError, RuntimeError) as error:
            _log.warning("nudge left to the sweep", error=type(error).__name__)

    @activity.defn(name="nudge_negotiations_on_listing")
    @beating()
    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int:
        async with self._database.transaction() as session:
            found = await negotiations.list_open_on_listing(session, listing_id)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(negotiation_id: UUID) -> bool:
            async with gate:
                return await nudge(self._client, negotiation_process(negotiation_id))

        return sum(await asyncio.gather(*(one(negotiation_id) for negotiation_id in found)))

    @activity.defn(name="sweep")
    @beating()
    async def sweep(self) -> SweepReport:
        async with self._database.transaction() as session:
            made = await housekeeping.make_partitions(session)
            purged = await housekeeping.purge_old_records(session, self._retention_days)
        # In another one, which writes nothing: readers of the feeds wait for every transaction that does.
        async with self._database.transaction() as session:
            stores = await trust.list_stores_needing_fold(session, _BATCH)
            overdue = [
                await session.get_one(Negotiation, key)
                for key in await negotiations.list_overdue_negotiations(session, _BATCH)
            ]
            late = [await session.get_one(Order, key) for key in await orders.list_overdue_orders(session, _BATCH)]
            lapsed = [
                await session.get_one(Order, key) for key in await orders.list_overdue_review_windows(session, _BATCH)
            ]
        for negotiation in overdue:
            await wake(
                self._client,
                NegotiationStart(
                    negotiation_id=negotiation.negotiation_id,
                    listing_id=negotiation.listing_id,
                    store_id=negotiation.seller_store_id,
                    policy=self._policy,
                ),
            )
        for kind, rows in ((OrderStart, late), (ReviewWindowStart, lapsed)):
            for row in rows:
                start = kind(
                    order_id=row.order_id, listing_id=row.listing_id, store_id=row.store_id, policy=self._policy
                )
                await wake(self._client, start)
        for store_id in stores:
            await wake(self._client, StoreTrustStart(store_id=store_id, policy=self._policy))
        woken = [await other.sweep() for other in self._others]
        unanswered = await self._unanswered.tell(self._database, self._client)
        return SweepReport(
            negotiations=len(overdue),
            orders=len(late),
            review_windows=len(lapsed),
            stores=len(stores),
            unanswered=unanswered,
            partitions_made=made,
            rows_purged=purged,
            others=sum(woken),
        )

    async def _start_commanded(self, command: ProcessedCommand) -> bool:
        async with self._database.transaction() as session:
            start = await start_of(session, self._policy, _process_of(command))
        if start is None:
            return False
        await wake(self._client, start)
        return True
