"""Reading one agent's private events in commit order, and the terms that go with them.

Under the API's role row-level security shows an agent its own rows only; under the worker's it shows all. So
every query here names its agent besides, and terms are read only of offers and orders it is a party to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, Select, Uuid, any_, bindparam, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import InboxEvent, Offer, Order, Store
from db.platform.commit_order import HORIZON, START, Position, after, before, position_of, settled
from db.platform.events import DUE_AT
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.feeds import InboxItem, OfferTerms, OrderTerms
from domain.market.states import Party
from domain.platform.cursors import encode_cursor
from domain.platform.events import PrivateEvent


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which events a reader wants; no types are all of them."""

    types: frozenset[PrivateEvent] = frozenset()


def _settled(agent_id: UUID, wanted: InboxFilter) -> Select[InboxEvent]:
    query = settled(InboxEvent).where(InboxEvent.c.agent_id == agent_id)
    if wanted.types:
        query = query.where(InboxEvent.c.type.in_(sorted(wanted.types)))
    return query


async def list_inbox_after(
    session: AsyncSession, agent_id: UUID, place: Position, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events after a place, oldest first."""
    return list(await session.scalars(after(_settled(agent_id, wanted), InboxEvent, place, limit)))


async def list_inbox_before(
    session: AsyncSession, agent_id: UUID, place: Position | None, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events before a place (or the newest there are), newest first."""
    return list(await session.scalars(before(_settled(agent_id, wanted), InboxEvent, place, limit)))


async def newest_inbox_position(session: AsyncSession, agent_id: UUID) -> Position:
    """The place of an agent's last settled event, from which "now" is read on."""
    newest = await list_inbox_before(session, agent_id, None, 1, InboxFilter())
    return position_of(newest[0]) if newest else START


@dataclass(frozen=True, slots=True)
class Stir:
    """Who got something. ``upto``: every transaction below it is counted; ``unsettled``: more is committed."""

    agents: frozenset[UUID]
    upto: int
    unsettled: bool


async def find_stir(session: AsyncSession, since: int) -> Stir:
    """Which of the transaction's watchers got an event by a settled transaction from ``since`` on, and no content."""
    # Cast, so that the list is read once and not for every row.
    watchers = cast(select(func.souk_watchers()).scalar_subquery(), ARRAY(Uuid))
    query = select(
        HORIZON,
        func.array_agg(InboxEvent.c.agent_id.distinct()).filter(InboxEvent.c.txid < HORIZON),
        func.coalesce(func.bool_or(InboxEvent.c.txid >= HORIZON), False),
    ).where(InboxEvent.c.agent_id == any_(watchers), InboxEvent.c.txid >= since)
    upto, stirred, unsettled = (await session.execute(query)).one()
    return Stir(frozenset(stirred or ()), upto, unsettled)


async def get_horizon(session: AsyncSession) -> int:
    """The oldest transaction still running: all below it are settled."""
    return int((await session.execute(select(HORIZON))).scalar_one())


async def inbox_items(session: AsyncSession, agent_id: UUID, events: Sequence[InboxEvent]) -> list[InboxItem]:
    """An agent's events as that agent may see them, in the same order; two queries for all terms.

    Raises ValueError for an event of another agent.
    """
    if any(event.agent_id != agent_id for event in events):
        raise ValueError("an inbox event is shown to its own agent only")
    transaction = await Transaction.of(session)
    offers = await _offers(transaction, agent_id, {event.offer_id for event in events if event.offer_id})
    orders = await _orders(transaction, agent_id, {event.order_id for event in events if event.order_id})
    return [_item(event, offers, orders) for event in events]


_AGENT = bindparam("agent_id", type_=Uuid())
_WANTED = any_(bindparam("wanted", type_=ARRAY(Uuid())))


def _is_party(buyer: Column[UUID], store: Column[UUID]) -> ColumnElement[bool]:
    return or_(buyer == _AGENT, store.in_(select(Store.c.store_id).where(Store.c.owner_merchant_id == _AGENT)))


_OFFERS = Query(
    select(*Offer.columns).where(
        Offer.c.offer_id == _WANTED, _is_party(Offer.c.buyer_customer_id, Offer.c.seller_store_id)
    ),
    Offer,
)
_ORDERS = Query(
    select(*Order.columns).where(Order.c.order_id == _WANTED, _is_party(Order.c.buyer_customer_id, Order.c.store_id)),
    Order,
)


async def _offers(transaction: Transaction, agent_id: UUID, wanted: set[UUID]) -> dict[UUID, OfferTerms]:
    rows = await transaction.rows(_OFFERS, agent_id=agent_id, wanted=list(wanted)) if wanted else []
    return {row.offer_id: _offer_terms(row) for row in rows}


def _offer_terms(offer: Offer) -> OfferTerms:
    own = {name: getattr(offer, name) for name in OfferTerms.model_fields if name != "message"}
    by_buyer = offer.proposed_by is Party.BUYER
    return OfferTerms(**own, message=offer.buyer_message if by_buyer else offer.seller_message)


async def _orders(transaction: Transaction, agent_id: UUID, wanted: set[UUID]) -> dict[UUID, OrderTerms]:
    rows = await transaction.rows(_ORDERS, agent_id=agent_id, wanted=list(wanted)) if wanted else []
    return {row.order_id: OrderTerms.model_validate(row) for row in rows}


def _item(event: InboxEvent, offers: dict[UUID, OfferTerms], orders: dict[UUID, OrderTerms]) -> InboxItem:
    meta = dict(event.meta)
    return InboxItem(
        inbox_event_id=event.inbox_event_id,
        type=PrivateEvent.named(event.type),
        created_at=event.created_at,
        store_id=event.store_id,
        listing_id=event.listing_id,
        thread_id=event.thread_id,
        message_id=event.message_id,
        offer_id=event.offer_id,
        order_id=event.order_id,
        review_id=event.review_id,
        due_at=meta.pop(DUE_AT, None),
        meta=meta,
        offer=offers.get(event.offer_id) if event.offer_id else None,
        order=orders.get(event.order_id) if event.order_id else None,
        cursor=encode_cursor(*position_of(event)),
    )
