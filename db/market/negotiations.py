"""Negotiations and their offers: loading the rules' view of them, and writing what was decided."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, bindparam, exists, func, select

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
from db.platform.statements import Columns, Query, find, maybe
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


def offer_view(offer: Offer) -> OfferView:
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


_NEGOTIATION = bindparam("negotiation_id", type_=Uuid())
_ROUNDS = find(Offer, Offer.c.negotiation_id == _NEGOTIATION, order=(Offer.c.round,))


async def list_rounds(transaction: Transaction, negotiation_id: UUID) -> list[Offer]:
    """The negotiation's offers, oldest first."""
    return await transaction.rows(_ROUNDS, negotiation_id=negotiation_id)


_BUYER = bindparam("buyer_id", type_=Uuid())
_LIMITS = AgentLimits.table
_STANDING = (
    open_negotiations(_BUYER).label("open_negotiations"),
    _LIMITS.c.max_open_negotiations,
    committed_cents(_BUYER, bindparam("currency", type_=Text()), bindparam("without", type_=Uuid())).label(
        "committed_cents"
    ),
    _LIMITS.c.spend_cap_cents,
)
_STANDING_ALONE = Query(
    select(*_STANDING)
    .select_from(Agent.table.outerjoin(_LIMITS, _LIMITS.c.agent_id == Agent.c.agent_id))
    .where(Agent.c.agent_id == _BUYER)
)


async def get_buyer_standing(
    transaction: Transaction, buyer_id: UUID, currency: str, *, without: UUID | None = None
) -> BuyerStanding:
    """What the buyer has open and committed in one currency; ``without`` leaves a negotiation out.

    Exact only under the lock on the buyer's row.
    """
    row = await transaction.one(_STANDING_ALONE, buyer_id=buyer_id, currency=currency, without=without)
    return buyer_standing(row)


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


_store, _command, _listing_limits = Store.table, ProcessedCommand.table, ListingLimits.table
_READING = Query(
    select(
        *Offer.columns,
        func.clock_timestamp().label("now"),
        _store.c.owner_merchant_id,
        _store.c.status.label("store_status"),
        _listing_limits.c.floor_cents,
        _listing_limits.c.auto_accept_cents,
        _listing_limits.c.auto_decline_cents,
        _listing_limits.c.updated_at.label("limits_changed_at"),
        _command.c.outcome,
        *_STANDING,
    )
    .select_from(
        _store.outerjoin(Offer.table, Offer.c.negotiation_id == _NEGOTIATION)
        .outerjoin(_listing_limits, _listing_limits.c.listing_id == bindparam("listing_id"))
        .outerjoin(_LIMITS, _LIMITS.c.agent_id == _BUYER)
        .outerjoin(_command, _command.c.command_id == bindparam("command_id"))
    )
    .where(_store.c.store_id == bindparam("store_id"))
    .order_by(Offer.c.round),
    maybe(Offer),
    Columns,
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
    _, row = rows[0]
    return Reading(
        now=row.now,
        seller_id=row.owner_merchant_id,
        store_status=row.store_status,
        offers=[offer for offer, _ in rows if offer is not None],
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
    return writes.add(unit, offer)


def close_offer(
    unit: Unit,
    offer: Offer,
    negotiation: Negotiation,
    status: OfferStatus,
    reason: CloseReason,
    now: datetime,
) -> tuple[Offer, Negotiation]:
    """End the offer, and with it its negotiation and process."""
    rejected = {"rejected_at": now} if status is OfferStatus.REJECTED else {}
    closing = {"status": status, "closed_at": now, "close_reason": reason}
    ended = writes.change(unit, offer, **closing, **rejected, remind_at=None)
    return ended, writes.change(unit, negotiation, **closing)


def _overdue() -> Select[UUID, OfferStatus]:
    now = func.clock_timestamp()
    # Its own timer comes first; late, it has no process.
    unreminded = Offer.c.remind_at < now - func.make_interval(0, 0, 0, 0, 0, 0, 5)
    standing = Offer.c.status == OfferStatus.PROPOSED
    held = (Offer.c.status == OfferStatus.ACCEPTED) & (Offer.c.purchase_by < now)
    unsellable = (
        (Store.c.status != "ACTIVE")
        | (Listing.c.status != "ACTIVE")
        | (Listing.c.price_cents < Offer.c.list_price_cents)
    )
    blocked = (standing | (Offer.c.status == OfferStatus.ACCEPTED)) & exists().where(
        StoreBlock.c.store_id == Negotiation.c.seller_store_id, StoreBlock.c.agent_id == Negotiation.c.buyer_customer_id
    )
    return (
        select(Negotiation.c.negotiation_id, Negotiation.c.status)
        .join(Offer.table, Offer.c.negotiation_id == Negotiation.c.negotiation_id)
        .join(Listing.table, Listing.c.listing_id == Negotiation.c.listing_id)
        .join(Store.table, Store.c.store_id == Negotiation.c.seller_store_id)
        .where(
            Negotiation.c.closed_at.is_(None),
            (standing & ((Offer.c.expires_at < now) | unsellable)) | held | unreminded | blocked,
        )
        .order_by(Negotiation.c.opened_at)
        .limit(bindparam("limit"))
    )


_OVERDUE = Query(_overdue(), UUID, OfferStatus)
_OPEN = select(Negotiation.c.negotiation_id).where(Negotiation.c.closed_at.is_(None))
_OPEN_ON_LISTING = Query(_OPEN.where(Negotiation.c.listing_id == bindparam("listing_id")), UUID)
_OPEN_IN_STORE = Query(_OPEN.where(Negotiation.c.seller_store_id == bindparam("store_id")), UUID)


async def list_overdue_negotiations(transaction: Transaction, limit: int) -> dict[UUID, OfferStatus]:
    """Open negotiations whose date has passed, or whose listing can no longer sell: what the sweep nudges."""
    return dict(await transaction.rows(_OVERDUE, limit=limit))


async def list_open_on_listing(transaction: Transaction, listing_id: UUID) -> list[UUID]:
    return await transaction.rows(_OPEN_ON_LISTING, listing_id=listing_id)


async def list_open_in_store(transaction: Transaction, store_id: UUID) -> list[UUID]:
    return await transaction.rows(_OPEN_IN_STORE, store_id=store_id)
