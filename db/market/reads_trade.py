"""Reads of offers and orders for answers, as their viewer may see them: row-level security shows no one else's.

A customer is a buyer and never owns a store, a merchant the reverse, and the database holds both to it. So an agent
has one side only, and no read looks for both.
"""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, DateTime, Select, Uuid, bindparam, case, select, true, tuple_

from db.market.tables import Offer, Order, Store
from db.reading import LIMIT, Read, Reads, Row
from domain.market.errors import OFFER_NOT_FOUND, ORDER_NOT_FOUND
from domain.market.states import AgentType, OfferStatus, OrderStatus, Party

Place = tuple[datetime, UUID]
"""Where a list goes on: when the last one shown was made, and its id."""

_AGENT: BindParameter[UUID] = bindparam("agent_id", type_=Uuid)
_PLACE = tuple_(bindparam("made_at", type_=DateTime(timezone=True)), bindparam("after_id", type_=Uuid))
_OFFER = (
    Offer.offer_id,
    Offer.negotiation_id,
    Offer.listing_id,
    Offer.buyer_customer_id,
    Offer.seller_store_id,
    Offer.proposed_price_cents,
    Offer.currency,
    Offer.quantity,
    Offer.buyer_message,
    case((Offer.proposed_by == Party.BUYER, Offer.buyer_message), else_=Offer.seller_message).label("message"),
    Offer.status,
    Offer.round,
    Offer.proposed_by,
    (Offer.status == OfferStatus.PROPOSED).label("standing"),
    Offer.created_at,
    Offer.expires_at,
    Offer.accepted_at,
    Offer.rejected_at,
    Offer.closed_at,
    Offer.close_reason,
    Offer.superseded_by,
    Offer.purchase_by,
)
_ORDER = (
    Order.order_id,
    Order.buyer_customer_id,
    Order.store_id,
    Order.listing_id,
    Order.quantity,
    Order.unit_price_cents,
    Order.total_price_cents,
    Order.currency,
    Order.status,
    Order.delivery,
    Order.placed_at,
    Order.promised_at,
    Order.delivered_at,
    Order.source_offer_id,
    Order.refund_requested_at,
    Order.refund_request_reason,
    Order.refund_answer_due_at,
    Order.refund_declined_at,
    Order.refunded_at,
    Order.refund_reason,
    Order.return_window_closes_at,
)
_ONE_OFFER = Read(select(*_OFFER).where(Offer.offer_id == bindparam("offer_id")))
_ONE_ORDER = Read(select(*_ORDER).where(Order.order_id == bindparam("order_id")))
_WANTED: dict[str, ColumnElement[bool]] = {
    "offer_status": Offer.status == bindparam("offer_status"),
    "listing_id": Offer.listing_id == bindparam("listing_id"),
    "order_status": Order.status == bindparam("order_status"),
}


def side_of(agent_type: AgentType) -> Party:
    """The one side an agent can be on."""
    return Party.SELLER if agent_type is AgentType.MERCHANT else Party.BUYER


async def read_offer(reads: Reads, viewer: UUID, offer_id: UUID) -> Row:
    """Raises offer.not_found, also when it is not the viewer's to see."""
    [rows] = await reads.together((_ONE_OFFER, {"offer_id": offer_id}), viewer=viewer)
    if not rows:
        raise OFFER_NOT_FOUND.error()
    return rows[0]


async def read_order(reads: Reads, viewer: UUID, order_id: UUID) -> Row:
    """Raises order.not_found, also when it is not the viewer's to see."""
    [rows] = await reads.together((_ONE_ORDER, {"order_id": order_id}), viewer=viewer)
    if not rows:
        raise ORDER_NOT_FOUND.error()
    return rows[0]


def _of_buyer(
    shown: tuple[Any, ...], buyer: Any, order: tuple[Any, Any], wanted: list[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    newest_first = (column.desc() for column in order)
    return select(*shown).where(buyer == _AGENT, *wanted).order_by(*newest_first).limit(LIMIT)


def _of_seller(
    shown: tuple[Any, ...], store: Any, order: tuple[Any, Any], wanted: list[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    """The newest of each of the seller's stores by its index, and of these the newest."""
    newest_first = (column.desc() for column in order)
    of_store = select(*shown).where(store == Store.store_id, *wanted).order_by(*newest_first).limit(LIMIT)
    each = of_store.correlate(Store).lateral("each")
    query = select(*each.c).select_from(Store).join(each, true()).where(Store.owner_merchant_id == _AGENT)
    return query.order_by(*(each.c[column.key].desc() for column in order)).limit(LIMIT)


@cache
def _page(kind: type[Offer | Order], party: Party, given: frozenset[str]) -> Read:
    """Compiled once for each combination of what is given."""
    wanted = [_WANTED[name] for name in sorted(given - {"made_at", "after_id"})]
    shown: tuple[Any, ...]
    if kind is Offer:
        place = (Offer.created_at, Offer.offer_id)
        shown, buyer, store = _OFFER, Offer.buyer_customer_id, Offer.seller_store_id
    else:
        place = (Order.placed_at, Order.order_id)
        shown, buyer, store = _ORDER, Order.buyer_customer_id, Order.store_id
    if "made_at" in given:
        wanted.append(tuple_(*place) < _PLACE)
    if party is Party.BUYER:
        return Read(_of_buyer(shown, buyer, place, wanted))
    return Read(_of_seller(shown, store, place, wanted))


async def _read_page(
    reads: Reads, kind: type[Offer | Order], agent_id: UUID, party: Party, after: Place | None, values: dict[str, Any]
) -> list[Row]:
    values = {name: value for name, value in values.items() if value is not None}
    if after is not None:
        values["made_at"], values["after_id"] = after
    read = _page(kind, party, frozenset(values) - {"limit"})
    [rows] = await reads.together((read, {"agent_id": agent_id, **values}), viewer=agent_id)
    return rows


async def read_offers(
    reads: Reads,
    agent_id: UUID,
    party: Party,
    status: OfferStatus | None,
    listing_id: UUID | None,
    after: Place | None,
    limit: int,
) -> list[Row]:
    """The agent's offers on one side, newest first."""
    wanted = {"offer_status": status, "listing_id": listing_id, "limit": limit}
    return await _read_page(reads, Offer, agent_id, party, after, wanted)


async def read_orders(
    reads: Reads, agent_id: UUID, party: Party, status: OrderStatus | None, after: Place | None, limit: int
) -> list[Row]:
    """The agent's orders on one side, newest first."""
    return await _read_page(reads, Order, agent_id, party, after, {"order_status": status, "limit": limit})
