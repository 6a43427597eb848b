"""Stock: one conditional update and one movement row per change, so on-hand is always their sum.

A listing whose stock reaches zero becomes SOLD_OUT in the same statement, and ACTIVE again when stock
returns — unless its hero-only store shows another listing by then, when it stays SOLD_OUT.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db import writes
from db.constraints import constraint_name
from db.ids import new_id
from db.market.tables import Listing, StockHold, StockMovement
from domain.market import errors
from domain.market.states import HoldRelease, ListingStatus, MovementReason


async def move_stock(
    session: AsyncSession,
    listing_id: UUID,
    delta: int,
    reason: MovementReason,
    *,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
) -> Listing | None:
    """Add ``delta`` to the on-hand stock. None, and nothing changed, when that would be negative.

    The caller holds the listing's lock.
    """
    if delta < 0:
        listing = await session.get(Listing, listing_id)
        if listing is None or not _take(session, listing, -delta):
            return None
    else:
        # What was taken before in the same transaction.
        await writes.send(session)
        try:
            async with session.begin_nested():
                listing = await _return(session, listing_id, delta, comes_back=True)
        except IntegrityError as violation:
            if constraint_name(violation) != "one_active_listing_per_store":
                raise
            # At this very moment its hero-only store showed another listing.
            listing = await _return(session, listing_id, delta, comes_back=False)
    if listing is not None:
        insert_movement(session, listing_id, delta, reason, offer_id=offer_id, order_id=order_id)
    return listing


def _take(session: AsyncSession, listing: Listing, quantity: int) -> bool:
    """Written with all the rest, if nobody took any in between: nobody can, under its lock."""
    before, left = listing.inventory_on_hand, listing.inventory_on_hand - quantity
    if left < 0:
        return False
    sells_out = left == 0 and listing.status is ListingStatus.ACTIVE
    status = ListingStatus.SOLD_OUT if sells_out else listing.status
    seen = {"inventory_on_hand": before}
    values: dict[str, Any] = {"inventory_on_hand": left, "status": status}
    writes.change_if(session, Listing, listing.listing_id, seen, errors.LISTING_SOLD_OUT, **values)
    writes.change(session, listing, **values)
    return True


async def _return(session: AsyncSession, listing_id: UUID, quantity: int, *, comes_back: bool) -> Listing | None:
    other = aliased(Listing)
    hero_taken = exists(
        select(other.listing_id).where(
            other.store_id == Listing.store_id,
            other.listing_id != Listing.listing_id,
            other.status == ListingStatus.ACTIVE,
        )
    )
    left = Listing.inventory_on_hand + quantity
    returns = (Listing.status == ListingStatus.SOLD_OUT) & ~(Listing.hero_only & hero_taken)
    values: dict[str, Any] = {"inventory_on_hand": left}
    if comes_back:
        values["status"] = case((returns, ListingStatus.ACTIVE), else_=Listing.status)
    listing: Listing | None = await session.scalar(
        update(Listing)
        .where(Listing.listing_id == listing_id)
        .values(values)
        .returning(Listing)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    return listing


def insert_movement(
    session: AsyncSession,
    listing_id: UUID,
    delta: int,
    reason: MovementReason,
    *,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
) -> None:
    writes.insert(
        session,
        StockMovement,
        movement_id=new_id(),
        listing_id=listing_id,
        delta=delta,
        reason=reason,
        offer_id=offer_id,
        order_id=order_id,
    )


async def hold_stock(
    session: AsyncSession,
    listing_id: UUID,
    offer_id: UUID,
    quantity: int,
    expires_at: datetime,
    now: datetime,
) -> Listing | None:
    """Take stock for an accepted offer. None when there is too little."""
    listing = await move_stock(session, listing_id, -quantity, MovementReason.OFFER_HELD, offer_id=offer_id)
    if listing is not None:
        writes.insert(
            session,
            StockHold,
            offer_id=offer_id,
            listing_id=listing_id,
            quantity=quantity,
            expires_at=expires_at,
            created_at=now,
        )
    return listing


async def release_hold(session: AsyncSession, offer_id: UUID, release: HoldRelease, now: datetime) -> StockHold | None:
    """End a hold once, and return its stock. None when it was not open."""
    hold: StockHold | None = await session.scalar(
        update(StockHold)
        .where(StockHold.offer_id == offer_id, StockHold.released_at.is_(None))
        .values(released_at=now, release=release)
        .returning(StockHold)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    if hold is not None:
        await move_stock(session, hold.listing_id, hold.quantity, MovementReason.HOLD_RETURNED, offer_id=offer_id)
    return hold


def spend_hold(session: AsyncSession, offer_id: UUID, now: datetime) -> None:
    """End a hold once: its stock goes to an order. Raises offer.spent, when it is written, if it was not open."""
    spent = {"released_at": now, "release": HoldRelease.SPENT}
    writes.change_if(session, StockHold, offer_id, {"released_at": None}, errors.OFFER_SPENT, **spent)
