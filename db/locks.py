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
from sqlalchemy.orm import InstrumentedAttribute

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
from db.platform.base import Base
from db.platform.rows import AnyRow
from db.platform.statements import Query, among
from db.platform.transactions import Transaction
from db.webhooks.tables import WebhookEndpoint

_CLOCK = Query(select(func.clock_timestamp()), datetime)


Entity = TypeVar("Entity", bound=Base)


def _locking(table: type[Entity], key: InstrumentedAttribute[UUID]) -> Select[Entity]:
    query = select(table).where(key == bindparam("key")).with_for_update(key_share=True)
    return query.execution_options(populate_existing=True)


def locking(row: type[AnyRow]) -> Query[AnyRow]:
    """The row of a key, locked."""
    [key] = row.table.primary_key
    return Query(select(*row.columns).where(key == bindparam("key")).with_for_update(key_share=True), row)


_AGENT, _STORE, _LISTING = locking(Agent), locking(Store), locking(Listing)
_CART = _locking(CartRow, CartRow.cart_id)
_CHECKOUT = _locking(CheckoutRow, CheckoutRow.checkout_id)
_WEBHOOK = locking(WebhookEndpoint)

_agent, _listing, _negotiation = Agent.table, Listing.table, Negotiation.table
_order, _window, _offer = Order.table, ReviewWindow.table, Offer.table
_question = SupportQuestion.table

_bargained = _listing.join(_negotiation, _negotiation.c.listing_id == _listing.c.listing_id)
_bargained_by = _bargained.join(_agent, _agent.c.agent_id == _negotiation.c.buyer_customer_id)

_BUYER_AND_LISTING = Query(
    select(*Listing.columns)
    .select_from(_agent.join(_listing, _listing.c.listing_id == bindparam("listing_id")))
    .where(_agent.c.agent_id == bindparam("buyer_id"))
    .with_for_update(key_share=True, of=[_agent, _listing]),
    Listing,
)
_LISTING_AND_NEGOTIATION = Query(
    select(*Listing.columns, *Negotiation.columns)
    .select_from(_bargained)
    .where(_negotiation.c.negotiation_id == bindparam("negotiation_id"))
    .with_for_update(key_share=True, of=[_listing, _negotiation]),
    Listing,
    Negotiation,
)
_BUYER_LISTING_AND_NEGOTIATION = Query(
    select(*Listing.columns, *Negotiation.columns)
    .select_from(_bargained_by)
    .where(_negotiation.c.negotiation_id == bindparam("negotiation_id"))
    .with_for_update(key_share=True, of=[_agent, _listing, _negotiation]),
    Listing,
    Negotiation,
)
_PURCHASE = Query(
    select(*Listing.columns, *Negotiation.columns)
    .select_from(_bargained_by)
    .where(
        _negotiation.c.negotiation_id
        == select(_offer.c.negotiation_id).where(_offer.c.offer_id == bindparam("offer_id")).scalar_subquery(),
        _agent.c.agent_id == bindparam("buyer_id"),
    )
    .with_for_update(key_share=True, of=[_agent, _listing, _negotiation]),
    Listing,
    Negotiation,
)
_LISTING_AND_ORDER = Query(
    select(*Order.columns)
    .select_from(_order.join(_listing, _listing.c.listing_id == _order.c.listing_id))
    .where(_order.c.order_id == bindparam("order_id"))
    .with_for_update(key_share=True, of=[_listing, _order]),
    Order,
)
_ORDER_AND_WINDOW = Query(
    select(*Order.columns, *ReviewWindow.columns)
    .select_from(_order.join(_window, _window.c.order_id == _order.c.order_id))
    .where(_order.c.order_id == bindparam("order_id"))
    .with_for_update(key_share=True, of=[_order, _window]),
    Order,
    ReviewWindow,
)
_ORDER = locking(Order)
_REVIEW_WINDOW = locking(ReviewWindow)
_TRUST_PROFILE = locking(TrustProfile)
_LISTINGS = Query(
    select(*Listing.columns)
    .where(among(Listing.c.listing_id, "listing_ids"))
    .order_by(Listing.c.listing_id)
    .with_for_update(key_share=True),
    Listing,
)
_LISTINGS_OF_PRODUCT = Query(
    select(*Listing.columns)
    .where(Listing.c.product_id == bindparam("product_id"))
    .order_by(Listing.c.listing_id)
    .with_for_update(key_share=True),
    Listing,
)
_DUE_QUESTIONS = Query(
    select(*SupportQuestion.columns)
    .where(
        _question.c.store_id == bindparam("store_id"),
        func.coalesce(_question.c.remind_at, _question.c.due_at) <= bindparam("now"),
        _question.c.answered_at.is_(None),
        _question.c.missed_at.is_(None),
    )
    .order_by(_question.c.due_at)
    .with_for_update(key_share=True),
    SupportQuestion,
)


