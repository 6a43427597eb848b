"""What a page needs to tell an event in words: the names and texts behind its ids, read for many events at once.

Everything read here is public. No table that holds a term of an offer is touched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, Uuid, any_, bindparam, func, select

from db.market.tables import (
    ActivityEvent,
    Agent,
    Listing,
    Message,
    Product,
    Review,
    Store,
    StoreUpdate,
    Thread,
    TrustEvent,
)
from db.platform.rows import AnyRow
from db.platform.statements import Found, Query, among, find
from db.platform.transactions import Transaction
from domain.market.trust import TrustReason

EXCERPT_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class TrustMove:
    """All steps that one fold made of a store's trust, as one move (milli-points)."""

    before_milli: int
    after_milli: int
    reasons: list[TrustReason]


@dataclass(frozen=True, slots=True)
class Story:
    """An event with what its ids stand for; a name is None where the event has no such id."""

    event: ActivityEvent
    actor: str | None
    store: str | None
    listing: str | None
    currency: str | None
    thread: str | None
    excerpt: str | None
    review: Review | None
    update: StoreUpdate | None
    trust: TrustMove | None


def _named(key: Column[Any], value: ColumnElement[Any]) -> Query[tuple[UUID, str]]:
    return Query(select(key, value).where(among(key, "ids")), UUID, str)


def _rows_of(row: type[AnyRow]) -> Query[AnyRow]:
    [key] = row.table.primary_key
    return find(row, among(row.c[key.name], "ids"))


_AGENTS = _named(Agent.c.agent_id, Agent.c.display_name)
_STORES = _named(Store.c.store_id, Store.c.name)
_THREADS = _named(Thread.c.thread_id, Thread.c.title)
_BODIES = _named(Message.c.message_id, func.left(Message.c.body, EXCERPT_CHARACTERS + 1))
_REVIEWS, _UPDATES = _rows_of(Review), _rows_of(StoreUpdate)
_GOODS = Query(
    select(Listing.c.listing_id, Product.c.title, Listing.c.currency)
    .join(Product.table, Product.c.product_id == Listing.c.product_id)
    .where(among(Listing.c.listing_id, "ids")),
    UUID,
    str,
    str,
)
_named_step = TrustEvent.table.alias("named")
_STEPS = Query(
    select(_named_step.c.trust_event_id, *TrustEvent.columns)
    .join(
        TrustEvent.table,
        (TrustEvent.c.store_id == _named_step.c.store_id) & (TrustEvent.c.fold == _named_step.c.fold),
    )
    .where(_named_step.c.trust_event_id == any_(bindparam("ids", type_=ARRAY(Uuid()))))
    .order_by(TrustEvent.c.store_id, TrustEvent.c.sequence),
    UUID,
    TrustEvent,
)


async def _found(transaction: Transaction, query: Query[Found], ids: Iterable[UUID | None]) -> list[Found]:
    wanted = {key for key in ids if key is not None}
    return await transaction.rows(query, ids=list(wanted)) if wanted else []


async def agent_names(transaction: Transaction, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    return dict(await _found(transaction, _AGENTS, ids))


async def list_goods(transaction: Transaction, ids: Iterable[UUID | None]) -> dict[UUID, tuple[str, str]]:
    """Title and currency of listings."""
    return {key: (title, currency) for key, title, currency in await _found(transaction, _GOODS, ids)}


async def tell(transaction: Transaction, events: Sequence[ActivityEvent]) -> list[Story]:
    """The stories of events, in their order. A handful of queries, however many events."""
    agents = await agent_names(transaction, (e.actor_agent_id for e in events))
    stores = dict(await _found(transaction, _STORES, (e.store_id for e in events)))
    goods = await list_goods(transaction, (e.listing_id for e in events))
    threads = dict(await _found(transaction, _THREADS, (e.thread_id for e in events)))
    bodies = dict(await _found(transaction, _BODIES, (e.message_id for e in events)))
    reviews = {row.review_id: row for row in await _found(transaction, _REVIEWS, (e.review_id for e in events))}
    noted = await _found(transaction, _UPDATES, (e.store_update_id for e in events))
    updates = {row.store_update_id: row for row in noted}
    moves = await _moves(transaction, (e.trust_event_id for e in events))
    return [
        Story(
            event=event,
            actor=_of(agents, event.actor_agent_id),
            store=_of(stores, event.store_id),
            listing=(_of(goods, event.listing_id) or (None, None))[0],
            currency=(_of(goods, event.listing_id) or (None, None))[1],
            thread=_of(threads, event.thread_id),
            excerpt=_short(_of(bodies, event.message_id)),
            review=_of(reviews, event.review_id),
            update=_of(updates, event.store_update_id),
            trust=_of(moves, event.trust_event_id),
        )
        for event in events
    ]


async def _moves(transaction: Transaction, ids: Iterable[UUID | None]) -> dict[UUID, TrustMove]:
    """The folds that steps belong to: an event names one step, a fold makes several."""
    folds: dict[UUID, list[TrustEvent]] = {}
    for step_id, step in await _found(transaction, _STEPS, ids):
        folds.setdefault(step_id, []).append(step)
    return {
        step_id: TrustMove(
            before_milli=fold[0].overall_before_milli,
            after_milli=fold[-1].overall_after_milli,
            reasons=list(dict.fromkeys(step.reason for step in fold)),
        )
        for step_id, fold in folds.items()
    }


def _of(found: dict[UUID, Any], key: UUID | None) -> Any:
    return None if key is None else found.get(key)


def _short(text: str | None) -> str | None:
    if text is not None and len(text) > EXCERPT_CHARACTERS:
        return text[:EXCERPT_CHARACTERS].rstrip() + " …"
    return text
