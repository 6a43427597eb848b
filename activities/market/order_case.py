"""An order under lock: what its rules read, and the ways it can change, each with its events.

Used inside one transaction by the activities of ``order``; holds no lock beyond it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from activities.market.review import window_snapshot
from db import locks
from db.market import order_facts, orders, stock
from db.market.tables import Order, ReviewWindow, StoreStats
from db.platform import writes
from db.platform.events import notify, record_event
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market import orders as rules
from domain.market.commands import OrderSnapshot, OrderStart, ReviewWindowSnapshot
from domain.market.policy import MarketPolicy
from domain.market.reminders import reminder_date
from domain.market.states import (
    ActivityType,
    InboxType,
    MovementReason,
    OrderStatus,
    Party,
    PaymentSource,
    RefundReason,
    ReviewWindowStatus,
)


@dataclass(slots=True)
class OrderCase:
    """An order under lock."""

    transaction: Transaction
    order: Order
    seller_id: UUID
    now: datetime
    policy: MarketPolicy
    negotiation_id: UUID | None = None
    opened_window: ReviewWindowSnapshot | None = None
    window_status: ReviewWindowStatus | None = None
    sold_out: bool = False
    trust_moved: bool = False
    done: bool = False
    """The command was carried out before."""

    @property
    def state(self) -> rules.OrderState:
        return orders.order_state(self.order)

    def change(self, **values: Any) -> None:
        self.order = writes.change(self.transaction, self.order, **values)

    def require_buyer(self, agent_id: UUID) -> None:
        rules.check_party(agent_id, Party.BUYER, self.order.buyer_customer_id, self.seller_id)

    def require_seller(self, agent_id: UUID) -> None:
        rules.check_party(agent_id, Party.SELLER, self.order.buyer_customer_id, self.seller_id)

    def publish(self, type: ActivityType) -> None:
        record_event(
            self.transaction,
            type,
            actor_agent_id=self.order.buyer_customer_id if type is ActivityType.ORDER_PLACED else None,
            store_id=self.order.store_id,
            listing_id=self.order.listing_id,
            order_id=self.order.order_id,
        )

    def tell(
        self, agent_id: UUID, type: InboxType, reason: str | None = None, *, due_at: datetime | None = None
    ) -> None:
        notify(
            self.transaction,
            agent_id,
            type,
            store_id=self.order.store_id,
            listing_id=self.order.listing_id,
            order_id=self.order.order_id,
            due_at=due_at,
            meta={"reason": reason} if reason else {},
        )

    @property
    def parties(self) -> tuple[UUID, UUID]:
        return self.order.buyer_customer_id, self.seller_id

    def confirm_payment(self) -> None:
        """The seller has the money; the buyer hears of it."""
        source = PaymentSource.CONFIRMED
        self.change(paid_at=self.now, payment_source=source, payment_remind_at=None)
        self.tell(self.order.buyer_customer_id, InboxType.PAYMENT_CONFIRMED)
        self._honour()

    def _honour(self) -> None:
        self.trust_moved |= order_facts.insert_honored(self.transaction, self.order, self.now)

    async def break_promise(self) -> None:
        """The seller does not keep this order: its store's trust hears of it, in proportion to payment and record."""
        await order_facts.insert_broken(self.transaction, self.order, self.now)
        self.trust_moved = True

    async def decline_refund(self) -> None:
        """The seller keeps the money, which may be appealed; a review that waited for this counts from now on."""
        appeal_by = self.now + timedelta(seconds=self.policy.appeal_window_seconds)
        self.change(refund_declined_at=self.now, appeal_by=appeal_by)
        self.tell(self.order.buyer_customer_id, InboxType.REFUND_DECLINED, due_at=appeal_by)
        self.trust_moved |= await order_facts.insert_waiting_review(self.transaction, self.order, self.policy)

    def deliver(self) -> None:
        """Mark delivered, open the review window, and honour the offer it came from."""
        order = self.order
        self.change(
            status=OrderStatus.DELIVERED,
            delivered_at=self.now,
            return_window_closes_at=self.now + timedelta(seconds=self.policy.return_window_seconds),
        )
        closes_at = self.now + timedelta(seconds=self.policy.review_window_seconds)
        window = ReviewWindow(
            order_id=order.order_id,
            opened_at=self.now,
            closes_at=closes_at,
            remind_at=reminder_date(self.now, closes_at, self.policy.review_reminder_share),
            status=ReviewWindowStatus.OPEN,
        )
        writes.add(self.transaction, window)
        self.window_status = ReviewWindowStatus.OPEN
        self.opened_window = window_snapshot(order, window)
        self.publish(ActivityType.ORDER_DELIVERED)
        self.tell(order.buyer_customer_id, InboxType.ORDER_DELIVERED)
        self.tell(order.buyer_customer_id, InboxType.REVIEW_WINDOW_OPENED, due_at=closes_at)
        self._honour()
        writes.increase(self.transaction, StoreStats, order.store_id, orders_delivered=1)

    async def refund(self, reason: RefundReason, *, goods_return: bool) -> None:
        """End the order: what was paid is paid back, goods that return are in stock, the review window is closed."""
        order = self.order
        if rules.breaks_promise(reason, paid=self.state.paid):
            await self.break_promise()
        if order.status is OrderStatus.DELIVERED:
            window = await locks.lock_review_window(self.transaction, order.order_id)
            if window is not None and window.status is ReviewWindowStatus.OPEN:
                writes.change(self.transaction, window, status=ReviewWindowStatus.VOID, closed_at=self.now)
                self.window_status = ReviewWindowStatus.VOID
            await self._count_no_more()
        self.change(
            status=OrderStatus.REFUNDED,
            refunded_at=self.now,
            refund_reason=reason,
            closed_at=self.now,
            payment_remind_at=None,
        )
        if goods_return:
            await stock.return_stock(
                self.transaction,
                order.listing_id,
                order.quantity,
                MovementReason.ORDER_RETURNED,
                order_id=order.order_id,
            )
        self.trust_moved |= await order_facts.insert_reversals(self.transaction, order, self.now)
        self.publish(ActivityType.ORDER_REFUNDED)
        for agent_id in self.parties:
            self.tell(agent_id, InboxType.ORDER_REFUNDED, reason)
        writes.increase(self.transaction, StoreStats, order.store_id, orders_refunded=1)

    async def _count_no_more(self) -> None:
        """What was delivered and is paid back is no sale, and its review says nothing of the store's average."""
        rating = await order_facts.get_rating(self.transaction, self.order)
        reviews = {} if rating is None else {"reviews_posted": -1, "rating_sum": -rating}
        writes.increase(self.transaction, StoreStats, self.order.store_id, orders_delivered=-1, **reviews)

    def remind_of_payment(self) -> None:
        """Once: the buyer has to pay, and the seller to say that it has."""
        self.change(payment_remind_at=None)
        for agent_id in self.parties:
            self.tell(agent_id, InboxType.PAYMENT_DUE_SOON, due_at=self.order.payment_due_at)

    def snapshot(self) -> OrderSnapshot:
        state, order = self.state, self.order
        awaiting = "nothing: it is over"
        if state.status is OrderStatus.PLACED:
            awaiting = "the merchant's delivery" if state.paid else "payment or the merchant's delivery"
        elif state.refund_requested and not state.refund_answered:
            awaiting = "the merchant's answer to a refund request"
        elif state.appealed and not state.appeal_decided:
            awaiting = "the operators' decision on an appeal"
        elif not state.closed:
            awaiting = "the end of the return window"
        return OrderSnapshot(
            order_id=order.order_id,
            store_id=order.store_id,
            listing_id=order.listing_id,
            status=order.status,
            awaiting=awaiting,
            deadline=rules.next_order_deadline(state),
            closed=state.closed,
            review_window_open=self.window_status is ReviewWindowStatus.OPEN,
            opened_window=self.opened_window,
            review_window_void=self.window_status is ReviewWindowStatus.VOID,
            negotiation_id=self.negotiation_id,
            sold_out=self.sold_out,
            trust_moved=self.trust_moved,
        )


async def load_order(transaction: Transaction, start: OrderStart, command_id: UUID | None = None) -> OrderCase:
    """Lock an order and read what its steps need. Raises order.not_found."""
    order = await locks.lock_order(transaction, start.order_id)
    if order is None:
        raise errors.ORDER_NOT_FOUND.error()
    read = await orders.read_step(transaction, order, command_id)
    return OrderCase(
        transaction,
        order,
        read.seller_id,
        read.now,
        start.policy,
        read.negotiation_id,
        window_status=read.window_status,
        done=read.done,
    )
