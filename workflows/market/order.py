"""The Order process: placement to delivery, and the ways back.

PLACED → DELIVERED → (REFUNDED), or PLACED → REFUNDED. It waits for the merchant's delivery (reminding it),
then for the end of the return window, and for the merchant's answer to a refund request; each wait ends by
itself. Guards that an order is delivered or refunded, never both at once, whoever comes first.
"""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.market.signatures import OrderActivities as Record
    from domain.market import errors
    from domain.market.commands import (
        AnswerRefund,
        AppealDecision,
        AppealRefund,
        CancelOrder,
        ConfirmPayment,
        DeclineOrder,
        DeliverOrder,
        OperatorRefund,
        OrderSnapshot,
        OrderStart,
        PlaceOrder,
        RequestRefund,
        ReverseOrder,
        ReviewWindowStart,
    )
    from domain.market.processes import ORDER
    from domain.platform.messages import Done
    from workflows.market.notices import MarketNotices
    from workflows.platform.process import CommandProcess, carries_out
    from workflows.platform.recording import record


@workflow.defn(
    name=ORDER,
    failure_exception_types=[pydantic.ValidationError],
)
class Order(CommandProcess[OrderStart, OrderSnapshot]):
    _not_found = errors.ORDER_NOT_FOUND.code

    @workflow.init
    def __init__(self, start: OrderStart) -> None:
        super().__init__(start, "PLACED")
        self._notices = MarketNotices(start.policy)
        self._sold_out = False
        self._negotiation_told = False
        self._window_opened = False
        self._void_told = False

    @workflow.run
    async def run(self, start: OrderStart) -> None:
        await self._live()

    place_order = carries_out(PlaceOrder, Record.place_order, "record the order and take its stock")
    confirm_payment = carries_out(ConfirmPayment, Record.confirm_payment, "record that the merchant has the money")
    deliver_order = carries_out(DeliverOrder, Record.deliver_order, "record the delivery")
    cancel_order = carries_out(CancelOrder, Record.cancel_order, "record the cancellation")
    decline_order = carries_out(DeclineOrder, Record.decline_order, "record that the merchant declines")
    request_refund = carries_out(RequestRefund, Record.request_refund, "record the refund request")
    answer_refund = carries_out(AnswerRefund, Record.answer_refund, "record the merchant's answer")
    appeal_refund = carries_out(AppealRefund, Record.appeal_refund, "record the appeal")
    decide_appeal = carries_out(AppealDecision, Record.decide_appeal, "record the operators' decision")
    refund_by_operator = carries_out(OperatorRefund, Record.refund_by_operator, "record an operator's refund")
    reverse_order = carries_out(ReverseOrder, Record.reverse_order, "record that its payment did not come")

    async def _settle(self) -> OrderSnapshot:
        return await record(Record.settle_order, "record what has come due", self._start)

    def _next_date(self) -> datetime | None:
        return self._snapshot.deadline if self._snapshot else None

    def _done(self, snapshot: OrderSnapshot) -> Done:
        return Done(entity_id=snapshot.order_id)

    def _keep(self, snapshot: OrderSnapshot) -> None:
        self._sold_out |= snapshot.sold_out
        self._notices.trust_moved |= snapshot.trust_moved
        self._report(
            snapshot.status,
            snapshot.awaiting,
            snapshot.deadline,
            order=snapshot.order_id,
            listing=snapshot.listing_id,
            store=snapshot.store_id,
        )

    async def _tell_others(self) -> None:
        """The negotiation that was bought, the review window, the listing, the store's trust."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        negotiation_id = None if self._negotiation_told else snapshot.negotiation_id
        window_opens = snapshot.review_window_open and not self._window_opened
        window_void = snapshot.review_window_void and not self._void_told
        window = None
        if window_opens:
            window = ReviewWindowStart(
                order_id=self._start.order_id,
                listing_id=self._start.listing_id,
                store_id=self._start.store_id,
                policy=self._start.policy,
                opened=snapshot.opened_window,
            )
        self._negotiation_told |= negotiation_id is not None
        self._window_opened |= window_opens
        self._void_told |= window_void
        if negotiation_id is not None:
            await self._notices.bought(negotiation_id)
        void = self._start.order_id if window_void else None
        await self._notices.send(self._start.store_id, review_window=window, void_window_of=void)
        if self._sold_out:
            self._sold_out = False
            await self._notices.sold_out(self._start.listing_id)
