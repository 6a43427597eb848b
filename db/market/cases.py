"""What the API reads before it tells a process: all that the rules of one command ask for, in one query.

Reads as the caller, under row-level security: what is private to the other party is not there and counts as
none. Without a lock, so only for an early answer; the activity decides again on what it locked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, exists, func, null, or_, select

from db.market.negotiations import offer_view
from db.market.orders import order_state
from db.market.standing import PROPOSED, buyer_standing, committed_cents, open_negotiations
from db.market.tables import (
    AgentLimits,
    InteractionEvidence,
    Listing,
    ListingLimits,
    Negotiation,
    Offer,
    Order,
    ReviewWindow,
    Store,
    StoreInteractionEvidence,
)
from db.platform.statements import Columns, Query
from db.platform.transactions import Transaction
from domain.market.negotiation import BuyerStanding, ListingView, MerchantLimits, NegotiationState
from domain.market.orders import OrderState
from domain.market.states import CloseReason, DeliveryKind, ReviewWindowStatus


@dataclass(frozen=True, slots=True)
class ListingCase:
    """A listing somebody wants to bid on or buy, and where that buyer stands.

    ``eligible``: it has interacted with the listing before. ``standing_offer_id``: what awaits an answer already.
    """

    listing_id: UUID
    store_id: UUID
    currency: str
    listing: ListingView
    delivery: DeliveryKind
    buyer: BuyerStanding
    eligible: bool
    standing_offer_id: UUID | None
    now: datetime


@dataclass(frozen=True, slots=True)
class OfferCase:
    """An offer with its whole negotiation. ``limits`` are the seller's, ``buyer`` leaves this negotiation out."""

    negotiation_id: UUID
    listing_id: UUID
    store_id: UUID
    state: NegotiationState
    listing: ListingView
    delivery: DeliveryKind
    limits: MerchantLimits
    buyer: BuyerStanding
    eligible: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class OrderCase:
    """An order, its parties, and its review window's state, if it has one."""

    listing_id: UUID
    store_id: UUID
    buyer_id: UUID
    seller_id: UUID
    state: OrderState
    window_status: ReviewWindowStatus | None
    window_closes_at: datetime | None
    now: datetime


_listing, _store = Listing.table, Store.table
_limits, _agent_limits = ListingLimits.table, AgentLimits.table
_BUYER = bindparam("buyer_id", type_=Uuid())
_NOW = func.clock_timestamp().label("now")
_SELLING = (
    _listing.c.listing_id,
    _listing.c.store_id,
    _store.c.owner_merchant_id,
    _listing.c.price_cents.label("list_price"),
    _listing.c.currency,
    _listing.c.inventory_on_hand,
    _listing.c.status.label("listing_status"),
    _store.c.status.label("store_status"),
    _listing.c.delivery,
)


def _selling(row: Any) -> ListingView:
    return ListingView(row.list_price, row.inventory_on_hand, row.listing_status, row.store_status)


