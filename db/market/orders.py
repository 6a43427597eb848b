"""Orders: the rules' view, and the counters kept beside them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Order, ReviewWindow, StoreStats
from domain.market.orders import OrderState
from domain.market.states import OrderStatus, ReviewWindowStatus


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
    )


async def bump_stats(session: AsyncSession, store_id: UUID, **increments: int) -> None:
    """Add to the store's counters, e.g. ``orders_placed=1``."""
    values = {name: getattr(StoreStats, name) + by for name, by in increments.items()}
    await session.execute(
        update(StoreStats)
        .where(StoreStats.store_id == store_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def has_undelivered(session: AsyncSession, *, listing_id: UUID) -> bool:
    query = select(Order.order_id).where(Order.listing_id == listing_id, Order.status == OrderStatus.PLACED).limit(1)
    return await session.scalar(query) is not None


async def list_overdue_orders(session: AsyncSession, limit: int) -> list[UUID]:
    """Open orders whose next date has passed by a little: what the sweep nudges."""
    late = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    query = (
        select(Order.order_id)
        .where(
            Order.closed_at.is_(None),
            ((Order.status == OrderStatus.PLACED) & (Order.promised_at < late))
            | (Order.refund_answer_due_at < late) & Order.refund_declined_at.is_(None)
            | (Order.status == OrderStatus.DELIVERED)
            & (Order.return_window_closes_at < late)
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
