"""Reading one agent's private events in commit order, and the terms that go with them.

Under the API's role row-level security shows an agent its own rows only; under the worker's it shows all. So
every query here names its agent besides, and terms are read only of offers and orders it is a party to.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Uuid, bindparam, or_, select

from db.market.tables import InboxEvent, Offer, Order, Store
from db.platform.commit_order import position_of
from db.platform.events import DUE_AT
from db.platform.statements import among, find
from db.platform.transactions import Transaction
from domain.market.feeds import InboxItem, OfferTerms, OrderTerms
from domain.market.states import Party
from domain.platform.cursors import encode_cursor
from domain.platform.events import PrivateEvent

_AGENT = bindparam("agent_id", type_=Uuid())


async def inbox_items(transaction: Transaction, agent_id: UUID, events: Sequence[InboxEvent]) -> list[InboxItem]:
    """An agent's events as that agent may see them, in the same order; two queries for all terms.

    Raises ValueError for an event of another agent.
    """
    if any(event.agent_id != agent_id for event in events):
        raise ValueError("an inbox event is shown to its own agent only")
    offers = await _offers(transaction, agent_id, {event.offer_id for event in events if event.offer_id})
    orders = await _orders(transaction, agent_id, {event.order_id for event in events if event.order_id})
    return [_item(event, offers, orders) for event in events]


def _is_party(buyer: Column[UUID], store: Column[UUID]) -> ColumnElement[bool]:
    return or_(buyer == _AGENT, store.in_(select(Store.c.store_id).where(Store.c.owner_merchant_id == _AGENT)))


_OFFERS = find(Offer, among(Offer.c.offer_id, "wanted"), _is_party(Offer.c.buyer_customer_id, Offer.c.seller_store_id))
_ORDERS = find(Order, among(Order.c.order_id, "wanted"), _is_party(Order.c.buyer_customer_id, Order.c.store_id))


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
