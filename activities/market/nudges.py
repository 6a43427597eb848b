"""Activities that wake processes. A nudge says "look again" and nothing else, so repeating one is harmless.

A process that has gone missing while its projection is open is started again by the nudge: it reads its
projection and goes on from there.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.attributes import search_attributes
from activities.market.signatures import NudgeActivities
from db.market import housekeeping, negotiations, orders, trust
from db.market.tables import Negotiation, Order
from db.session import Database
from domain.market.commands import (
    NegotiationStart,
    OrderStart,
    ReviewWindowStart,
    StoreTrustStart,
    SweepReport,
)
from domain.market.policy import MarketPolicy
from domain.market.processes import (
    MARKET_QUEUE,
    NEGOTIATION,
    NUDGE,
    ORDER,
    REVIEW_WINDOW,
    STORE_TRUST,
    negotiation_process,
    order_process,
    review_window_process,
    store_trust_process,
)

_BATCH = 500
_AT_ONCE = 16
_RPC_TIMEOUT = timedelta(seconds=10)

Start = NegotiationStart | OrderStart | ReviewWindowStart | StoreTrustStart


async def nudge_store_trust(client: Client, start: StoreTrustStart) -> None:
    """Start the store's trust process if it is not running, and tell it to look."""
    await _nudge_or_start(client, STORE_TRUST, store_trust_process(start.store_id), start, "Store trust")


async def nudge(client: Client, process_id: str) -> bool:
    """Signal a running process. False when it is not running."""
    try:
        await client.get_workflow_handle(process_id).signal(NUDGE, rpc_timeout=_RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def _nudge_or_start(client: Client, type: str, process_id: str, start: Start, summary: str) -> None:
    listing_id = None if isinstance(start, StoreTrustStart) else start.listing_id
    await client.start_workflow(
        type,
        start,
        id=process_id,
        task_queue=MARKET_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=NUDGE,
        search_attributes=search_attributes(start.store_id, listing_id, "RESUMED"),
        static_summary=summary,
        rpc_timeout=_RPC_TIMEOUT,
    )


class TemporalNudgeActivities(NudgeActivities):
    """The real ones."""

    def __init__(self, database: Database, client: Client, policy: MarketPolicy, retention_days: int) -> None:
        self._database = database
        self._client = client
        self._policy = policy
        self._retention_days = retention_days

    @activity.defn(name="nudge_store_trust")
    async def nudge_store_trust(self, start: StoreTrustStart) -> None:
        await nudge_store_trust(self._client, start)

    @activity.defn(name="nudge_negotiations_on_listing")
    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int:
        async with self._database.transaction() as session:
            found = await negotiations.list_open_on_listing(session, listing_id)
        return await self._nudge_all(negotiation_process(key) for key in found)

    async def _nudge_all(self, process_ids: Iterable[str]) -> int:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(process_id: str) -> bool:
            async with gate:
                return await nudge(self._client, process_id)

        return sum(await asyncio.gather(*(one(process_id) for process_id in process_ids)))

    @activity.defn(name="sweep")
    async def sweep(self) -> SweepReport:
        async with self._database.transaction() as session:
            made = await housekeeping.make_partitions(session)
            purged = await housekeeping.purge_old_records(session, self._retention_days)
            stores = await trust.list_stores_needing_fold(session, _BATCH)
            overdue = [
                await session.get_one(Negotiation, key)
                for key in await negotiations.list_overdue_negotiations(session, _BATCH)
            ]
            late = [await session.get_one(Order, key) for key in await orders.list_overdue_orders(session, _BATCH)]
            windows = [
                await session.get_one(Order, key) for key in await orders.list_overdue_review_windows(session, _BATCH)
            ]
        for negotiation in overdue:
            await self._wake_negotiation(negotiation)
        for order in late:
            await self._wake_order(order)
        for order in windows:
            await self._wake_review_window(order)
        for store_id in stores:
            await nudge_store_trust(self._client, StoreTrustStart(store_id=store_id, policy=self._policy))
        return SweepReport(
            negotiations=len(overdue),
            orders=len(late),
            review_windows=len(windows),
            stores=len(stores),
            partitions_made=made,
            rows_purged=purged,
        )

    async def _wake_negotiation(self, row: Negotiation) -> None:
        start = NegotiationStart(
            negotiation_id=row.negotiation_id,
            listing_id=row.listing_id,
            store_id=row.seller_store_id,
            policy=self._policy,
        )
        process_id = negotiation_process(row.negotiation_id)
        await _nudge_or_start(self._client, NEGOTIATION, process_id, start, "Negotiation")

    async def _wake_order(self, row: Order) -> None:
        start = OrderStart(order_id=row.order_id, listing_id=row.listing_id, store_id=row.store_id, policy=self._policy)
        await _nudge_or_start(self._client, ORDER, order_process(row.order_id), start, "Order")

    async def _wake_review_window(self, row: Order) -> None:
        start = ReviewWindowStart(
            order_id=row.order_id, listing_id=row.listing_id, store_id=row.store_id, policy=self._policy
        )
        process_id = review_window_process(row.order_id)
        await _nudge_or_start(self._client, REVIEW_WINDOW, process_id, start, "Review window")
