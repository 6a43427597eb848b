"""The Order's and the ReviewWindow's activities over the books, deciding with the market's own rules."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from activities.market.signatures import OrderActivities, ReviewActivities
from domain.market import errors
from domain.market import orders as rules
from domain.market.appeals import decide_appeal, decide_appeal_decision
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
    PostReview,
    RequestRefund,
    ReverseOrder,
    ReviewWindowSnapshot,
    ReviewWindowStart,
)
from domain.market.reminders import reminder_date
from domain.market.reviews import decide_review
from domain.market.states import CloseReason, DeliveryKind, OrderStatus, RefundReason, ReviewWindowStatus
from tests.workflows.market.books import LISTING, SELLER, STORE, Books, Bought


def _find(books: Books, order_id: UUID, agent_id: UUID | None = None) -> Bought:
    order = books.orders.get(order_id)
    if order is None or agent_id not in {None, order.buyer_id, SELLER}:
        raise errors.ORDER_NOT_FOUND.error()
    return order


def window_snapshot(order_id: UUID, order: Bought, *, trust_moved: bool = False) -> ReviewWindowSnapshot:
    return ReviewWindowSnapshot(
        order_id=order_id,
        store_id=STORE,
        listing_id=LISTING,
        closes_at=order.window_closes_at,
        closed=order.window is not ReviewWindowStatus.OPEN,
        deadline=order.window_remind_at,
        trust_moved=trust_moved,
    )


class FakeOrders(OrderActivities):
    def __init__(self, books: Books) -> None:
        self._books = books
        self._opened: dict[UUID, ReviewWindowSnapshot] = {}

    def _snapshot(self, order_id: UUID, **flags: object) -> OrderSnapshot:
        order = self._books.orders[order_id]
        found = {
            "order_id": order_id,
            "store_id": STORE,
            "listing_id": LISTING,
            "status": order.state.status,
            "awaiting": "nothing: it is over" if order.state.closed else "somebody",
            "deadline": rules.next_order_deadline(order.state),
            "closed": order.state.closed,
            "review_window_open": order.window is ReviewWindowStatus.OPEN,
            "negotiation_id": order.negotiation_id,
            "opened_window": self._opened.pop(order_id, None),
            "review_window_void": order.window is ReviewWindowStatus.VOID,
        }
        return OrderSnapshot.model_validate(found | flags)

    def _deliver(self, order: Bought, start: OrderStart, now: datetime) -> bool:
        order.state = replace(
            order.state,
            status=OrderStatus.DELIVERED,
            return_window_closes_at=now + timedelta(seconds=start.policy.return_window_seconds),
        )
        order.window = ReviewWindowStatus.OPEN
        order.window_closes_at = now + timedelta(seconds=start.policy.review_window_seconds)
        if self._books.reminds:
            share = start.policy.review_reminder_share
            order.window_remind_at = reminder_date(now, order.window_closes_at, share)
        self._opened[start.order_id] = window_snapshot(start.order_id, order)
        self._books.tell("ORDER_DELIVERED")
        return order.negotiation_id is not None

    def _refund(self, order: Bought, reason: RefundReason, *, goods_return: bool) -> dict[str, bool]:
        if order.window is ReviewWindowStatus.OPEN:
            order.window = ReviewWindowStatus.VOID
        order.state = replace(order.state, status=OrderStatus.REFUNDED, closed=True)
        order.refund_reason = reason
        if goods_return:
            self._books.move_stock(order.quantity)
        self._books.tell(f"REFUNDED {reason}")
        return {"trust_moved": rules.breaks_promise(reason, paid=order.state.paid)}

    async def place_order(self, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        books = self._books
        async with books.turn() as now:
            if command.command_id in books.commands:
                return self._snapshot(start.order_id)
            rules.check_gating(books.gated, LISTING, STORE)
            quantity, negotiation_id, sold_out = command.quantity, None, False
            if command.offer_id is None:
                total = rules.decide_purchase(books.listing, books.buyer, quantity, rules.SeenPrice(LISTING, "USD"))
                sold_out = books.move_stock(-quantity)
            else:
                negotiation_id, haggle = next(
                    (name, h)
                    for name, h in books.negotiations.items()
                    if any(o.offer_id == command.offer_id for o in h.state.offers)
                )
                total = rules.decide_offer_purchase(haggle.state, command.offer_id, books.buyer, now)
                quantity = haggle.state.latest.quantity
                haggle.state = replace(haggle.state, spent=True)
                haggle.closed, haggle.reason = True, CloseReason.PURCHASED
            dates = rules.order_dates(books.delivery, None, now, start.policy)
            state = rules.OrderState(
                status=OrderStatus.PLACED,
                delivery=books.delivery,
                promised_at=dates.promised_at,
                remind_at=dates.remind_at,
                reminded=False,
                refund_requested=False,
                refund_answered=False,
                refund_answer_due_at=None,
                return_window_closes_at=None,
                closed=False,
                payment_due_at=dates.payment_due_at,
                payment_remind_at=dates.payment_remind_at if books.reminds else None,
            )
            order = Bought(state, command.buyer_id, quantity, total, negotiation_id)
            books.orders[start.order_id] = order
            books.commands[command.command_id] = "ok"
            moved = books.delivery is DeliveryKind.INSTANT and self._deliver(order, start, now)
            return self._snapshot(start.order_id, sold_out=sold_out, trust_moved=moved)

    async def confirm_payment(self, start: OrderStart, command: ConfirmPayment) -> OrderSnapshot:
        async with self._books.turn() as now:
            order = _find(self._books, start.order_id, command.by_agent_id)
            if command.command_id not in self._books.commands:
                if rules.decide_confirm_payment(order.state, now):
                    order.state = replace(order.state, paid=True)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id)

    async def deliver_order(self, start: OrderStart, command: DeliverOrder) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, moved = _find(self._books, start.order_id, command.by_agent_id), False
            if command.command_id not in self._books.commands:
                rules.decide_deliver(order.state, now)
                moved = self._deliver(order, start, now)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, trust_moved=moved)

    async def cancel_order(self, start: OrderStart, command: CancelOrder) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id, command.by_agent_id), {}
            if command.command_id not in self._books.commands:
                rules.decide_cancel(order.state, now)
                flags = self._refund(order, RefundReason.CANCELLED_BY_BUYER, goods_return=True)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def decline_order(self, start: OrderStart, command: DeclineOrder) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id, command.by_agent_id), {}
            if command.command_id not in self._books.commands:
                rules.decide_decline(order.state, now)
                flags = self._refund(order, RefundReason.DECLINED_BY_SELLER, goods_return=True)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def request_refund(self, start: OrderStart, command: RequestRefund) -> OrderSnapshot:
        async with self._books.turn() as now:
            order = _find(self._books, start.order_id, command.by_agent_id)
            if command.command_id not in self._books.commands:
                rules.decide_request_refund(order.state, now)
                due = now + timedelta(seconds=start.policy.refund_answer_seconds)
                order.state = replace(order.state, refund_requested=True, refund_answer_due_at=due)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id)

    async def answer_refund(self, start: OrderStart, command: AnswerRefund) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id, command.by_agent_id), {}
            if command.command_id not in self._books.commands:
                rules.decide_answer_refund(order.state, now)
                if command.approve:
                    flags = self._refund(order, RefundReason.GRANTED, goods_return=command.goods_returned)
                else:
                    appeal_by = now + timedelta(seconds=start.policy.appeal_window_seconds)
                    order.state = replace(order.state, refund_answered=True, appeal_by=appeal_by)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def appeal_refund(self, start: OrderStart, command: AppealRefund) -> OrderSnapshot:
        async with self._books.turn() as now:
            order = _find(self._books, start.order_id, command.by_agent_id)
            if command.command_id not in self._books.commands:
                decide_appeal(order.state, now)
                due = now + timedelta(seconds=start.policy.appeal_answer_seconds)
                order.state = replace(order.state, appealed=True, appeal_due_at=due)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id)

    async def decide_appeal(self, start: OrderStart, command: AppealDecision) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id), {}
            if command.command_id not in self._books.commands:
                decide_appeal_decision(order.state, now)
                if command.grant:
                    back = command.goods_returned
                    flags = self._refund(order, RefundReason.APPEAL_GRANTED, goods_return=back)
                else:
                    order.state = replace(order.state, appeal_decided=True)
                    self._books.tell("APPEAL_DECLINED")
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def refund_by_operator(self, start: OrderStart, command: OperatorRefund) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id), {}
            if command.command_id not in self._books.commands:
                rules.decide_refund_by_operator(order.state, now, cancel=command.cancel)
                back = command.cancel or command.goods_returned
                flags = self._refund(order, RefundReason.BY_OPERATOR, goods_return=back)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def reverse_order(self, start: OrderStart, command: ReverseOrder) -> OrderSnapshot:
        async with self._books.turn():
            order = _find(self._books, start.order_id)
            flags: dict[str, bool] = {}
            if command.command_id not in self._books.commands and order.state.status is not OrderStatus.REFUNDED:
                flags = self._refund(order, RefundReason.PAYMENT_FAILED, goods_return=True)
            self._books.commands[command.command_id] = "ok"
            return self._snapshot(start.order_id, **flags)

    async def settle_order(self, start: OrderStart) -> OrderSnapshot:
        async with self._books.turn() as now:
            order, flags = _find(self._books, start.order_id), {}
            due = rules.decide_order_due(order.state, now)
            if due.refund is not None:
                flags = self._refund(order, due.refund, goods_return=rules.stock_returns(due.refund))
            elif due.remind_payment:
                order.state = replace(order.state, payment_remind_at=None)
                self._books.tell("PAYMENT_DUE_SOON")
            elif due.decline_appeal:
                order.state = replace(order.state, appeal_decided=True)
                self._books.tell("APPEAL_DECLINED NOT_DECIDED")
            elif due.remind:
                order.state = replace(order.state, reminded=True)
                self._books.tell("DELIVERY_DUE_SOON")
            elif due.close:
                order.state = replace(order.state, closed=True)
            return self._snapshot(start.order_id, **flags)


class FakeReviews(ReviewActivities):
    def __init__(self, books: Books) -> None:
        self._books = books

    async def post_review(self, start: ReviewWindowStart, command: PostReview) -> ReviewWindowSnapshot:
        async with self._books.turn() as now:
            order = _find(self._books, command.order_id)
            if order.buyer_id != command.author_id:
                raise errors.ORDER_NOT_FOUND.error()
            if command.command_id in self._books.commands:
                return window_snapshot(start.order_id, order)
            decide_review(order.state.status, order.window, order.window_closes_at, now)
            order.window, order.review_id = ReviewWindowStatus.REVIEWED, command.command_id
            self._books.commands[command.command_id] = "ok"
            return window_snapshot(start.order_id, order, trust_moved=True)

    async def settle_review_window(self, start: ReviewWindowStart) -> ReviewWindowSnapshot:
        async with self._books.turn() as now:
            order = _find(self._books, start.order_id)
            if order.window is ReviewWindowStatus.OPEN and order.window_closes_at and now >= order.window_closes_at:
                order.window = ReviewWindowStatus.LAPSED
            elif order.window_remind_at is not None and now >= order.window_remind_at:
                order.window_remind_at = None
                self._books.tell("REVIEW_WINDOW_CLOSING_SOON")
            return window_snapshot(start.order_id, order)
