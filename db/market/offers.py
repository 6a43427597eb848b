"""Reads of offers, under row-level security: a viewer finds only its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Offer, Store
from domain.market.states import OfferStatus, Party

_ONE = select(Offer.__table__).where(Offer.__table__.c.offer_id == bindparam("offer_id"))


async def get_offer(session: AsyncSession, offer_id: UUID) -> Row[Any] | None:
    """The offer's columns, or None when it is not the viewer's to see."""
    return (await session.execute(_ONE, {"offer_id": offer_id})).one_or_none()


async def list_offers(
    session: AsyncSession,
    agent_id: UUID,
    role: Party | None,
    status: OfferStatus | None,
    listing_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Offer]:
    """The agent's offers, newest first, one more than ``limit`` when there are more."""
    own_stores = select(Store.store_id).where(Store.owner_merchant_id == agent_id)
    as_buyer = Offer.buyer_customer_id == agent_id
    as_seller = Offer.seller_store_id.in_(own_stores)
    query = select(Offer).order_by(Offer.created_at.desc(), Offer.offer_id.desc()).limit(limit + 1)
    match role:
        case Party.BUYER:
            query = query.where(as_buyer)
        case Party.SELLER:
            query = query.where(as_seller)
        case None:
            query = query.where(as_buyer | as_seller)
    if status is not None:
        query = query.where(Offer.status == status)
    if listing_id is not None:
        query = query.where(Offer.listing_id == listing_id)
    if after is not None:
        query = query.where(tuple_(Offer.created_at, Offer.offer_id) < after)
    return list(await session.scalars(query))
