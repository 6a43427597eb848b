"""How the API speaks to processes: commands as updates that start their process if need be, nudges as signals.

An update's id is the command's id, so an attempt that was cut off is taken up again and answered the same.
A process that is over or gone is started again by a command: its rules then refuse, or it goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from activities.checkout.telling import process_of_checkout
from activities.market.waking import market_process, wake
from activities.platform.workflows import Process, send_command, signal_process
from activities.webhooks.waking import wake_delivery
from db.market.blocks import list_under_way
from db.market.negotiations import list_open_in_store, list_open_on_listing
from db.market.tables import Listing, Store
from db.platform.database import Database
from domain.checkout.commands import CancelCheckout, CheckoutStart, CompleteCheckout, CreateCheckout, UpdateCheckout
from domain.checkout.policy import CheckoutPolicy
from domain.market.commands import (
    AnswerOffer,
    AppealDecision,
    AuditReport,
    CounterOffer,
    Done,
    MakeOffer,
    NegotiationStart,
    OperatorRefund,
    OrderCommand,
    OrderStart,
    PlaceOrder,
    PostReview,
    ReviewWindowStart,
    StoreTrustStart,
    SweepReport,
)
from domain.market.policy import MarketPolicy
from domain.market.processes import MARKET_AUDIT, MARKET_QUEUE, SWEEP, negotiation_process, order_process

_log = structlog.get_logger("souk.processes")
_COALESCE_SECONDS = 0.02
# The first commands of a process, which runs only after them.
_OPENING = frozenset({"make_offer", "place_order", "create_checkout"})
_FAILURES = (RPCError, TemporalError, RuntimeError, TimeoutError, SQLAlchemyError, OSError)

Answer = TypeVar("Answer")
Command = (
    MakeOffer
    | CounterOffer
    | AnswerOffer
    | PlaceOrder
    | OrderCommand
    | OperatorRefund
    | AppealDecision
    | PostReview
    | CreateCheckout
    | UpdateCheckout
    | CompleteCheckout
    | CancelCheckout
)


class Processes:
    """Commands to the market's processes. Raises what ``api.errors.refusal_of`` understands."""

    def __init__(
        self, client: Client, policy: MarketPolicy, timeout_seconds: float, checkout: CheckoutPolicy | None = None
    ) -> None:
        self._client = client
        self.policy = policy
        self.checkout_policy = checkout or CheckoutPolicy()
        self._timeout = timeout_seconds

    async def negotiate(
        self, update: str, command: MakeOffer | CounterOffer | AnswerOffer, listing_id: UUID, store_id: UUID
    ) -> Done:
        """``update``: make_offer, counter_offer, accept_offer, reject_offer, withdraw_offer."""
        start = NegotiationStart(
            negotiation_id=command.negotiation_id, listing_id=listing_id, store_id=store_id, policy=self.policy
        )
        return await self._command(market_process(start), update, command)

    async def order(
        self,
        update: str,
        command: PlaceOrder | OrderCommand | OperatorRefund | AppealDecision,
        order_id: UUID,
        listing_id: UUID,
        store_id: UUID,
    ) -> Done:
        """``update``: place_order and refund_by_operator by commands of their own; by an OrderCommand all others."""
        start = OrderStart(order_id=order_id, listing_id=listing_id, store_id=store_id, policy=self.policy)
        return await self._command(market_process(start), update, command)

    async def review(self, command: PostReview, listing_id: UUID, store_id: UUID) -> Done:
        start = ReviewWindowStart(
            order_id=command.order_id, listing_id=listing_id, store_id=store_id, policy=self.policy
        )
        return await self._command(market_process(start), "post_review", command)

    async def checkout(
        self,
        update: str,
        command: CreateCheckout | UpdateCheckout | CompleteCheckout | CancelCheckout,
        store_id: UUID,
        *,
        whole_addresses: bool = True,
    ) -> Done:
        """``update``: create_checkout, update_checkout, complete_checkout, cancel_checkout.

        Answers with the session's id: read it with ``db.checkout.reads.get_checkout``.
        """
        checkout_id = command.command_id if isinstance(command, CreateCheckout) else command.checkout_id
        policy = self.checkout_policy
        if not whole_addresses:
            policy = policy.model_copy(update={"whole_addresses": False})
        start = CheckoutStart(checkout_id=checkout_id, store_id=store_id, policy=policy, market=self.policy)
        return await self._command(process_of_checkout(start), update, command)

    async def _command(self, process: Process, update: str, command: Command) -> Done:
        return await send_command(
            self._client, process, update, command, opens=update in _OPENING, seconds=self._timeout
        )

    async def sweep(self, run_id: UUID) -> SweepReport:
        """Wake everything overdue now. The same ``run_id`` joins the same sweep."""
        return await self._run(SWEEP, f"sweep/{run_id}", SweepReport)

    async def audit(self, run_id: UUID) -> AuditReport:
        return await self._run(MARKET_AUDIT, f"audit/{run_id}", AuditReport)

    async def _run(self, kind: str, process_id: str, answer: type[Answer]) -> Answer:
        found: Answer = await self._client.execute_workflow(
            kind,
            id=process_id,
            task_queue=MARKET_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=answer,
            rpc_timeout=timedelta(seconds=60),
        )
        return found


