"""Every row lock of Souk, in one place and in one order.

A transaction takes locks in this order and never goes back: agent, store, cart, checkout session, listing,
negotiation, order, trust profile, question, webhook. Locks are FOR NO KEY UPDATE, so rows that refer to a locked one
can still be inserted. Nothing is awaited under a lock but the database. ``clock`` is read after the locks: waiting for
one takes time, and deadlines are decided by the database's clock alone.

One statement may take several: Postgres locks a row's tables in the order in which FOR UPDATE OF names them. It gives
the locked rows as they are then; whatever else is read comes in a later statement, because this one may have waited.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, load_only

from db.base import Base
from db.checkout.tables import CartRow, CheckoutRow
from db.market.tables import (
    Agent,
    Listing,
    Negotiation,
    Offer,
    Order,
    ReviewWindow,
    Store,
    SupportQuestion,
    TrustProfile,
)
from db.webhooks.tables import WebhookEndpoint

Row = TypeVar("Row", bound=Base)
_FRESH = {"populate_existing": True}
_CLOCK = select(func.clock_timestamp())


def _locking(table: type[Row], key: InstrumentedAttribute[UUID]) -> Select[Row]:
    query = select(table).where(key == bindparam("key")).with_for_update(key_share=True)
    return query.execution_options(**_FRESH)


_AGENT = _locking(Agent, Agent.agent_id)
_STORE = _locking(Store, Store.store_id)
_CART = _locking(CartRow, CartRow.cart_id)
_CHECKOUT = _locking(CheckoutRow, CheckoutRow.checkout_id)
_LISTING = _locking(Listing, Listing.listing_id)
_ORDER = _locking(Order, Order.order_id)
_REVIEW_WINDOW = _locking(ReviewWindow, ReviewWindow.order_id)
_TRUST_PROFILE = _locking(TrustProfile, TrustProfile.store_id)
_WEBHOOK = _locking(WebhookEndpoint, WebhookEndpoint.webhook_id)

# Every column costs: what a sale reads of its listing.
_SOLD = load_only(
    Listing.store_id,
    Listing.price_cents,
    Listing.currency,
    Listing.inventory_on_hand,
    Listing.status,
    Listing.delivery,
    Listing.promised_delivery_seconds,
)

_BUYER_AND_LISTING = (
    select(Listing)
    .select_from(Agent)
    .join(Listing, Listing.listing_id == bindparam("listing_id"))
    .where(Agent.agent_id == bindparam("buyer_id"))
    .with_for_update(key_share=True, of=[Agent, Listing])
    .options(_SOLD)
    .execution_options(**_FRESH)
)
_LISTING_AND_NEGOTIATION = (
    select(Listing, Negotiation)
    .join(Negotiation, Negotiation.listing_id == Listing.listing_id)
    .where(Negotiation.negotiation_id == bindparam("negotiation_id"))
    .with_for_update(key_share=True, of=[Listing, Negotiation])
    .options(_SOLD)
    .execution_options(**_FRESH)
)
_BUYER_LISTING_AND_NEGOTIATION = (
    select(Listing, Negotiation)
    .join(Negotiation, Negotiation.listing_id == Listing.listing_id)
    .join(Agent, Agent.agent_id == Negotiation.buyer_customer_id)
    .where(Negotiation.negotiation_id == bindparam("negotiation_id"))
    .with_for_update(key_share=True, of=[Agent, Listing, Negotiation])
    .options(_SOLD)
    .execution_options(**_FRESH)
)
_PURCHASE = (
    select(Listing, Negotiation)
    .join(Negotiation, Negotiation.listing_id == Listing.listing_id)
    .join(Agent, Agent.agent_id == Negotiation.buyer_customer_id)
    .where(
        Negotiation.negotiation_id
        == select(Offer.negotiation_id).where(Offer.offer_id == bindparam("offer_id")).scalar_subquery(),
        Agent.agent_id == bindparam("buyer_id"),
    )
    .with_for_update(key_share=True, of=[Agent, Listing, Negotiation])
    .options(_SOLD)
    .execution_options(**_FRESH)
)
_LISTING_AND_ORDER = (
    select(Order)
    .join(Listing, Listing.listing_id == Order.listing_id)
    .where(Order.order_id == bindparam("order_id"))
    .with_for_update(key_share=True, of=[Listing, Order])
    .execution_options(**_FRESH)
)
_ORDER_AND_WINDOW = (
    select(Order, ReviewWindow)
    .join(ReviewWindow, ReviewWindow.order_id == Order.order_id)
    .where(Order.order_id == bindparam("order_id"))
    .with_for_update(key_share=True, of=[Order, ReviewWindow])
    .execution_options(**_FRESH)
)


async def lock_agent(session: AsyncSession, agent_id: UUID) -> Agent | None:
    return await session.scalar(_AGENT, {"key": agent_id})


async def lock_store(session: AsyncSession, store_id: UUID) -> Store | None:
    return await session.scalar(_STORE, {"key": store_id})


async def lock_cart(session: AsyncSession, cart_id: UUID) -> CartRow | None:
    return await session.scalar(_CART, {"key": cart_id})


async def lock_checkout(session: AsyncSession, checkout_id: UUID) -> CheckoutRow | None:
    return await session.scalar(_CHECKOUT, {"key": checkout_id})


async def lock_listing(session: AsyncSession, listing_id: UUID) -> Listing | None:
    return await session.scalar(_LISTING, {"key": listing_id})


async def lock_buyer_and_listing(session: AsyncSession, buyer_id: UUID, listing_id: UUID) -> Listing | None:
    """Both, or nothing when one of them does not exist."""
    return await session.scalar(_BUYER_AND_LISTING, {"buyer_id": buyer_id, "listing_id": listing_id})


async def lock_listings_of_product(session: AsyncSession, product_id: UUID) -> list[Listing]:
    """All of them, in the order of their ids."""
    query = select(Listing).where(Listing.product_id == product_id).order_by(Listing.listing_id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(await session.scalars(locked))


async def lock_listings(session: AsyncSession, listing_ids: Iterable[UUID]) -> list[Listing]:
    """Several, in the order of their ids."""
    query = select(Listing).where(Listing.listing_id.in_(set(listing_ids))).order_by(Listing.listing_id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(await session.scalars(locked))


async def lock_negotiation(
    session: AsyncSession, negotiation_id: UUID, *, with_buyer: bool = False
) -> tuple[Listing, Negotiation] | None:
    """A negotiation after its listing, and before both its buyer where what the buyer has committed is read."""
    query = _BUYER_LISTING_AND_NEGOTIATION if with_buyer else _LISTING_AND_NEGOTIATION
    return (await session.execute(query, {"negotiation_id": negotiation_id})).one_or_none()


async def lock_purchase(session: AsyncSession, buyer_id: UUID, offer_id: UUID) -> tuple[Listing, Negotiation] | None:
    """The buyer, and the listing and the negotiation of its own offer; nothing when the offer is not its own."""
    return (await session.execute(_PURCHASE, {"buyer_id": buyer_id, "offer_id": offer_id})).one_or_none()


async def lock_order(session: AsyncSession, order_id: UUID) -> Order | None:
    """An order after its listing: stock may return to it."""
    return await session.scalar(_LISTING_AND_ORDER, {"order_id": order_id})


async def lock_order_and_window(session: AsyncSession, order_id: UUID) -> tuple[Order, ReviewWindow | None] | None:
    """An order, and its review window if it was delivered. The listing is left alone: no stock will move."""
    row = (await session.execute(_ORDER_AND_WINDOW, {"order_id": order_id})).one_or_none()
    if row is not None:
        return row
    order = await session.scalar(_ORDER, {"key": order_id})
    if order is None:
        return None
    # Waiting for the order takes time: it may have been delivered meanwhile.
    return order, await lock_review_window(session, order_id)


async def lock_review_window(session: AsyncSession, order_id: UUID) -> ReviewWindow | None:
    """Comes right after its order."""
    return await session.scalar(_REVIEW_WINDOW, {"key": order_id})


async def lock_trust_profile(session: AsyncSession, store_id: UUID) -> TrustProfile | None:
    return await session.scalar(_TRUST_PROFILE, {"key": store_id})


async def lock_due_questions(session: AsyncSession, store_id: UUID, now: datetime) -> list[SupportQuestion]:
    """A store's open questions whose deadline or reminder has come. Comes after its trust profile."""
    query = (
        select(SupportQuestion)
        .where(
            SupportQuestion.store_id == store_id,
            func.coalesce(SupportQuestion.remind_at, SupportQuestion.due_at) <= now,
            SupportQuestion.answered_at.is_(None),
            SupportQuestion.missed_at.is_(None),
        )
        .order_by(SupportQuestion.due_at)
        .with_for_update(key_share=True)
        .execution_options(**_FRESH)
    )
    return list(await session.scalars(query))


async def lock_webhook(session: AsyncSession, webhook_id: UUID) -> WebhookEndpoint | None:
    """The last of all: what it delivers was written before."""
    return await session.scalar(_WEBHOOK, {"key": webhook_id})


async def clock(session: AsyncSession) -> datetime:
    """The database's clock now, not the transaction's start. Call it after taking locks."""
    now = await session.scalar(_CLOCK)
    assert isinstance(now, datetime)
    return now
