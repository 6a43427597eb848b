"""A worker with the real processes over fake activities, and a caller that speaks to them as the API does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.worker import Worker

from activities.platform.attributes import search_attributes
from activities.platform.signatures import Activities, activities_of
from domain.market.commands import (
    CounterOffer,
    MakeOffer,
    NegotiationStart,
    OrderStart,
    PlaceOrder,
    PostReview,
    ReviewWindowStart,
    StoreTrustStart,
)
from domain.market.policy import MarketPolicy
from domain.market.processes import (
    NEGOTIATION,
    ORDER,
    REVIEW_WINDOW,
    STORE_TRUST,
    negotiation_process,
    order_process,
    review_window_process,
    store_trust_process,
)
from domain.platform.commands import COMMANDS, Command
from domain.platform.messages import Done
from domain.platform.workflows import NUDGE
from tests.workflows.fake_upkeep import FakeUpkeep
from tests.workflows.market.books import BUYER, LISTING, STORE, Books, key
from tests.workflows.market.fake_negotiations import FakeNegotiations
from tests.workflows.market.fake_orders import FakeOrders, FakeReviews
from tests.workflows.market.fake_trust import FakeNudges, FakeTrust
from tests.workflows.waiting import idle, until
from worker.interceptors import RefusalInterceptor
from worker.market import PART
from worker.parts import KERNEL_WORKFLOWS
from worker.sandbox import sandboxed

RPC_TIMEOUT = timedelta(seconds=120)


def refusal(caught: pytest.ExceptionInfo[WorkflowUpdateFailedError]) -> str:
    """The code a refused command was answered with."""
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.type or ""


class Town:
    """One listing, its buyer and its seller. Time is the server's: :meth:`sleep` skips it where it can be."""

    workflows: Sequence[type] = (*PART.workflows, *KERNEL_WORKFLOWS)

    def __init__(
        self,
        client: Client,
        books: Books,
        queue: str,
        sleep: Callable[[float], Awaitable[None]],
        policy: MarketPolicy | None = None,
        salt: str = "",
    ) -> None:
        self.client, self.books, self.queue, self._sleep = client, books, queue, sleep
        self.policy = policy or MarketPolicy()
        self._salt = salt
        self.deal_id, self.order_id = self.key("negotiation"), self.key("order")

    def key(self, name: str) -> UUID:
        return key(self._salt + name)

    async def now(self) -> datetime:
        return await self.books.clock()

    async def sleep(self, seconds: float) -> None:
        await self._quiet()
        await self._sleep(seconds)

    async def _quiet(self) -> None:
        """Until no process has a step under way: skipping time in the middle of one may hang the server."""
        for handle in (self.order, self.window, self.deal, self.trust):
            await until(lambda handle=handle: idle(handle))

    async def sleep_till(self, date: datetime | None) -> None:
        """Skip to this date, and not beyond: the timer set for it fires right after."""
        assert date is not None
        await self.sleep((date - await self.now()).total_seconds())

    async def end(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Let time pass until the process has ended; where others wait it may pass further.

        Raises WorkflowFailureError when the process failed.
        """
        await self._quiet()
        await self.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        try:
            async with asyncio.timeout(120):
                await handle.result()
        finally:
            await self.client.test_service.lock_time_skipping(LockTimeSkippingRequest())

    def fakes(self) -> list[Activities]:
        """What the workflows ask, over the books."""
        return [
            FakeUpkeep(self.books),
            FakeNudges(self.books, self.client, self.queue),
            *(fake(self.books) for fake in (FakeNegotiations, FakeOrders, FakeReviews, FakeTrust)),
        ]

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[Worker]:
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=self.workflows,
            activities=activities_of(*self.fakes()),
            interceptors=[RefusalInterceptor()],
            workflow_runner=sandboxed(),
            **options,
        ) as worker:
            yield worker

    async def send(
        self,
        kind: str,
        process_id: str,
        start: Any,
        command: Command,
        task_timeout: timedelta | None = None,
    ) -> Done:
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            kind,
            start,
            id=process_id,
            task_queue=self.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            task_timeout=task_timeout,
            search_attributes=search_attributes(STORE, LISTING, "TEST"),
        )
        try:
            return await self.client.execute_update_with_start_workflow(
                command.kind,
                command,
                start_workflow_operation=operation,
                id=str(command.command_id),
                result_type=Done,
                rpc_timeout=RPC_TIMEOUT,
            )
        except BaseException:
            with suppress(TemporalError, RuntimeError, TimeoutError):
                async with asyncio.timeout(0):
                    await operation.workflow_handle()
            raise

    async def negotiate(self, command: Command, **options: Any) -> Done:
        return await self.send(NEGOTIATION, negotiation_process(self.deal_id), self.deal_start(), command, **options)

    async def bid(
        self, price: int = 800, *, quantity: int = 1, by: UUID = BUYER, name: str = "bid", **options: Any
    ) -> Done:
        command = MakeOffer(
            command_id=self.key(name),
            negotiation_id=self.deal_id,
            listing_id=LISTING,
            buyer_id=by,
            price_cents=price,
            quantity=quantity,
        )
        return await self.negotiate(command, **options)

    async def counter(self, to: str, by: UUID, price: int, name: str) -> Done:
        command = CounterOffer(
            command_id=self.key(name),
            negotiation_id=self.deal_id,
            offer_id=self.key(to),
            by_agent_id=by,
            price_cents=price,
        )
        return await self.negotiate(command)

    async def answer(self, verb: str, to: str, by: UUID, name: str = "answer", round: int | None = None) -> Done:
        ids = {"command_id": self.key(name), "negotiation_id": self.deal_id, "offer_id": self.key(to)}
        return await self.negotiate(COMMANDS[f"{verb}_offer"](**ids, by_agent_id=by, round=round))

    async def buy(self, offer: str | None = None, quantity: int = 1, **options: Any) -> Done:
        command = PlaceOrder(
            command_id=self.order_id,
            buyer_id=BUYER,
            listing_id=LISTING,
            quantity=quantity,
            offer_id=self.key(offer) if offer else None,
        )
        return await self.send(ORDER, order_process(self.order_id), self.order_start(), command, **options)

    async def on_order(self, kind: str, by: UUID, name: str | None = None, **fields: Any) -> Done:
        ids = {"command_id": self.key(name or kind), "order_id": self.order_id, "by_agent_id": by}
        command = COMMANDS[kind](**ids, **fields)
        return await self.send(ORDER, order_process(self.order_id), self.order_start(), command)

    async def review(self, by: UUID = BUYER, name: str = "review") -> Done:
        command = PostReview(
            command_id=self.key(name), order_id=self.order_id, author_id=by, rating=5, body="It shines."
        )
        return await self.send(
            REVIEW_WINDOW,
            review_window_process(self.order_id),
            self.window_start(),
            command,
        )

    async def nudge_trust(self) -> WorkflowHandle[Any, Any]:
        return await self.client.start_workflow(
            STORE_TRUST,
            StoreTrustStart(store_id=STORE, policy=self.policy),
            id=store_trust_process(STORE),
            task_queue=self.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=NUDGE,
            search_attributes=search_attributes(STORE, None, "TEST"),
        )

    def deal_start(self) -> NegotiationStart:
        return NegotiationStart(negotiation_id=self.deal_id, listing_id=LISTING, store_id=STORE, policy=self.policy)

    def order_start(self) -> OrderStart:
        return OrderStart(order_id=self.order_id, listing_id=LISTING, store_id=STORE, policy=self.policy)

    def window_start(self) -> ReviewWindowStart:
        return ReviewWindowStart(order_id=self.order_id, listing_id=LISTING, store_id=STORE, policy=self.policy)

    @property
    def deal(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(negotiation_process(self.deal_id))

    @property
    def order(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_process(self.order_id))

    @property
    def window(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(review_window_process(self.order_id))

    @property
    def trust(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(store_trust_process(STORE))
