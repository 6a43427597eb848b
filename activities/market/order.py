"""Activities of the Order process: what its parties, an operator or time do to an order, each once."""

from datetime import timedelta

from activities.market.appeal import Appeals, decline_appeal
from activities.market.order_case import load_order
from activities.market.placement import Placement
from activities.market.signatures import OrderActivities
from db.market.blocks import is_blocked
from db.platform.commands import insert_command
from db.platform.database import Database
from db.platform.keys import insert_audit_entry
from db.platform.outages import listen
from domain.market import orders as rules
from domain.market.blocks import ends_blocked_order
from domain.market.commands import (
    AnswerRefund,
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
)
from domain.market.processes import MARKET_PARTS
from domain.market.states import (
    AppealOutcome,
    InboxType,
    OrderStatus,
    RefundReason,
)


class PostgresOrderActivities(Placement, Appeals, OrderActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def place_order(self, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            return await self.place(transaction, start, command)

    async def confirm_payment(self, start: OrderStart, command: ConfirmPayment) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                if rules.decide_confirm_payment(case.state, case.now):
                    case.confirm_payment()
                insert_command(transaction, command)
            return case.snapshot()

    async def deliver_order(self, start: OrderStart, command: DeliverOrder) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                rules.decide_deliver(case.state, case.now)
                if command.payment_received and rules.decide_confirm_payment(case.state, case.now):
                    case.confirm_payment()
                case.deliver()
                insert_command(transaction, command)
            return case.snapshot()

    async def cancel_order(self, start: OrderStart, command: CancelOrder) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_buyer(command.by_agent_id)
                rules.decide_cancel(case.state, case.now)
                await case.refund(RefundReason.CANCELLED_BY_BUYER, goods_return=True)
                insert_command(transaction, command)
            return case.snapshot()

    async def decline_order(self, start: OrderStart, command: DeclineOrder) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                rules.decide_decline(case.state, case.now)
                case.change(decline_reason=command.reason)
                await case.refund(RefundReason.DECLINED_BY_SELLER, goods_return=True)
                insert_command(transaction, command)
            return case.snapshot()

    async def request_refund(self, start: OrderStart, command: RequestRefund) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_buyer(command.by_agent_id)
                rules.decide_request_refund(case.state, case.now)
                due_at = case.now + timedelta(seconds=start.policy.refund_answer_seconds)
                case.change(
                    refund_requested_at=case.now,
                    refund_request_reason=command.reason,
                    refund_answer_due_at=due_at,
                )
                case.tell(case.seller_id, InboxType.REFUND_REQUESTED, due_at=due_at)
                insert_command(transaction, command)
            return case.snapshot()

    async def answer_refund(self, start: OrderStart, command: AnswerRefund) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                rules.decide_answer_refund(case.state, case.now)
                if command.approve:
                    await case.refund(RefundReason.GRANTED, goods_return=command.goods_returned)
                else:
                    await case.decline_refund()
                insert_command(transaction, command)
            return case.snapshot()

    async def refund_by_operator(self, start: OrderStart, command: OperatorRefund) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                rules.decide_refund_by_operator(case.state, case.now, cancel=command.cancel)
                await case.refund(RefundReason.BY_OPERATOR, goods_return=command.cancel or command.goods_returned)
                action = "order.cancel" if command.cancel else "order.refund"
                meta: dict[str, int | str] = {"entity": str(start.order_id)}
                insert_audit_entry(transaction, command.command_id, command.key_id, action, command.reason, meta)
                insert_command(transaction, command)
            return case.snapshot()

    async def reverse_order(self, start: OrderStart, command: ReverseOrder) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                if case.order.status is not OrderStatus.REFUNDED:
                    await case.refund(RefundReason.PAYMENT_FAILED, goods_return=True)
                insert_command(transaction, command)
            return case.snapshot()

    async def settle_order(self, start: OrderStart) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            silence = await listen(transaction, MARKET_PARTS)
            case = await load_order(transaction, start)
            if silence.holds(case.now):
                return case.snapshot().model_copy(update={"deadline": silence.look_again_at(case.now)})
            due = rules.decide_order_due(case.state, case.now)
            # A promise that was broken before the block stays broken.
            blocked = due.refund is None and ends_blocked_order(case.state)
            if blocked and await is_blocked(transaction, case.order.store_id, case.order.buyer_customer_id):
                due = rules.Due(refund=RefundReason.BUYER_BLOCKED)
            if due.refund is not None:
                await case.refund(due.refund, goods_return=rules.stock_returns(due.refund))
            elif due.remind_payment:
                case.remind_of_payment()
            elif due.decline_appeal:
                decline_appeal(case, AppealOutcome.NOT_DECIDED)
            elif due.remind:
                case.change(reminded_at=case.now)
                promised_at = case.order.promised_at
                case.tell(case.seller_id, InboxType.DELIVERY_DUE_SOON, due_at=promised_at)
            elif due.close:
                case.change(closed_at=case.now)
            return case.snapshot()
