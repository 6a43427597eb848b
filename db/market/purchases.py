"""Reads of orders, under row-level security: a viewer finds only its own."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Order, Review

_ORDER = select(Order.__table__).where(Order.__table__.c.order_id == bindparam("order_id"))
_REVIEW = select(Review.__table__).where(Review.__table__.c.review_id == bindparam("review_id"))


async def get_order(session: AsyncSession, order_id: UUID) -> Row[Any] | None:
    """The order's columns, or None when it is not the viewer's to see."""
    return (await session.execute(_ORDER, {"order_id": order_id})).one_or_none()


async def get_review(session: AsyncSession, review_id: UUID) -> Row[Any] | None:
    """The review's columns, or None."""
    return (await session.execute(_REVIEW, {"review_id": review_id})).one_or_none()
