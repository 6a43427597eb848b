"""The Checkout process: a session that waits, expires, and is completed at most once.

Completing is a saga of durable steps: authorize the payment, place all orders in one transaction, give them
their processes, capture. A step that fails is undone: orders refunded, payment voided, session open again. The
steps are chosen by the projection alone, so a process that was lost goes on, or back, from where it stood.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.checkout.signatures import CheckoutActivities as Record
    from activities.platform.heartbeats import HEARTBEAT_TIMEOUT
    from domain.checkout import errors
    from domain.checkout.commands import (
        CancelCheckout,
        CheckoutSnapshot,
        CheckoutStart,
        CompleteCheckout,
        CreateCheckout,
        UpdateCheckout,
    )
    from domain.checkout.models import PaymentChoice
    from domain.checkout.processes import CHECKOUT
    from domain.checkout.states import PaymentStatus
    from domain.platform.messages import Done
    from workflows.market.notices import MarketNotices
    from workflows.platform.process import CommandProcess, carries_out
    from workflows.platform.recording import record

_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
_ATTEMPT = timedelta(seconds=30)
# A handler that does not answer an authorization for this long has not got the sale.
_AUTHORIZATION = timedelta(seconds=60)


@workflow.defn(name=CHECKOUT, failure_exception_types=[pydantic.ValidationError])
class Checkout(CommandProcess[CheckoutStart, CheckoutSnapshot]):
    _not_found = errors.CHECKOUT_NOT_FOUND.code

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start, "incomplete")
        self._notices = MarketNotices(start.market)
        self._sold_out: list[UUID] = []

    @workflow.run
    async def run(self, start: CheckoutStart) -> None:
        await self._live()

    create_checkout = carries_out(CreateCheckout, Record.create_checkout, "open the session")
    update_checkout = carries_out(UpdateCheckout, Record.update_checkout, "record choices and price them")
    cancel_checkout = carries_out(CancelCheckout, Record.cancel_checkout, "record the cancellation")

    @workflow.update(name=CompleteCheckout.kind)
    async def complete_checkout(self, command: CompleteCheckout) -> Done:
        async with self._lock:
            snapshot = await self._record_command(Record.begin_completion, command, "begin to complete")
            snapshot = await self._advance(snapshot, command.payment)
        return self._done(snapshot)

    async def _settle(self) -> CheckoutSnapshot:
        snapshot = await record(Record.settle_checkout, "record what has come due", self._start)
        self._take_over(snapshot)
        return await self._advance(snapshot, None)

    async def _advance(self, snapshot: CheckoutSnapshot, payment: PaymentChoice | None) -> CheckoutSnapshot:
        """Take the attempt's steps until none is left. Called under the lock."""
        while True:
            if snapshot.failed:
                snapshot = await self._ask(Record.undo_attempt, "undo the attempt", self._start)
            elif snapshot.payment is PaymentStatus.PENDING:
                snapshot = await self._authorize(payment)
            elif snapshot.payment is PaymentStatus.AUTHORIZED:
                snapshot = await record(Record.place_orders, "place all orders, or none", self._start)
            elif snapshot.payment is PaymentStatus.PLACED:
                await self._ask(Record.start_orders, "give the orders their processes", self._start)
                snapshot = await self._ask(Record.capture_payment, "capture the payment", self._start)
            elif snapshot.owes_refund:
                snapshot = await self._ask(Record.pay_back, "pay back what was refunded", self._start)
            else:
                return snapshot
            self._take_over(snapshot)

    async def _authorize(self, payment: PaymentChoice | None) -> CheckoutSnapshot:
        try:
            answer: CheckoutSnapshot = await self._ask(
                Record.authorize_payment, "authorize the payment", self._start, payment, within=_AUTHORIZATION
            )
        except ActivityError:
            # Whether the money was reserved is not known: undoing the attempt voids it by its key.
            code = errors.PAYMENT_UNAVAILABLE.code
            return await record(Record.fail_attempt, "give the attempt up", self._start, code)
        return answer

    async def _ask(
        self,
        activity: Callable[..., Awaitable[Any]],
        summary: str,
        *args: object,
        within: timedelta | None = None,
    ) -> Any:
        """Run a step that asks a handler or a process. Without ``within`` it is repeated until it succeeds."""
        return await workflow.execute_activity_method(
            activity,
            args=args,
            start_to_close_timeout=_ATTEMPT,
            schedule_to_close_timeout=within,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
            summary=summary,
        )

    def _done(self, snapshot: CheckoutSnapshot) -> Done:
        if snapshot.refused is not None:
            raise ApplicationError("the session could not be completed", type=snapshot.refused, non_retryable=True)
        return Done(entity_id=snapshot.checkout_id)

    def _keep(self, snapshot: CheckoutSnapshot) -> None:
        self._sold_out += [key for key in snapshot.sold_out if key not in self._sold_out]
        self._notices.trust_moved |= snapshot.trust_moved
        self._report(
            snapshot.status,
            snapshot.awaiting,
            snapshot.deadline,
            checkout=snapshot.checkout_id,
            store=snapshot.store_id,
        )

    def _next_date(self) -> datetime | None:
        return self._snapshot.deadline if self._snapshot else None

    async def _tell_others(self) -> None:
        while self._sold_out:
            await self._notices.sold_out(self._sold_out.pop())
        await self._notices.send(self._start.store_id)
