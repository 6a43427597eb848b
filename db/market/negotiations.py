"""Negotiations and their offers: loading the rules' view of them, and writing what was decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, Uuid, bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.standing import buyer_standing, committed_cents, open_negotiations
from db.market.tables import (
    Agent,
    AgentLimits,
    Listing,
    ListingLimits,
    Negotiation,
    Offer,
    Store,
    StoreBlock,
)
from db.platform import writes
from db.platform.statements import Query
from db.platform.tables import ProcessedCommand
from db.platform.transactions import Transaction, Unit
from domain.market.negotiation import (
    BuyerStanding,
    ListingView,
    MerchantLimits,
    NegotiationState,
    OfferView,
)
from domain.market.states import CloseReason, OfferStatus, Party, StoreStatus


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


def listing_view(listing: Listing, store_status: StoreStatus) -> ListingView:
    return ListingView(
        price_cents=listing.price_cents,
        stock=listing.inventory_on_hand,
        status=listing.status,
        store_status=store_status,
    )


_ROUNDS = (
    select(Offer)
    .where(Offer.negotiation_id == bindparam("negotiation_id"))
    .order_by(Offer.round)
    .execution_options(populate_existing=True)
)


async def list_rounds(session: AsyncSession, negotiation_id: UUID) -> list[Offer]:
    """The negotiation's offers, oldest first, as they are now."""
    return list(await session.scalars(_ROUNDS, {"negotiation_id": negotiation_id}))


_BUYER = bindparam("buyer_id", type_=Uuid())
_LIMITS = AgentLimits.__table__
_STANDING = (
    open_negotiations(_BUYER).label("open_negotiations"),
    _LIMITS.c.max_open_negotiations,
    committed_cents(_BUYER, bindparam("currency", type_=Text()), bindparam("without", type_=Uuid())).label(
        "committed_cents"
    ),
    _LIMITS.c.spend_cap_cents,
)
_STANDING_ALONE = (
    select(*_STANDING)
    .select_from(Agent)
    .outerjoin(_LIMITS, _LIMITS.c.agent_id == Agent.agent_id)
    .where(Agent.agent_id == _BUYER)
)


async def get_buyer_standing(
    session: AsyncSession, buyer_id: UUID, currency: str, *, without: UUID | None = None
) -> BuyerStanding:
    """What the buyer has open and committed in one currency; ``without`` leaves a negotiation out.

    Exact only under the lock on the buyer's row.
    """
    keys = {"buyer_id": buyer_id, "currency": currency, "without": without}
    return buyer_standing((await session.execute(_STANDING_ALONE, keys)).one())


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step of a buyer with a listing reads once it has its locks, all at one moment.

    ``done``: the outcome of its command, when that was carried out before.
    """

    now: datetime
    seller_id: UUID
    store_status: StoreStatus
    offers: list[Offer]
    limits: MerchantLimits
    standing: BuyerStanding
    done: str | None


_offer, _store, _command = Offer.__table__, Store.__table__, ProcessedCommand.__table__
_listing_limits = ListingLimits.__table__
_NEGOTIATION = bindparam("negotiation_id", type_=Uuid())
# Every column costs, and the rules and the changes read no more of a round.
_ROUND = (
    _offer.c.offer_id,
    _offer.c.listing_id,
    _offer.c.round,
    _offer.c.proposed_by,
    _offer.c.proposed_price_cents,
    _offer.c.quantity,
    _offer.c.status,
    _offer.c.expires_at,
    _offer.c.list_price_cents,
    _offer.c.purchase_by,
    _offer.c.remind_at,
    _offer.c.created_at,
)
_READING = Query(
    select(
        func.clock_timestamp().label("now"),
        _store.c.owner_merchant_id,
        _store.c.status.label("store_status"),
        _listing_limits.c.floor_cents,
        _listing_limits.c.auto_accept_cents,
        _listing_limits.c.auto_decline_cents,
        _listing_limits.c.updated_at.label("limits_changed_at"),
        _command.c.outcome,
        *_STANDING,
        *_ROUND,
    )
    .select_from(
        _store.outerjoin(_offer, _offer.c.negotiation_id == _NEGOTIATION)
        .outerjoin(_listing_limits, _listing_limits.c.listing_id == bindparam("listing_id"))
        .outerjoin(_LIMITS, _LIMITS.c.agent_id == _BUYER)
        .outerjoin(_command, _command.c.command_id == bindparam("command_id"))
    )
    .where(_store.c.store_id == bindparam("store_id"))
    .order_by(_offer.c.round)
)


async def read_step(
    transaction: Transaction,
    listing: Listing,
    asking_id: UUID | None,
    *,
    negotiation_id: UUID | None = None,
    command_id: UUID | None = None,
) -> Reading:
    """Everything at once. The standing leaves the negotiation out, and is exact only under the buyer's lock.

    It is that of the agent who asks: a merchant's answer takes no longer for a buyer that has a spend cap to be added
    up for.
    """
    rows = await transaction.rows(
        _READING,
        store_id=listing.store_id,
        listing_id=listing.listing_id,
        currency=listing.currency,
        buyer_id=asking_id,
        negotiation_id=negotiation_id,
        without=negotiation_id,
        command_id=command_id,
    )
    row = rows[0]
    return Reading(
        now=row.now,
        seller_id=row.owner_merchant_id,
        store_status=row.store_status,
        offers=[_READING.part(Offer, each) for each in rows if each.offer_id is not None],
        limits=MerchantLimits(row.floor_cents, row.auto_accept_cents, row.auto_decline_cents, row.limits_changed_at),
        standing=buyer_standing(row),
        done=row.outcome,
    )


def insert_offer(
    unit: Unit,
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
    writes.add(unit, offer)
    return offer


def close_offer(
    unit: Unit,
    offer: Offer,
    negotiation: Negotiation,
    status: OfferStatus,
    reason: CloseReason,
    now: datetime,
) -> None:
    """End the offer, and with it its negotiation and process."""
    rejected = {"rejected_at": now} if status is OfferStatus.REJECTED else {}
    closing = {"status": status, "closed_at": now, "close_reason": reason}
    writes.change(unit, offer, **closing, **rejected, remind_at=None)
    writes.change(unit, negotiation, **closing)


async def list_overdue_negotiations(session: AsyncSession, limit: int) -> list[UUID]:
    """Open negotiations whose date has passed, or whose listing can no longer sell: what the sweep nudges."""
    now = func.clock_timestamp()
    # Its own timer comes first; late, it has no process.
    unreminded = Offer.remind_at < now - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    standing = Offer.status == OfferStatus.PROPOSED
    held = (Offer.status == OfferStatus.ACCEPTED) & (Offer.purchase_by < now)
    unsellable = (
        (Store.status != "ACTIVE") | (Listing.status != "ACTIVE") | (Listing.price_cents < Offer.list_price_cents)
    )
    blocked = (standing | (Offer.status == OfferStatus.ACCEPTED)) & exists().where(
        StoreBlock.c.store_id == Negotiation.seller_store_id, StoreBlock.c.agent_id == Negotiation.buyer_customer_id
    )
    query = (
        select(Negotiation.negotiation_id)
        .join(Offer, Offer.negotiation_id == Negotiation.negotiation_id)
        .join(Listing, Listing.listing_id == Negotiation.listing_id)
        .join(Store, Store.store_id == Negotiation.seller_store_id)
        .where(
            Negotiation.closed_at.is_(None),
            (standing & ((Offer.expires_at < now) | unsellable)) | held | unreminded | blocked,
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
