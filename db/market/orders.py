"""Orders: the rules' view of them, and those that are overdue."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, case, exists, func, select, update

from db.market.tables import Offer, Order, ReviewWindow, Store, StoreBlock
from db.platform.statements import Query
from db.platform.tables import ProcessedCommand
from db.platform.transactions import Transaction
from domain.market.appeals import appeal_kind
from domain.market.orders import OrderState
from domain.market.states import OrderStatus, PaymentSource, ReviewWindowStatus


def order_state(order: Order) -> OrderState:
    return OrderState(
        status=order.status,
        delivery=order.delivery,
        promised_at=order.promised_at,
        remind_at=order.remind_at,
        reminded=order.reminded_at is not None,
        refund_requested=order.refund_requested_at is not None,
        refund_answered=order.refund_declined_at is not None or order.refunded_at is not None,
        refund_answer_due_at=order.refund_answer_due_at,
        return_window_closes_at=order.return_window_closes_at,
        closed=order.closed_at is not None,
        paid=order.paid_at is not None,
        payment_due_at=order.payment_due_at,
        payment_remind_at=order.payment_remind_at,
        appeal_by=order.appeal_by,
        appealed=order.appealed_at is not None,
        appeal_due_at=order.appeal_due_at,
        appeal_decided=order.appeal_declined_at is not None or order.refunded_at is not None,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step of an order reads once it has its locks. ``done``: whether its command was carried out before."""

    now: datetime
    seller_id: UUID
    negotiation_id: UUID | None
    window_status: ReviewWindowStatus | None
    done: bool


_store, _offer, _command = Store.table, Offer.table, ProcessedCommand.table
_window = ReviewWindow.table
_READING = Query(
    select(
        func.clock_timestamp().label("now"),
        _store.c.owner_merchant_id,
        _offer.c.negotiation_id,
        _window.c.status.label("window_status"),
        _command.c.command_id,
    )
    .select_from(
        _store.outerjoin(_offer, _offer.c.offer_id == bindparam("offer_id"))
        .outerjoin(_window, _window.c.order_id == bindparam("order_id"))
        .outerjoin(_command, _command.c.command_id == bindparam("command_id"))
    )
    .where(_store.c.store_id == bindparam("store_id"))
)


async def read_step(transaction: Transaction, order: Order, command_id: UUID | None) -> Reading:
    """Everything at once: the store's owner, the order's negotiation and review window, the command, the clock."""
    [row] = await transaction.rows(
        _READING,
        store_id=order.store_id,
        offer_id=order.source_offer_id,
        order_id=order.order_id,
        command_id=command_id,
    )
    return Reading(
        row.now, row.owner_merchant_id, row.negotiation_id, row.window_status, done=row.command_id is not None
    )


_CAPTURE = Query(
    update(Order.table)
    .where(Order.c.order_id == any_(bindparam("order_ids", type_=ARRAY(Uuid()))), Order.c.paid_at.is_(None))
    .values(paid_at=bindparam("now"), payment_source=PaymentSource.CAPTURED)
    .returning(*Order.columns),
    Order,
)
_UNDELIVERED = Query(
    select(exists().where(Order.c.listing_id == bindparam("listing_id"), Order.c.status == OrderStatus.PLACED)), bool
)


async def record_capture(transaction: Transaction, order_ids: list[UUID], now: datetime) -> list[Order]:
    """A checkout took the money for these orders. What is paid already stays so; returns what was not."""
    return await transaction.rows(_CAPTURE, order_ids=order_ids, now=now)


async def has_undelivered(transaction: Transaction, *, listing_id: UUID) -> bool:
    return await transaction.one(_UNDELIVERED, listing_id=listing_id)


@dataclass(frozen=True, slots=True)
class WaitingAppeal:
    """What operators may know of an appeal. ``kind``: see ``domain.market.appeals``."""

    order_id: UUID
    appealed_at: datetime
    due_at: datetime
    kind: str


_WAITING_APPEALS = Query(
    select(Order.c.order_id, Order.c.appealed_at, Order.c.appeal_due_at, func.clock_timestamp())
    .where(
        Order.c.appealed_at.is_not(None),
        Order.c.appeal_due_at.is_not(None),
        Order.c.appeal_declined_at.is_(None),
        Order.c.closed_at.is_(None),
    )
    .order_by(Order.c.appeal_due_at)
    .limit(bindparam("limit")),
    UUID,
    datetime,
    datetime,
    datetime,
)


async def list_waiting_appeals(transaction: Transaction, limit: int) -> list[WaitingAppeal]:
    """Appeals that await the operators' decision, those that are due first."""
    return [
        WaitingAppeal(order_id, appealed_at, due_at, appeal_kind(appealed_at, due_at, now))
        for order_id, appealed_at, due_at, now in await transaction.rows(_WAITING_APPEALS, limit=limit)
    ]


def _overdue() -> Select[UUID]:
    late = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    return (
        select(Order.c.order_id)
        .where(
            Order.c.closed_at.is_(None),
            ((Order.c.status == OrderStatus.PLACED) & (Order.c.promised_at < late))
            | (Order.c.status == OrderStatus.PLACED)
            & Order.c.paid_at.is_(None)
            & (
                (Order.c.payment_due_at < late)
                | (Order.c.payment_remind_at < late)
                | exists().where(
                    StoreBlock.c.store_id == Order.c.store_id, StoreBlock.c.agent_id == Order.c.buyer_customer_id
                )
            )
            | (Order.c.status == OrderStatus.PLACED) & (Order.c.remind_at < late) & Order.c.reminded_at.is_(None)
            | (Order.c.refund_answer_due_at < late) & Order.c.refund_declined_at.is_(None)
            | (Order.c.appeal_due_at < late) & Order.c.appeal_declined_at.is_(None)
            | (Order.c.status == OrderStatus.DELIVERED)
            & (
                func.greatest(Order.c.return_window_closes_at, case((Order.c.appealed_at.is_(None), Order.c.appeal_by)))
                < late
            )
            & (Order.c.appealed_at.is_(None) | Order.c.appeal_declined_at.is_not(None))
            & (Order.c.refund_requested_at.is_(None) | Order.c.refund_declined_at.is_not(None)),
        )
        .order_by(Order.c.placed_at)
        .limit(bindparam("limit"))
    )


def _overdue_windows() -> Select[UUID]:
    now = func.clock_timestamp()
    late = now - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    return (
        select(ReviewWindow.c.order_id)
        .where(
            ReviewWindow.c.status == ReviewWindowStatus.OPEN,
            (ReviewWindow.c.closes_at < now) | (ReviewWindow.c.remind_at < late),
        )
        .order_by(ReviewWindow.c.closes_at)
        .limit(bindparam("limit"))
    )


_OVERDUE, _OVERDUE_WINDOWS = Query(_overdue(), UUID), Query(_overdue_windows(), UUID)


async def list_overdue_orders(transaction: Transaction, limit: int) -> list[UUID]:
    """Open orders whose next date, a reminder too, has passed by a little: what the sweep nudges."""
    return await transaction.rows(_OVERDUE, limit=limit)


async def list_overdue_review_windows(transaction: Transaction, limit: int) -> list[UUID]:
    """Open windows that should have closed, or whose buyer should have been reminded: what the sweep nudges."""
    return await transaction.rows(_OVERDUE_WINDOWS, limit=limit)
