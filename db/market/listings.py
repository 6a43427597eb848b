"""Listings as facts: what is on sale, at which price, how many, and every change of it."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.market import stores, trust
from db.market.orders import has_undelivered
from db.market.stock import insert_movement, return_stock, take_stock
from db.market.tables import Listing, ListingLimits, Offer, Order, Product
from db.platform import writes
from db.platform.events import record_event
from db.platform.transactions import Transaction
from domain.market.errors import LISTING_NOT_FOUND, PRODUCT_NOT_FOUND, STOCK_NEGATIVE
from domain.market.states import ActivityType, DeliveryKind, ListingStatus, MovementReason, OfferStatus
from domain.market.trust import TrustReason


async def insert_listing(
    session: AsyncSession,
    listing_id: UUID,
    merchant_id: UUID,
    product_id: UUID,
    *,
    price_cents: int,
    currency: str,
    inventory_on_hand: int,
    delivery: DeliveryKind,
    promised_delivery_seconds: int | None,
) -> Listing:
    """Offer a product. Raises product.not_found, store.not_yours, store.closed, listing.hero_taken."""
    product = await session.get(Product, product_id)
    if product is None:
        raise PRODUCT_NOT_FOUND.error()
    store = await stores.own_open_store(session, product.store_id, merchant_id)
    listing = Listing(
        listing_id=listing_id,
        store_id=store.store_id,
        product_id=product_id,
        price_cents=price_cents,
        currency=currency,
        inventory_on_hand=inventory_on_hand,
        status=ListingStatus.ACTIVE if inventory_on_hand else ListingStatus.SOLD_OUT,
        delivery=delivery,
        promised_delivery_seconds=promised_delivery_seconds,
        hero_only=store.hero_only,
    )
    session.add(listing)
    await session.flush()
    insert_movement(session, listing_id, inventory_on_hand, MovementReason.INITIAL)
    record_event(
        session,
        ActivityType.LISTING_DROPPED,
        actor_agent_id=merchant_id,
        store_id=store.store_id,
        listing_id=listing_id,
    )
    await session.flush()
    await session.refresh(listing)
    return listing


async def own_listing(session: AsyncSession, listing_id: UUID, merchant_id: UUID, *, lock: bool = False) -> Listing:
    """A listing of the merchant's own store. Raises listing.not_found, store.not_yours."""
    listing = await (locks.lock_listing(session, listing_id) if lock else session.get(Listing, listing_id))
    if listing is None:
        raise LISTING_NOT_FOUND.error()
    await stores.own_store(session, listing.store_id, merchant_id)
    return listing


async def update_price(
    session: AsyncSession, listing_id: UUID, merchant_id: UUID, price_cents: int, reason: str
) -> tuple[Listing, bool]:
    """Change the list price, with a patch note and a trust fact. Says whether it changed."""
    listing = await own_listing(session, listing_id, merchant_id, lock=True)
    old = listing.price_cents
    if price_cents == old:
        return listing, False
    update_id = await stores.insert_update(
        session, listing.store_id, merchant_id, "PRICE_UPDATED", reason,
        field_name="price_cents", old=str(old), new=str(price_cents),
        listing_id=listing_id, product_id=listing.product_id,
    )  # fmt: skip
    now = await locks.clock(session)
    listing.price_cents = price_cents
    listing.updated_at = now
    trust.insert_fact(
        session,
        store_id=listing.store_id,
        source_event_id=update_id,
        reason=TrustReason.PRICE_UPDATED,
        inputs={
            "raised": price_cents > old,
            "open_commitments": await _has_commitments(session, listing_id),
            "penalised_recently": False,
        },
        occurred_at=now,
        listing_id=listing_id,
    )
    await session.flush()
    return listing, True


async def _has_commitments(session: AsyncSession, listing_id: UUID) -> bool:
    """Whether an accepted offer waits to be bought or an order to be delivered. Seen by the owner only."""
    spent = select(Order.c.source_offer_id).where(Order.c.source_offer_id == Offer.c.offer_id)
    accepted = select(Offer.c.offer_id).where(
        Offer.c.listing_id == listing_id, Offer.c.status == OfferStatus.ACCEPTED, ~spent.exists()
    )
    if await session.scalar(accepted.limit(1)) is not None:
        return True
    return await has_undelivered(await Transaction.of(session), listing_id=listing_id)


async def update_inventory(
    session: AsyncSession, listing_id: UUID, merchant_id: UUID, *, delta: int | None, on_hand: int | None
) -> Listing:
    """Add to the stock, or set it. Raises listing.stock_negative."""
    listing = await own_listing(session, listing_id, merchant_id, lock=True)
    change = delta if delta is not None else (on_hand or 0) - listing.inventory_on_hand
    if change == 0:
        return listing
    if change > 0:
        await return_stock(await Transaction.of(session), listing_id, change, MovementReason.ADJUSTED)
        await session.refresh(listing)
    elif not take_stock(session, listing, -change, MovementReason.ADJUSTED):
        raise STOCK_NEGATIVE.error()
    listing.updated_at = await locks.clock(session)
    await writes.send(session)
    return listing


async def update_status(session: AsyncSession, listing_id: UUID, merchant_id: UUID, status: ListingStatus) -> Listing:
    """Pause a listing or put it on sale; without stock that is SOLD_OUT. Raises listing.hero_taken."""
    listing = await own_listing(session, listing_id, merchant_id, lock=True)
    await stores.own_open_store(session, listing.store_id, merchant_id)
    if status is ListingStatus.ACTIVE and listing.inventory_on_hand == 0:
        status = ListingStatus.SOLD_OUT
    if listing.status is not status:
        listing.status = status
        listing.updated_at = await locks.clock(session)
        await session.flush()
    return listing


async def get_listing_limits(session: AsyncSession, listing_id: UUID, merchant_id: UUID) -> ListingLimits | None:
    await own_listing(session, listing_id, merchant_id)
    return await session.get(ListingLimits, listing_id, populate_existing=True)


async def put_listing_limits(
    session: AsyncSession, listing_id: UUID, merchant_id: UUID, limits: dict[str, int | None]
) -> None:
    """Replace the merchant's private limits; None lifts one. Raises limits.incoherent.

    ``updated_at`` is when they became what they are: the same again is no change.
    """
    await own_listing(session, listing_id, merchant_id)
    values: dict[str, Any] = {**limits, "updated_at": func.clock_timestamp()}
    columns = ListingLimits.table.c
    await session.execute(
        insert(ListingLimits)
        .values(listing_id=listing_id, **values)
        .on_conflict_do_update(
            index_elements=["listing_id"],
            set_=values,
            where=or_(*(columns[name].is_distinct_from(value) for name, value in limits.items())),
        )
    )
