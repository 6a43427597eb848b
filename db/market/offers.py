"""Reads of offers, under row-level security: a viewer finds only its own."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Offer

_ONE = select(Offer.__table__).where(Offer.__table__.c.offer_id == bindparam("offer_id"))


async def get_offer(session: AsyncSession, offer_id: UUID) -> Row[Any] | None:
    """The offer's columns, or None when it is not the viewer's to see."""
    return (await session.execute(_ONE, {"offer_id": offer_id})).one_or_none()
