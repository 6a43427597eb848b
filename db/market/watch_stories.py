"""What a page needs to tell an event in words: the names and texts behind its ids, read for many events at once.

Everything read here is public. No table that holds a term of an offer is touched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

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


async def _names(
    session: AsyncSession,
    key: Column[Any],
    value: Any,
    ids: Iterable[UUID | None],
) -> dict[UUID, str]:
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    return {row[0]: row[1] for row in await session.execute(select(key, value).where(key.in_(wanted)))}


async def _rows(
    session: AsyncSession, kind: type[Any], key: Column[Any], ids: Iterable[UUID | None]
) -> dict[UUID, Any]:
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    rows = await session.execute(select(*kind.columns).where(key.in_(wanted)))
    return {getattr(row, key.key): row for row in rows}


async def agent_names(session: AsyncSession, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    return await _names(session, Agent.c.agent_id, Agent.c.display_name, ids)


async def list_goods(session: AsyncSession, ids: Iterable[UUID | None]) -> dict[UUID, tuple[str, str]]:
    """Title and currency of listings."""
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    query = (
        select(Listing.c.listing_id, Product.c.title, Listing.c.currency)
        .join(Product, Product.c.product_id == Listing.c.product_id)
        .where(Listing.c.listing_id.in_(wanted))
    )
    return {row[0]: (row[1], row[2]) for row in await session.execute(query)}


async def tell(session: AsyncSession, events: Sequence[ActivityEvent]) -> list[Story]:
    """The stories of events, in their order. A handful of queries, however many events."""
    agents = await agent_names(session, (e.actor_agent_id for e in events))
    stores = await _names(session, Store.c.store_id, Store.c.name, (e.store_id for e in events))
    goods = await list_goods(session, (e.listing_id for e in events))
    threads = await _names(session, Thread.c.thread_id, Thread.c.title, (e.thread_id for e in events))
    body = func.left(Message.c.body, EXCERPT_CHARACTERS + 1)
    bodies = await _names(session, Message.c.message_id, body, (e.message_id for e in events))
    reviews = await _rows(session, Review, Review.c.review_id, (e.review_id for e in events))
    updates = await _rows(session, StoreUpdate, StoreUpdate.c.store_update_id, (e.store_update_id for e in events))
    moves = await _moves(session, {e.trust_event_id for e in events if e.trust_event_id is not None})
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


async def _moves(session: AsyncSession, ids: set[UUID]) -> dict[UUID, TrustMove]:
    """The folds that steps belong to: an event names one step, a fold makes several."""
    if not ids:
        return {}
    named = {row.trust_event_id: row for row in await session.scalars(_steps(TrustEvent.c.trust_event_id.in_(ids)))}
    folds = tuple_(TrustEvent.c.store_id, TrustEvent.c.fold).in_({(row.store_id, row.fold) for row in named.values()})
    steps: dict[tuple[UUID, int], list[TrustEvent]] = {}
    for step in await session.scalars(_steps(folds)):
        steps.setdefault((step.store_id, step.fold), []).append(step)
    return {
        step_id: TrustMove(
            before_milli=fold[0].overall_before_milli,
            after_milli=fold[-1].overall_after_milli,
            reasons=list(dict.fromkeys(step.reason for step in fold)),
        )
        for step_id, row in named.items()
        for fold in [steps[row.store_id, row.fold]]
    }


def _steps(condition: ColumnElement[bool]) -> Select[TrustEvent]:
    return select(TrustEvent).where(condition).order_by(TrustEvent.c.store_id, TrustEvent.c.sequence)


def _of(found: dict[UUID, Any], key: UUID | None) -> Any:
    return None if key is None else found.get(key)


def _short(text: str | None) -> str | None:
    if text is not None and len(text) > EXCERPT_CHARACTERS:
        return text[:EXCERPT_CHARACTERS].rstrip() + " …"
    return text
