"""Orders: the rules' view of them, and those that are overdue."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Offer, Order, ReviewWindow, Store, StoreBlock
from db.platform.statements import Query
from db.platform.tables import ProcessedCommand
from db.platform.transactions import Transaction
from domain.attention import appeal_kind
from domain.market.orders import OrderState
from domain.market.states import OrderStatus, PaymentSource, ReviewWindowStatus


def order_state(order: Order | Row[Any]) -> OrderState:
    """Of an order, or of a row with its columns."""
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


_store, _offer, _command = Store.__table__, Offer.__table__, ProcessedCommand.__table__
_window = ReviewWindow.__table__
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


async def record_capture(session: AsyncSession, order_ids: list[UUID], now: datetime) -> list[Order]:
    """A checkout took the money for these orders. What is paid already stays so; returns what was not."""
    paid = await session.scalars(
        update(Order)
        .where(Order.order_id.in_(order_ids), Order.paid_at.is_(None))
        .values(paid_at=now, payment_source=PaymentSource.CAPTURED)
        .returning(Order)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    return list(paid)


async def has_undelivered(session: AsyncSession, *, listing_id: UUID) -> bool:
    query = select(Order.order_id).where(Order.listing_id == listing_id, Order.status == OrderStatus.PLACED).limit(1)
    return await session.scalar(query) is not None


@dataclass(frozen=True, slots=True)
class WaitingAppeal:
    """What operators may know of an appeal. ``kind``: one of those in ``domain.attention``."""

    order_id: UUID
    appealed_at: datetime
    due_at: datetime
    kind: str


async def list_waiting_appeals(session: AsyncSession, limit: int) -> list[WaitingAppeal]:
    """Appeals that await the operators' decision, those that are due first."""
    query = (
        select(Order.order_id, Order.appealed_at, Order.appeal_due_at, func.clock_timestamp())
        .where(Order.appealed_at.is_not(None), Order.appeal_declined_at.is_(None), Order.closed_at.is_(None))
        .order_by(Order.appeal_due_at)
        .limit(limit)
    )
    return [
        WaitingAppeal(order_id, appealed_at, due_at, appeal_kind(appealed_at, due_at, now))
        for order_id, appealed_at, due_at, now in (await session.execute(query)).all()
        if appealed_at is not None and due_at is not None
    ]


async def list_overdue_orders(session: AsyncSession, limit: int) -> list[UUID]:
    """Open orders whose next date, a reminder too, has passed by a little: what the sweep nudges."""
    late = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    query = (
        select(Order.order_id)
        .where(
            Order.closed_at.is_(None),
            ((Order.status == OrderStatus.PLACED) & (Order.promised_at < late))
            | (Order.status == OrderStatus.PLACED)
            & Order.paid_at.is_(None)
            & (
                (Order.payment_due_at < late)
                | (Order.payment_remind_at < late)
                | exists().where(
                    StoreBlock.c.store_id == Order.store_id, StoreBlock.c.agent_id == Order.buyer_customer_id
                )
            )
            | (Order.status == OrderStatus.PLACED) & (Order.remind_at < late) & Order.reminded_at.is_(None)
            | (Order.refund_answer_due_at < late) & Order.refund_declined_at.is_(None)
            | (Order.appeal_due_at < late) & Order.appeal_declined_at.is_(None)
            | (Order.status == OrderStatus.DELIVERED)
            & (
                func.greatest(Order.return_window_closes_at, case((Order.appealed_at.is_(None), Order.appeal_by)))
                < late
            )
            & (Order.appealed_at.is_(None) | Order.appeal_declined_at.is_not(None))
            & (Order.refund_requested_at.is_(None) | Order.refund_declined_at.is_not(None)),
        )
        .order_by(Order.placed_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def list_overdue_review_windows(session: AsyncSession, limit: int) -> list[UUID]:
    """Open windows that should have closed, or whose buyer should have been reminded: what the sweep nudges."""
    now = func.clock_timestamp()
    late = now - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    query = (
        select(ReviewWindow.order_id)
        .where(
            ReviewWindow.status == ReviewWindowStatus.OPEN,
            (ReviewWindow.closes_at < now) | (ReviewWindow.remind_at < late),
        )
        .order_by(ReviewWindow.closes_at)
        .limit(limit)
    )
    return list(await session.scalars(query))
