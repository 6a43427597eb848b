"""Gating evidence: unique per customer, listing and kind; the first one counts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam

from db.market.tables import InteractionEvidence, StoreInteractionEvidence
from db.platform import writes
from db.platform.ids import new_id
from db.platform.statements import find
from db.platform.transactions import Transaction, Unit
from domain.market.states import InteractionType


def insert_evidence(
    unit: Unit,
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
    writes.insert(
        unit,
        InteractionEvidence,
        once=True,
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


def insert_store_evidence(
    unit: Unit, customer_id: UUID, store_id: UUID, thread_id: UUID, message_id: UUID, now: datetime
) -> None:
    writes.insert(
        unit,
        StoreInteractionEvidence,
        once=True,
        customer_id=customer_id,
        store_id=store_id,
        thread_id=thread_id,
        message_id=message_id,
        created_at=now,
    )


_kept = InteractionEvidence.c
_OF_LISTING = find(
    InteractionEvidence,
    _kept.customer_id == bindparam("customer_id"),
    _kept.listing_id == bindparam("listing_id"),
    order=(_kept.created_at,),
)


async def _find(
    transaction: Transaction, customer_id: UUID, listing_id: UUID, store_id: UUID
) -> tuple[list[InteractionEvidence], StoreInteractionEvidence | None]:
    """What was kept for the listing; and, unless that holds a question already, the question to its store."""
    found = await transaction.rows(_OF_LISTING, customer_id=customer_id, listing_id=listing_id)
    if any(row.type is InteractionType.QUESTION_POSTED for row in found):
        return found, None
    return found, await transaction.get(StoreInteractionEvidence, customer_id, store_id)


async def list_evidence(
    transaction: Transaction, customer_id: UUID, listing_id: UUID, store_id: UUID
) -> list[InteractionEvidence]:
    """All that proves the customer's interaction with the listing, the store's own threads included."""
    found, store_wide = await _find(transaction, customer_id, listing_id, store_id)
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
    transaction: Transaction, customer_id: UUID, listing_id: UUID, store_id: UUID
) -> datetime | None:
    """Since when the customer may buy; None when it may not.

    A question to the whole store is copied to the listing, with its time. An order is never older than this
    time, also when the clock was set back in between.
    """
    found, store_wide = await _find(transaction, customer_id, listing_id, store_id)
    dates = [row.created_at for row in found]
    if store_wide is not None:
        dates.append(store_wide.created_at)
        insert_evidence(
            transaction,
            customer_id,
            listing_id,
            InteractionType.QUESTION_POSTED,
            store_wide.created_at,
            thread_id=store_wide.thread_id,
            message_id=store_wide.message_id,
        )
        # An order's trigger asks for it.
        await writes.send(transaction)
    return min(dates, default=None)
