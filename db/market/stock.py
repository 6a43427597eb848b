"""Stock: one conditional update and one movement row per change, so on-hand is always their sum.

A listing whose stock reaches zero becomes SOLD_OUT in the same statement, and ACTIVE again when stock
returns — unless its hero-only store shows another listing by then, when it stays SOLD_OUT.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import IntegrityError
from sqlalchemy import Update, bindparam, case, exists, select, update

from db.market.tables import Listing, StockHold, StockMovement
from db.platform import writes
from db.platform.constraints import constraint_name
from db.platform.ids import new_id
from db.platform.statements import Query
from db.platform.transactions import Transaction, Unit
from domain.market import errors
from domain.market.states import HoldRelease, ListingStatus, MovementReason

_listing, _hold = Listing.table, StockHold.table


def _returning(*, comes_back: bool) -> Update:
    other = _listing.alias("other")
    hero_taken = exists(
        select(other.c.listing_id).where(
            other.c.store_id == _listing.c.store_id,
            other.c.listing_id != _listing.c.listing_id,
            other.c.status == ListingStatus.ACTIVE,
        )
    )
    returns = (_listing.c.status == ListingStatus.SOLD_OUT) & ~(_listing.c.hero_only & hero_taken)
    values: dict[str, Any] = {"inventory_on_hand": _listing.c.inventory_on_hand + bindparam("quantity")}
    if comes_back:
        values["status"] = case((returns, ListingStatus.ACTIVE), else_=_listing.c.status)
    return update(_listing).where(_listing.c.listing_id == bindparam("listing")).values(values)


_RETURN_AND_SELL, _RETURN = Query(_returning(comes_back=True)), Query(_returning(comes_back=False))
_RELEASE = Query(
    update(_hold)
    .where(_hold.c.offer_id == bindparam("offer"), _hold.c.released_at.is_(None))
    .values(released_at=bindparam("now"), release=bindparam("how"))
    .returning(_hold.c.listing_id, _hold.c.quantity)
)


def take_stock(
    unit: Unit,
    listing: Listing,
    quantity: int,
    reason: MovementReason,
    *,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
) -> Listing | None:
    """Take from a locked listing; returns it as it is then. None, and nothing changed, when it has too little.

    Written with all the rest, if nobody took any in between: nobody can, under its lock.
    """
    before, left = listing.inventory_on_hand, listing.inventory_on_hand - quantity
    if left < 0:
        return None
    sells_out = left == 0 and listing.status is ListingStatus.ACTIVE
    status = ListingStatus.SOLD_OUT if sells_out else listing.status
    seen = {"inventory_on_hand": before}
    values: dict[str, Any] = {"inventory_on_hand": left, "status": status}
    writes.change_if(unit, Listing, listing.listing_id, seen, errors.LISTING_SOLD_OUT, **values)
    insert_movement(unit, listing.listing_id, -quantity, reason, offer_id=offer_id, order_id=order_id)
    return writes.change(unit, listing, **values)


async def return_stock(
    transaction: Transaction,
    listing_id: UUID,
    quantity: int,
    reason: MovementReason,
    *,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
) -> None:
    """Add to a locked listing's stock: in the database at once, so what was read of it before is old."""
    # What was taken before in the same transaction.
    await writes.send(transaction)
    try:
        async with transaction.savepoint():
            await transaction.rows(_RETURN_AND_SELL, listing=listing_id, quantity=quantity)
    except IntegrityError as violation:
        if constraint_name(violation) != "one_active_listing_per_store":
            raise
        # At this very moment its hero-only store showed another listing.
        await transaction.rows(_RETURN, listing=listing_id, quantity=quantity)
    insert_movement(transaction, listing_id, quantity, reason, offer_id=offer_id, order_id=order_id)


def insert_movement(
    unit: Unit,
    listing_id: UUID,
    delta: int,
    reason: MovementReason,
    *,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
) -> None:
    writes.insert(
        unit,
        StockMovement,
        movement_id=new_id(),
        listing_id=listing_id,
        delta=delta,
        reason=reason,
        offer_id=offer_id,
        order_id=order_id,
    )


def hold_stock(
    unit: Unit, listing: Listing, offer_id: UUID, quantity: int, expires_at: datetime, now: datetime
) -> Listing | None:
    """Take stock of a locked listing for an accepted offer; returns it then. None when there is too little."""
    left = take_stock(unit, listing, quantity, MovementReason.OFFER_HELD, offer_id=offer_id)
    if left is None:
        return None
    writes.insert(
        unit,
        StockHold,
        offer_id=offer_id,
        listing_id=listing.listing_id,
        quantity=quantity,
        expires_at=expires_at,
        created_at=now,
    )
    return left


async def release_hold(transaction: Transaction, offer_id: UUID, release: HoldRelease, now: datetime) -> bool:
    """End a hold once, and return its stock to its locked listing. False when it was not open."""
    hold = await transaction.one_or_none(_RELEASE, offer=offer_id, now=now, how=release)
    if hold is None:
        return False
    await return_stock(transaction, hold.listing_id, hold.quantity, MovementReason.HOLD_RETURNED, offer_id=offer_id)
    return True


def spend_hold(unit: Unit, offer_id: UUID, now: datetime) -> None:
    """End a hold once: its stock goes to an order. Raises offer.spent, when it is written, if it was not open."""
    spent = {"released_at": now, "release": HoldRelease.SPENT}
    writes.change_if(unit, StockHold, offer_id, {"released_at": None}, errors.OFFER_SPENT, **spent)
