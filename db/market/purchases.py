"""Reads of orders, under row-level security: a viewer finds only its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Order, Review, Store
from domain.market.states import OrderStatus, Party

_ORDER = select(Order.__table__).where(Order.__table__.c.order_id == bindparam("order_id"))
_REVIEW = select(Review.__table__).where(Review.__table__.c.review_id == bindparam("review_id"))


async def get_order(session: AsyncSession, order_id: UUID) -> Row[Any] | None:
    """The order's columns, or None when it is not the viewer's to see."""
    return (await session.execute(_ORDER, {"order_id": order_id})).one_or_none()


async def get_review(session: AsyncSession, review_id: UUID) -> Row[Any] | None:
    """The review's columns, or None."""
    return (await session.execute(_REVIEW, {"review_id": review_id})).one_or_none()


async def list_orders(
    session: AsyncSession,
    agent_id: UUID,
    role: Party | None,
    status: OrderStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Order]:
    """The agent's orders, newest first, one more than ``limit`` when there are more."""
    own_stores = select(Store.store_id).where(Store.owner_merchant_id == agent_id)
    as_buyer = Order.buyer_customer_id == agent_id
    as_seller = Order.store_id.in_(own_stores)
    query = select(Order).order_by(Order.placed_at.desc(), Order.order_id.desc()).limit(limit + 1)
    match role:
        case Party.BUYER:
            query = query.where(as_buyer)
        case Party.SELLER:
            query = query.where(as_seller)
        case None:
            query = query.where(as_buyer | as_seller)
    if status is not None:
        query = query.where(Order.status == status)
    if after is not None:
        query = query.where(tuple_(Order.placed_at, Order.order_id) < after)
    return list(await session.scalars(query))
