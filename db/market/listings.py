"""Listings as facts: what is on sale, at which price, how many, and every change of it."""

from uuid import UUID

from sqlalchemy import Uuid, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db import locks
from db.market import stores, trust
from db.market.stock import insert_movement, return_stock, take_stock
from db.market.tables import Listing, ListingLimits, Offer, Order, Product
from db.platform import writes
from db.platform.events import record_event
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.errors import LISTING_NOT_FOUND, PRODUCT_NOT_FOUND, STOCK_NEGATIVE
from domain.market.states import ActivityType, DeliveryKind, ListingStatus, MovementReason, OfferStatus, OrderStatus
from domain.market.trust import TrustReason

_LISTING = bindparam("listing_id", type_=Uuid())
_HAS_COMMITMENTS = Query(
    select(
        or_(
            exists().where(
                Offer.c.listing_id == _LISTING,
                Offer.c.status == OfferStatus.ACCEPTED,
                ~exists().where(Order.c.source_offer_id == Offer.c.offer_id),
            ),
            exists().where(Order.c.listing_id == _LISTING, Order.c.status == OrderStatus.PLACED),
        )
    ),
    bool,
)
"""Whether an accepted offer waits to be bought or an order to be delivered. Seen by the owner only."""
_LIMITS = ("floor_cents", "auto_accept_cents", "auto_decline_cents")
_new_limits = insert(ListingLimits.table).values({name: bindparam(name) for name in ("listing_id", *_LIMITS)})
_given = _new_limits.excluded
_PUT_LIMITS = Query(
    _new_limits.on_conflict_do_update(
        index_elements=["listing_id"],
        set_={**{name: _given[name] for name in _LIMITS}, "updated_at": func.clock_timestamp()},
        where=or_(*(ListingLimits.c[name].is_distinct_from(_given[name]) for name in _LIMITS)),
    )
)


async def insert_listing(
    transaction: Transaction,
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
    product = await transaction.require(Product, product_id, PRODUCT_NOT_FOUND)
    store = await stores.own_open_store(transaction, product.store_id, merchant_id)
    writes.insert(
        transaction,
        Listing,
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
    # Row-level security asks whose listing a movement is of.
    await writes.send(transaction)
    insert_movement(transaction, listing_id, inventory_on_hand, MovementReason.INITIAL)
    record_event(
        transaction,
        ActivityType.LISTING_DROPPED,
        actor_agent_id=merchant_id,
        store_id=store.store_id,
        listing_id=listing_id,
    )
    return await transaction.get_one(Listing, listing_id)


async def own_listing(transaction: Transaction, listing_id: UUID, merchant_id: UUID, *, lock: bool = False) -> Listing:
    """A listing of the merchant's own store. Raises listing.not_found, store.not_yours."""
    listing = await (locks.lock_listing(transaction, listing_id) if lock else transaction.get(Listing, listing_id))
    if listing is None:
        raise LISTING_NOT_FOUND.error()
    await stores.own_store(transaction, listing.store_id, merchant_id)
    return listing


async def update_price(
    transaction: Transaction, listing_id: UUID, merchant_id: UUID, price_cents: int, reason: str
) -> tuple[Listing, bool]:
    """Change the list price, with a patch note and a trust fact. Says whether it changed."""
    listing = await own_listing(transaction, listing_id, merchant_id, lock=True)
    old = listing.price_cents
    if price_cents == old:
        return listing, False
    update_id = stores.insert_update(
        transaction, listing.store_id, merchant_id, "PRICE_UPDATED", reason,
        field_name="price_cents", old=str(old), new=str(price_cents),
        listing_id=listing_id, product_id=listing.product_id,
    )  # fmt: skip
    now = await locks.clock(transaction)
    listing = writes.change(transaction, listing, price_cents=price_cents, updated_at=now)
    trust.insert_fact(
        transaction,
        store_id=listing.store_id,
        source_event_id=update_id,
        reason=TrustReason.PRICE_UPDATED,
        inputs={
            "raised": price_cents > old,
            "open_commitments": await transaction.one(_HAS_COMMITMENTS, listing_id=listing_id),
            "penalised_recently": False,
        },
        occurred_at=now,
        listing_id=listing_id,
    )
    await writes.send(transaction)
    return listing, True


async def update_inventory(
    transaction: Transaction, listing_id: UUID, merchant_id: UUID, *, delta: int | None, on_hand: int | None
) -> Listing:
    """Add to the stock, or set it. Raises listing.stock_negative."""
    listing = await own_listing(transaction, listing_id, merchant_id, lock=True)
    change = delta if delta is not None else (on_hand or 0) - listing.inventory_on_hand
    if change == 0:
        return listing
    if change > 0:
        await return_stock(transaction, listing_id, change, MovementReason.ADJUSTED)
        listing = await transaction.get_one(Listing, listing_id)
    else:
        left = take_stock(transaction, listing, -change, MovementReason.ADJUSTED)
        if left is None:
            raise STOCK_NEGATIVE.error()
        listing = left
    listing = writes.change(transaction, listing, updated_at=await locks.clock(transaction))
    await writes.send(transaction)
    return listing


async def update_status(
    transaction: Transaction, listing_id: UUID, merchant_id: UUID, status: ListingStatus
) -> Listing:
    """Pause a listing or put it on sale; without stock that is SOLD_OUT. Raises listing.hero_taken."""
    listing = await own_listing(transaction, listing_id, merchant_id, lock=True)
    await stores.own_open_store(transaction, listing.store_id, merchant_id)
    if status is ListingStatus.ACTIVE and listing.inventory_on_hand == 0:
        status = ListingStatus.SOLD_OUT
    if listing.status is not status:
        listing = writes.change(transaction, listing, status=status, updated_at=await locks.clock(transaction))
        await writes.send(transaction)
    return listing


async def get_listing_limits(transaction: Transaction, listing_id: UUID, merchant_id: UUID) -> ListingLimits | None:
    await own_listing(transaction, listing_id, merchant_id)
    return await transaction.get(ListingLimits, listing_id)


async def put_listing_limits(
    transaction: Transaction, listing_id: UUID, merchant_id: UUID, limits: dict[str, int | None]
) -> None:
    """Replace the merchant's private limits; None lifts one. Raises limits.incoherent.

    ``updated_at`` is when they became what they are: the same again is no change.
    """
    await own_listing(transaction, listing_id, merchant_id)
    await transaction.rows(_PUT_LIMITS, listing_id=listing_id, **limits)
