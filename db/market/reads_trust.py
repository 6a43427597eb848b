"""Reads of trust as anyone may check it: profiles, events, patch notes."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import StoreUpdate, TrustEvent, TrustProfile
from domain.market.errors import STORE_NOT_FOUND


async def get_profile(session: AsyncSession, store_id: UUID) -> TrustProfile:
    """Raises store.not_found."""
    profile = await session.get(TrustProfile, store_id)
    if profile is None:
        raise STORE_NOT_FOUND.error()
    return profile


async def list_trust_events(
    session: AsyncSession, store_id: UUID, after: int | None, limit: int, *, newest_first: bool = False
) -> list[TrustEvent]:
    """By sequence, which counts from 1 without gaps."""
    query = select(TrustEvent).where(TrustEvent.c.store_id == store_id).limit(limit)
    if newest_first:
        query = query.order_by(TrustEvent.c.sequence.desc())
        if after is not None:
            query = query.where(TrustEvent.c.sequence < after)
    else:
        query = query.order_by(TrustEvent.c.sequence).where(TrustEvent.c.sequence > (after or 0))
    return list(await session.scalars(query))


async def list_updates(session: AsyncSession, store_id: UUID, before: UUID | None, limit: int) -> list[StoreUpdate]:
    """A store's patch notes, newest first."""
    query = (
        select(StoreUpdate)
        .where(StoreUpdate.c.store_id == store_id)
        .order_by(StoreUpdate.c.store_update_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(StoreUpdate.c.store_update_id < before)
    return list(await session.scalars(query))