async def lock_agent(transaction: Transaction, agent_id: UUID) -> Agent | None:
    return await transaction.one_or_none(_AGENT, key=agent_id)


async def lock_store(transaction: Transaction, store_id: UUID) -> Store | None:
    return await transaction.one_or_none(_STORE, key=store_id)


async def lock_cart(session: AsyncSession, cart_id: UUID) -> CartRow | None:
    return await session.scalar(_CART, {"key": cart_id})


async def lock_checkout(session: AsyncSession, checkout_id: UUID) -> CheckoutRow | None:
    return await session.scalar(_CHECKOUT, {"key": checkout_id})


async def lock_listing(transaction: Transaction, listing_id: UUID) -> Listing | None:
    return await transaction.one_or_none(_LISTING, key=listing_id)


async def lock_buyer_and_listing(transaction: Transaction, buyer_id: UUID, listing_id: UUID) -> Listing | None:
    """Both, or nothing when one of them does not exist."""
    return await transaction.one_or_none(_BUYER_AND_LISTING, buyer_id=buyer_id, listing_id=listing_id)


async def lock_listings_of_product(transaction: Transaction, product_id: UUID) -> list[Listing]:
    """All of them, in the order of their ids."""
    return await transaction.rows(_LISTINGS_OF_PRODUCT, product_id=product_id)


async def lock_listings(transaction: Transaction, listing_ids: Iterable[UUID]) -> list[Listing]:
    """Several, in the order of their ids."""
    return await transaction.rows(_LISTINGS, listing_ids=list(set(listing_ids)))


async def lock_negotiation(
    transaction: Transaction, negotiation_id: UUID, *, with_buyer: bool = False
) -> tuple[Listing, Negotiation] | None:
    """A negotiation after its listing, and before both its buyer where what the buyer has committed is read."""
    query = _BUYER_LISTING_AND_NEGOTIATION if with_buyer else _LISTING_AND_NEGOTIATION
    return await transaction.one_or_none(query, negotiation_id=negotiation_id)


async def lock_purchase(transaction: Transaction, buyer_id: UUID, offer_id: UUID) -> tuple[Listing, Negotiation] | None:
    """The buyer, and the listing and the negotiation of its own offer; nothing when the offer is not its own."""
    return await transaction.one_or_none(_PURCHASE, buyer_id=buyer_id, offer_id=offer_id)


async def lock_order(transaction: Transaction, order_id: UUID) -> Order | None:
    """An order after its listing: stock may return to it."""
    return await transaction.one_or_none(_LISTING_AND_ORDER, order_id=order_id)


async def lock_order_and_window(transaction: Transaction, order_id: UUID) -> tuple[Order, ReviewWindow | None] | None:
    """An order, and its review window if it was delivered. The listing is left alone: no stock will move."""
    found = await transaction.one_or_none(_ORDER_AND_WINDOW, order_id=order_id)
    if found:
        return found
    order = await transaction.one_or_none(_ORDER, key=order_id)
    # Waiting for the order takes time: it may have been delivered meanwhile.
    return (order, await lock_review_window(transaction, order_id)) if order else None


async def lock_review_window(transaction: Transaction, order_id: UUID) -> ReviewWindow | None:
    """Comes right after its order."""
    return await transaction.one_or_none(_REVIEW_WINDOW, key=order_id)


async def lock_trust_profile(transaction: Transaction, store_id: UUID) -> TrustProfile | None:
    return await transaction.one_or_none(_TRUST_PROFILE, key=store_id)


async def lock_due_questions(transaction: Transaction, store_id: UUID, now: datetime) -> list[SupportQuestion]:
    """A store's open questions whose deadline or reminder has come. Comes after its trust profile."""
    return await transaction.rows(_DUE_QUESTIONS, store_id=store_id, now=now)


async def lock_webhook(transaction: Transaction, webhook_id: UUID) -> WebhookEndpoint | None:
    """The last of all: what it delivers was written before."""
    return await transaction.one_or_none(_WEBHOOK, key=webhook_id)


async def clock(unit: AsyncSession | Transaction) -> datetime:
    """The database's clock now, not the transaction's start. Call it after taking locks."""
    transaction = unit if isinstance(unit, Transaction) else await Transaction.of(unit)
    return await transaction.one(_CLOCK)
