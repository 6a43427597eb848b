"""Gating evidence: unique per customer, listing and kind; the first one counts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import new_id
from db.market.tables import InteractionEvidence, StoreInteractionEvidence
from domain.market.states import InteractionType


async def insert_evidence(
    session: AsyncSession,
    customer_id: UUID,
    listing_id: UUID,
    type: InteractionType,
    now: datetime,
    *,
    thread_id: UUID | None = None,
    message_id: UUID | None = None,
    offer_id: UUID | None = None,
    checkout_id: UUID | None = None,
) -> None:
    await session.execute(
        insert(InteractionEvidence)
        .values(
            evidence_id=new_id(),
            customer_id=customer_id,
            listing_id=listing_id,
            type=type,
            thread_id=thread_id,
            message_id=message_id,
            offer_id=offer_id,
            checkout_id=checkout_id,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["customer_id", "listing_id", "type"])
    )


async def insert_store_evidence(
    session: AsyncSession, customer_id: UUID, store_id: UUID, thread_id: UUID, message_id: UUID, now: datetime
) -> None:
    await session.execute(
        insert(StoreInteractionEvidence)
        .values(
            customer_id=customer_id,
            store_id=store_id,
            thread_id=thread_id,
            message_id=message_id,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["customer_id", "store_id"])
    )


async def list_evidence(
    session: AsyncSession, customer_id: UUID, listing_id: UUID, store_id: UUID
) -> list[InteractionEvidence]:
    """All that proves the customer's interaction with the listing, the store's own threads included."""
    query = (
        select(InteractionEvidence)
        .where(InteractionEvidence.customer_id == customer_id, InteractionEvidence.listing_id == listing_id)
        .order_by(InteractionEvidence.created_at)
    )
    found = list(await session.scalars(query))
    if any(row.type is InteractionType.QUESTION_POSTED for row in found):
        return found
    store_wide = await session.get(StoreInteractionEvidence, (customer_id, store_id))
    if store_wide is not None:
        found.append(
            InteractionEvidence(
                evidence_id=store_wide.message_id,
                customer_id=customer_id,
                listing_id=listing_id,
                type=InteractionType.QUESTION_POSTED,
                thread_id=store_wide.thread_id,
                message_id=store_wide.message_id,
                created_at=store_wide.created_at,
            )
        )
    return found


async def settle_evidence(
    session: AsyncSession, customer_id: UUID, listing_id: UUID, store_id: UUID
) -> datetime | None:
    """Since when the customer may buy; None when it may not.

    A question to the whole store is copied to the listing, with its time. An order is never older than this
    time, also when the clock was set back in between.
    """
    found = await list_evidence(session, customer_id, listing_id, store_id)
    for row in found:
        if row.type is InteractionType.QUESTION_POSTED and row.thread_id and row.message_id:
            await insert_evidence(
                session,
                customer_id,
                listing_id,
                InteractionType.QUESTION_POSTED,
                row.created_at,
                thread_id=row.thread_id,
                message_id=row.message_id,
            )
    return min((row.created_at for row in found), default=None)
