"""Every row lock of Souk, in one place and in one order.

A transaction takes locks in this order and never goes back: agent, store, checkout session, listing,
negotiation, order, trust profile, webhook. Locks are FOR NO KEY UPDATE, so rows that refer to a locked one can still be
inserted. Nothing is awaited under a lock but the database. ``clock`` is read after the locks: waiting for one
takes time, and deadlines are decided by the database's clock alone.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import Base
from db.checkout.tables import CheckoutRow
from db.market.tables import Agent, Listing, Negotiation, Order, ReviewWindow, Store, TrustProfile
from db.webhooks.tables import WebhookEndpoint

Row = TypeVar("Row", bound=Base)


async def _one(session: AsyncSession, table: type[Row], where: ColumnElement[bool]) -> Row | None:
    query = select(table).where(where).with_for_update(key_share=True)
    return await session.scalar(query.execution_options(populate_existing=True))


async def lock_agent(session: AsyncSession, agent_id: UUID) -> Agent | None:
    return await _one(session, Agent, Agent.agent_id == agent_id)


async def lock_store(session: AsyncSession, store_id: UUID) -> Store | None:
    return await _one(session, Store, Store.store_id == store_id)


async def lock_checkout(session: AsyncSession, checkout_id: UUID) -> CheckoutRow | None:
    return await _one(session, CheckoutRow, CheckoutRow.checkout_id == checkout_id)


async def lock_listing(session: AsyncSession, listing_id: UUID) -> Listing | None:
    return await _one(session, Listing, Listing.listing_id == listing_id)


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


async def lock_negotiation(session: AsyncSession, negotiation_id: UUID) -> Negotiation | None:
    return await _one(session, Negotiation, Negotiation.negotiation_id == negotiation_id)


async def lock_order(session: AsyncSession, order_id: UUID) -> Order | None:
    return await _one(session, Order, Order.order_id == order_id)


async def lock_review_window(session: AsyncSession, order_id: UUID) -> ReviewWindow | None:
    """Comes right after its order."""
    return await _one(session, ReviewWindow, ReviewWindow.order_id == order_id)


async def lock_trust_profile(session: AsyncSession, store_id: UUID) -> TrustProfile | None:
    return await _one(session, TrustProfile, TrustProfile.store_id == store_id)


async def lock_webhook(session: AsyncSession, webhook_id: UUID) -> WebhookEndpoint | None:
    """The last of all: what it delivers was written before."""
    return await _one(session, WebhookEndpoint, WebhookEndpoint.webhook_id == webhook_id)


async def clock(session: AsyncSession) -> datetime:
    """The database's clock now, not the transaction's start. Call it after taking locks."""
    now = await session.scalar(select(func.clock_timestamp()))
    assert isinstance(now, datetime)
    return now