class TemporalNudges:
    """Nudges after a fact's commit, gathered for a moment so that a burst costs one signal per process.

    What is lost here the sweep finds; so failures are logged and go no further.
    """

    def __init__(self, client: Client, policy: MarketPolicy, database: Database) -> None:
        self._client = client
        self._policy = policy
        self._database = database
        self._stores: set[UUID] = set()
        self._negotiations: set[UUID] = set()
        self._orders: set[UUID] = set()
        self._webhooks: set[UUID] = set()
        self._wanted = asyncio.Event()

    async def store_trust(self, store_id: UUID) -> None:
        self._stores.add(store_id)
        self._wanted.set()

    async def webhook(self, webhook_id: UUID) -> None:
        self._webhooks.add(webhook_id)
        self._wanted.set()

    async def negotiations_on_listing(self, listing_id: UUID) -> None:
        owner = select(Store.c.owner_merchant_id).join(Listing.table, Listing.c.store_id == Store.c.store_id)
        await self._gather(owner.where(Listing.c.listing_id == listing_id), list_open_on_listing, listing_id)

    async def negotiations_in_store(self, store_id: UUID) -> None:
        owner = select(Store.c.owner_merchant_id).where(Store.c.store_id == store_id)
        await self._gather(owner, list_open_in_store, store_id)

    async def blocked(self, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
        try:
            async with self._database.session(viewer=owner_id) as session:
                bargains, owed = await list_under_way(session, store_id, agent_id)
            self._negotiations.update(bargains)
            self._orders.update(owed)
        except _FAILURES as error:
            _log.warning("nudge left to the sweep", error=type(error).__name__)
        self._wanted.set()

    async def _gather(self, owner_query: Any, list_open: Callable[..., Any], key: UUID) -> None:
        """Find the open negotiations as the store's owner, who may see them."""
        try:
            async with self._database.session() as session:
                owner = await session.scalar(owner_query)
            async with self._database.transaction(viewer=owner) as transaction:
                self._negotiations.update(await list_open(transaction, key))
        except _FAILURES as error:
            _log.warning("nudge left to the sweep", error=type(error).__name__)
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["TemporalNudges"]:
        """Send nudges for as long as the block lasts, and the last ones at its end."""
        task = asyncio.create_task(self._send_forever())
        try:
            yield self
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
        stores, self._stores = self._stores, set()
        negotiations, self._negotiations = self._negotiations, set()
        calls = [wake(self._client, StoreTrustStart(store_id=key, policy=self._policy)) for key in stores]
        orders, self._orders = self._orders, set()
        told = [*(negotiation_process(key) for key in negotiations), *(order_process(key) for key in orders)]
        calls += [self._nudge(process_id) for process_id in told]
        webhooks, self._webhooks = self._webhooks, set()
        calls += [wake_delivery(self._client, key) for key in webhooks]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, _FAILURES):
                _log.warning("nudge left to the sweep", error=type(outcome).__name__)
            elif isinstance(outcome, BaseException):
                _log.error("nudge failed", exc_info=outcome)

    async def _nudge(self, process_id: str) -> None:
        await signal_process(self._client, process_id)
