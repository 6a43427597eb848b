"""Negotiations and their offers: loading the rules' view of them, and writing what was decided."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import (
    AgentLimits,
    Listing,
    ListingLimits,
    Negotiation,
    Offer,
    Order,
    Store,
)
from domain.market.negotiation import (
    BuyerStanding,
    ListingView,
    MerchantLimits,
    NegotiationState,
    OfferView,
)
from domain.market.states import CloseReason, OfferStatus, OrderStatus, Party


def offer_view(offer: Offer | Row[Any]) -> OfferView:
    assert offer.expires_at is not None
    return OfferView(
        offer_id=offer.offer_id,
        round=offer.round,
        proposed_by=offer.proposed_by,
        price_cents=offer.proposed_price_cents,
        quantity=offer.quantity,
        status=offer.status,
        expires_at=offer.expires_at,
        list_price_cents=offer.list_price_cents,
        purchase_by=offer.purchase_by,
        remind_at=offer.remind_at,
    )


def negotiation_state(negotiation: Negotiation, offers: list[Offer], seller_id: UUID) -> NegotiationState:
    return NegotiationState(
        buyer_id=negotiation.buyer_customer_id,
        seller_id=seller_id,
        offers=tuple(offer_view(offer) for offer in offers),
        spent=negotiation.close_reason == CloseReason.PURCHASED,
    )


def listing_view(listing: Listing, store: Store) -> ListingView:
    return ListingView(
        price_cents=listing.price_cents,
        stock=listing.inventory_on_hand,
        status=listing.status,
        store_status=store.status,
    )


async def list_rounds(session: AsyncSession, negotiation_id: UUID) -> list[Offer]:
    """The negotiation's offers, oldest first, as they are now."""
    query = select(Offer).where(Offer.negotiation_id == negotiation_id).order_by(Offer.round)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def get_merchant_limits(session: AsyncSession, listing_id: UUID) -> MerchantLimits:
    row = await session.get(ListingLimits, listing_id)
    if row is None:
        return MerchantLimits()
    return MerchantLimits(row.floor_cents, row.auto_accept_cents, row.auto_decline_cents)


async def get_buyer_standing(
    session: AsyncSession, buyer_id: UUID, currency: str, *, without: UUID | None = None
) -> BuyerStanding:
    """What the buyer has open and committed in one currency; ``without`` leaves a negotiation out.

    Exact only under the lock on the buyer's row.
    """
    limits = await session.get(AgentLimits, buyer_id)
    open_count = await session.scalar(
        select(func.count())
        .select_from(Negotiation)
        .where(Negotiation.buyer_customer_id == buyer_id, Negotiation.status == OfferStatus.PROPOSED)
    )
    committed = 0
    if limits is not None and limits.spend_cap_cents is not None:
        committed = await _committed_cents(session, buyer_id, currency, without)
    return BuyerStanding(
        open_negotiations=open_count or 0,
        max_open_negotiations=limits.max_open_negotiations if limits else None,
        committed_cents=committed,
        spend_cap_cents=limits.spend_cap_cents if limits else None,
    )


async def _committed_cents(session: AsyncSession, buyer_id: UUID, currency: str, without: UUID | None) -> int:
    bids = (
        select(func.coalesce(func.sum(Offer.proposed_price_cents * Offer.quantity), 0))
        .join(Negotiation, Negotiation.negotiation_id == Offer.negotiation_id)
        .where(
            Offer.buyer_customer_id == buyer_id,
            Offer.currency == currency,
            Negotiation.closed_at.is_(None),
            ((Offer.status == OfferStatus.PROPOSED) & (Offer.proposed_by == Party.BUYER))
            | (Offer.status == OfferStatus.ACCEPTED),
        )
    )
    if without is not None:
        bids = bids.where(Offer.negotiation_id != without)
    spent = select(func.coalesce(func.sum(Order.total_price_cents), 0)).where(
        Order.buyer_customer_id == buyer_id, Order.currency == currency, Order.status != OrderStatus.REFUNDED
    )
    return int(await session.scalar(bids) or 0) + int(await session.scalar(spent) or 0)


def insert_offer(
    session: AsyncSession,
    *,
    offer_id: UUID,
    negotiation: Negotiation,
    round_number: int,
    proposed_by: Party,
    price_cents: int,
    quantity: int,
    listing: Listing,
    message: str | None,
    now: datetime,
    expires_at: datetime,
    remind_at: datetime | None,
) -> Offer:
    offer = Offer(
        offer_id=offer_id,
        listing_id=negotiation.listing_id,
        buyer_customer_id=negotiation.buyer_customer_id,
        seller_store_id=negotiation.seller_store_id,
        proposed_price_cents=price_cents,
        currency=listing.currency,
        buyer_message=message if proposed_by is Party.BUYER else None,
        seller_message=message if proposed_by is Party.SELLER else None,
        status=OfferStatus.PROPOSED,
        created_at=now,
        expires_at=expires_at,
        remind_at=remind_at,
        negotiation_id=negotiation.negotiation_id,
        round=round_number,
        proposed_by=proposed_by,
        quantity=quantity,
        list_price_cents=listing.price_cents,
    )
    session.add(offer)
    return offer


def close_offer(
    offer: Offer,
    negotiation: Negotiation,
    status: OfferStatus,
    reason: CloseReason,
    now: datetime,
) -> None:
    """End the offer, and with it its negotiation and process."""
    offer.status = status
    offer.closed_at = now
    offer.close_reason = reason
    offer.remind_at = None
    if status is OfferStatus.REJECTED:
        offer.rejected_at = now
    negotiation.status = status
    negotiation.closed_at = now
    negotiation.close_reason = reason


async def list_overdue_negotiations(session: AsyncSession, limit: int) -> list[UUID]:
    """Open negotiations whose date has passed, or whose listing can no longer sell: what the sweep nudges."""
    now = func.clock_timestamp()
    # Its own timer comes first; late, it has no process.
    unreminded = Offer.remind_at < now - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    standing = Offer.status == OfferStatus.PROPOSED
    held = (Offer.status == OfferStatus.ACCEPTED) & (Offer.purchase_by < now)
    unsellable = (
        (Store.status != "ACTIVE")
        | (Listing.status != "ACTIVE")
        | ((Listing.price_cents < Offer.list_price_cents) & (Listing.price_cents <= Offer.proposed_price_cents))
    )
    query = (
        select(Negotiation.negotiation_id)
        .join(Offer, Offer.negotiation_id == Negotiation.negotiation_id)
        .join(Listing, Listing.listing_id == Negotiation.listing_id)
        .join(Store, Store.store_id == Negotiation.seller_store_id)
        .where(
            Negotiation.closed_at.is_(None), (standing & ((Offer.expires_at < now) | unsellable)) | held | unreminded
        )
        .order_by(Negotiation.opened_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def list_open_on_listing(session: AsyncSession, listing_id: UUID) -> list[UUID]:
    query = select(Negotiation.negotiation_id).where(
        Negotiation.listing_id == listing_id, Negotiation.closed_at.is_(None)
    )
    return list(await session.scalars(query))


async def list_open_in_store(session: AsyncSession, store_id: UUID) -> list[UUID]:
    query = select(Negotiation.negotiation_id).where(
        Negotiation.seller_store_id == store_id, Negotiation.closed_at.is_(None)
    )
    return list(await session.scalars(query))