def _buyer(buyer_id: ColumnElement[UUID], without: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """What the rules read of a buyer of the listing."""
    own, wide = InteractionEvidence.table, StoreInteractionEvidence.table
    eligible = or_(
        exists().where(own.c.customer_id == buyer_id, own.c.listing_id == _listing.c.listing_id),
        exists().where(wide.c.customer_id == buyer_id, wide.c.store_id == _listing.c.store_id),
    )
    return (
        _agent_limits.c.max_open_negotiations,
        _agent_limits.c.spend_cap_cents,
        open_negotiations(buyer_id).label("open_negotiations"),
        committed_cents(buyer_id, _listing.c.currency, without).label("committed_cents"),
        eligible.label("eligible"),
    )


def _listing_case() -> Select[Any]:
    offer, bargain = Offer.table.alias("standing"), Negotiation.table.alias("bargained")
    standing = (
        select(offer.c.offer_id)
        .select_from(offer.join(bargain, bargain.c.negotiation_id == offer.c.negotiation_id))
        .where(
            bargain.c.buyer_customer_id == _BUYER,
            bargain.c.listing_id == _listing.c.listing_id,
            bargain.c.status == PROPOSED,
            offer.c.status == PROPOSED,
        )
    )
    sold = _listing.join(_store, _store.c.store_id == _listing.c.store_id)
    return (
        select(*_SELLING, *_buyer(_BUYER, null()), standing.scalar_subquery().label("standing_offer_id"), _NOW)
        .select_from(sold.outerjoin(_agent_limits, _agent_limits.c.agent_id == _BUYER))
        .where(_listing.c.listing_id == bindparam("listing_id"))
    )


def _offer_case() -> Select[Any]:
    """A row for each round, the oldest first."""
    asked, rounds, bargain = Offer.table.alias("asked"), Offer.table.alias("rounds"), Negotiation.table
    return (
        select(
            *(rounds.c[column.name] for column in Offer.columns),
            bargain.c.close_reason.label("negotiation_close_reason"),
            *_SELLING,
            _limits.c.floor_cents,
            _limits.c.auto_accept_cents,
            _limits.c.auto_decline_cents,
            *_buyer(bargain.c.buyer_customer_id, bargain.c.negotiation_id),
            _NOW,
        )
        .select_from(
            asked.join(bargain, bargain.c.negotiation_id == asked.c.negotiation_id)
            .join(rounds, rounds.c.negotiation_id == bargain.c.negotiation_id)
            .join(_listing, _listing.c.listing_id == bargain.c.listing_id)
            .join(_store, _store.c.store_id == _listing.c.store_id)
            .outerjoin(_limits, _limits.c.listing_id == _listing.c.listing_id)
            .outerjoin(_agent_limits, _agent_limits.c.agent_id == bargain.c.buyer_customer_id)
        )
        .where(asked.c.offer_id == bindparam("offer_id"))
        .order_by(rounds.c.round)
    )


def _order_case() -> Select[Any]:
    order, window = Order.table, ReviewWindow.table
    return (
        select(
            *Order.columns,
            _store.c.owner_merchant_id,
            window.c.status.label("window_status"),
            window.c.closes_at.label("window_closes_at"),
            _NOW,
        )
        .select_from(
            order.join(_store, _store.c.store_id == order.c.store_id).outerjoin(
                window, window.c.order_id == order.c.order_id
            )
        )
        .where(order.c.order_id == bindparam("order_id"))
    )


_LISTING_CASE = Query(_listing_case())
_OFFER_CASE, _ORDER_CASE = Query(_offer_case(), Offer, Columns), Query(_order_case(), Order, Columns)


async def get_listing_case(transaction: Transaction, listing_id: UUID, buyer_id: UUID) -> ListingCase | None:
    row = await transaction.one_or_none(_LISTING_CASE, listing_id=listing_id, buyer_id=buyer_id)
    if row is None:
        return None
    return ListingCase(
        listing_id=row.listing_id,
        store_id=row.store_id,
        currency=row.currency,
        listing=_selling(row),
        delivery=row.delivery,
        buyer=buyer_standing(row),
        eligible=row.eligible,
        standing_offer_id=row.standing_offer_id,
        now=row.now,
    )


async def get_offer_case(transaction: Transaction, offer_id: UUID) -> OfferCase | None:
    """None when the offer is not the caller's to see."""
    rows = await transaction.rows(_OFFER_CASE, offer_id=offer_id)
    if not rows:
        return None
    latest, row = rows[-1]
    return OfferCase(
        negotiation_id=latest.negotiation_id,
        listing_id=row.listing_id,
        store_id=row.store_id,
        state=NegotiationState(
            buyer_id=latest.buyer_customer_id,
            seller_id=row.owner_merchant_id,
            offers=tuple(offer_view(offer) for offer, _ in rows),
            spent=row.negotiation_close_reason == CloseReason.PURCHASED,
        ),
        listing=_selling(row),
        delivery=row.delivery,
        limits=MerchantLimits(row.floor_cents, row.auto_accept_cents, row.auto_decline_cents),
        buyer=buyer_standing(row),
        eligible=row.eligible,
        now=row.now,
    )


async def get_order_case(transaction: Transaction, order_id: UUID) -> OrderCase | None:
    """None when the order is not the caller's to see."""
    found = await transaction.one_or_none(_ORDER_CASE, order_id=order_id)
    if found is None:
        return None
    order, row = found
    return OrderCase(
        listing_id=order.listing_id,
        store_id=order.store_id,
        buyer_id=order.buyer_customer_id,
        seller_id=row.owner_merchant_id,
        state=order_state(order),
        window_status=row.window_status,
        window_closes_at=row.window_closes_at,
        now=row.now,
    )
