"""Reads of offers, orders and reviews in the shape of their answers, as a viewer may see them.

Row-level security shows nobody another's offers and orders; reviews are public.

A customer is a buyer and never owns a store, a merchant the reverse, and the database holds both to it. So an agent
has one side only, and no read looks for both.
"""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, DateTime, Select, Uuid, bindparam, case, select, true, tuple_

from db.market.tables import Offer, Order, Review, Store
from db.platform.database import Database
from db.platform.reading import LIMIT, One, Row
from db.platform.statements import Read
from domain.market.errors import OFFER_NOT_FOUND, ORDER_NOT_FOUND, REVIEW_NOT_FOUND
from domain.market.feeds import ShownOffer, ShownOrder, ShownReview
from domain.market.states import OfferStatus, OrderStatus, Party
from domain.platform.identity import AgentType

Place = tuple[datetime, UUID]
"""Where a list goes on: when the last one shown was made, and its id."""

_AGENT: BindParameter[UUID] = bindparam("agent_id", type_=Uuid)
_PLACE = tuple_(bindparam("made_at", type_=DateTime(timezone=True)), bindparam("after_id", type_=Uuid))
_offer, _order, _review = Offer.table, Order.table, Review.table
_BESIDE = {
    "message": case((_offer.c.proposed_by == Party.BUYER, _offer.c.buyer_message), else_=_offer.c.seller_message),
    "standing": _offer.c.status == OfferStatus.PROPOSED,
}
_OFFER = tuple(_BESIDE[name].label(name) if name in _BESIDE else _offer.c[name] for name in ShownOffer.model_fields)
_ORDER = tuple(_order.c[name] for name in ShownOrder.model_fields)
_REVIEW = tuple(_review.c[name] for name in ShownReview.model_fields)
_ONE_OFFER = Read(select(*_OFFER).where(_offer.c.offer_id == bindparam("offer_id")))
_ONE_ORDER = Read(select(*_ORDER).where(_order.c.order_id == bindparam("order_id")))
_ONE_REVIEW = Read(select(*_REVIEW).where(_review.c.review_id == bindparam("review_id")))
_WANTED: dict[str, ColumnElement[bool]] = {
    "offer_status": Offer.c.status == bindparam("offer_status"),
    "listing_id": Offer.c.listing_id == bindparam("listing_id"),
    "order_status": Order.c.status == bindparam("order_status"),
}


def side_of(agent_type: AgentType) -> Party:
    """The one side an agent can be on."""
    return Party.SELLER if agent_type is AgentType.MERCHANT else Party.BUYER


def the_offer(offer_id: UUID) -> One:
    """offer.not_found, also when it is not the viewer's to see."""
    return One(_ONE_OFFER, {"offer_id": offer_id}, OFFER_NOT_FOUND)


def the_order(order_id: UUID) -> One:
    """order.not_found, also when it is not the viewer's to see."""
    return One(_ONE_ORDER, {"order_id": order_id}, ORDER_NOT_FOUND)


def the_review(review_id: UUID) -> One:
    """review.not_found. A review is public."""
    return One(_ONE_REVIEW, {"review_id": review_id}, REVIEW_NOT_FOUND)


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
    of_store = select(*shown).where(store == Store.c.store_id, *wanted).order_by(*newest_first).limit(LIMIT)
    each = of_store.correlate(Store.table).lateral("each")
    query = select(*each.c).select_from(Store.table).join(each, true()).where(Store.c.owner_merchant_id == _AGENT)
    return query.order_by(*(each.c[column.key].desc() for column in order)).limit(LIMIT)


@cache
def _page(kind: type[Offer | Order], party: Party, given: frozenset[str]) -> Read:
    """Compiled once for each combination of what is given."""
    wanted = [_WANTED[name] for name in sorted(given - {"made_at", "after_id"})]
    shown: tuple[Any, ...]
    if kind is Offer:
        place = (Offer.c.created_at, Offer.c.offer_id)
        shown, buyer, store = _OFFER, Offer.c.buyer_customer_id, Offer.c.seller_store_id
    else:
        place = (Order.c.placed_at, Order.c.order_id)
        shown, buyer, store = _ORDER, Order.c.buyer_customer_id, Order.c.store_id
    if "made_at" in given:
        wanted.append(tuple_(*place) < _PLACE)
    if party is Party.BUYER:
        return Read(_of_buyer(shown, buyer, place, wanted))
    return Read(_of_seller(shown, store, place, wanted))


async def _read_page(
    reads: Database,
    kind: type[Offer | Order],
    agent_id: UUID,
    party: Party,
    after: Place | None,
    values: dict[str, Any],
) -> list[Row]:
    values = {name: value for name, value in values.items() if value is not None}
    if after is not None:
        values["made_at"], values["after_id"] = after
    read = _page(kind, party, frozenset(values) - {"limit"})
    [rows] = await reads.together((read, {"agent_id": agent_id, **values}), viewer=agent_id)
    return rows


async def read_offers(
    reads: Database,
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
    reads: Database, agent_id: UUID, party: Party, status: OrderStatus | None, after: Place | None, limit: int
) -> list[Row]:
    """The agent's orders on one side, newest first."""
    return await _read_page(reads, Order, agent_id, party, after, {"order_status": status, "limit": limit})
