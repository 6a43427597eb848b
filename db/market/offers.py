"""Reads of offers, under row-level security: a viewer finds only its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import Listing, Negotiation, Offer, Store
from domain.market.states import OfferStatus, Party


async def get_offer(session: AsyncSession, offer_id: UUID) -> Offer | None:
    """The offer, or None when it is not the viewer's to see."""
    return await session.get(Offer, offer_id)


async def get_listing_and_store(session: AsyncSession, listing_id: UUID) -> tuple[Listing, Store] | None:
    query = select(Listing, Store).join(Store, Store.store_id == Listing.store_id)
    row = (await session.execute(query.where(Listing.listing_id == listing_id))).one_or_none()
    return (row[0], row[1]) if row else None


async def get_standing_offer(session: AsyncSession, buyer_id: UUID, listing_id: UUID) -> Offer | None:
    """The open offer of the buyer's negotiation on the listing, whoever made it."""
    query = (
        select(Offer)
        .join(Negotiation, Negotiation.negotiation_id == Offer.negotiation_id)
        .where(
            Negotiation.buyer_customer_id == buyer_id,
            Negotiation.listing_id == listing_id,
            Negotiation.status == OfferStatus.PROPOSED,
            Offer.status == OfferStatus.PROPOSED,
        )
    )
    return await session.scalar(query)


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
