"""Reads of the public pages: a store's trust step by step, a listing's prices, what became of offers pointed to.

The status of an offer is read only where a public reference points to it, through a view that has no term.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, column, func, or_, select, table, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.reads_trust import list_trust_events
from db.market.tables import (
    ActivityEvent,
    Listing,
    Message,
    OfferReference,
    Review,
    Store,
    StoreUpdate,
    Thread,
    TrustEvent,
)
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.states import ActivityType, ListingStatus, OfferStatus, StoreStatus, ThreadType

_REFERENCES = table("offer_reference_states", column("offer_ref_id"), column("listing_id"), column("status"))


@dataclass(frozen=True, slots=True)
class TrustSteps:
    """The newest steps of a store's trust, oldest first, and the score they start from (milli-points)."""

    start_milli: int
    steps: list[TrustEvent]
    earlier: int
    review_places: dict[UUID, tuple[UUID, UUID]]
    """Thread and message of each review among the steps."""

    @property
    def sum_milli(self) -> int:
        """The start and every shown step: the score of the store."""
        return self.start_milli + sum(step.overall_after_milli - step.overall_before_milli for step in self.steps)


async def get_trust_steps(session: AsyncSession, store_id: UUID, overall_milli: int, limit: int) -> TrustSteps:
    """``overall_milli`` is the score of a store without any step."""
    newest = await list_trust_events(session, store_id, None, limit, newest_first=True)
    steps = newest[::-1]
    reviews = {step.linked_review_id for step in steps if step.linked_review_id is not None}
    query = (
        select(Review.c.review_id, Message.c.thread_id, Message.c.message_id)
        .join(Message, Message.c.message_id == Review.c.message_id)
        .where(Review.c.review_id.in_(reviews))
    )
    places = {row[0]: (row[1], row[2]) for row in await session.execute(query)} if reviews else {}
    start = steps[0].overall_before_milli if steps else overall_milli
    return TrustSteps(start, steps, steps[0].sequence - 1 if steps else 0, places)


async def get_rating(session: AsyncSession, listing_id: UUID) -> tuple[int, float] | None:
    """How many reviews a listing's orders have, and their mean rating; None without any."""
    query = (
        select(func.count(), func.avg(Review.c.rating))
        .join(Message, Message.c.message_id == Review.c.message_id)
        .join(Thread, Thread.c.thread_id == Message.c.thread_id)
        .where(Thread.c.context_listing_id == listing_id, Thread.c.type == ThreadType.REVIEW)
    )
    number, mean = (await session.execute(query)).one()
    return (number, float(mean)) if number else None


PagePlace = tuple[str, UUID, datetime]
"""The first part of a page's path, its id, and when it changed last."""


async def list_page_places(session: AsyncSession, limit: int) -> list[PagePlace]:
    """The newest pages: so many open stores, listings on sale, and threads at most."""
    stores = select(Store.c.store_id, Store.c.updated_at).where(Store.c.status != StoreStatus.CLOSED)
    listings = select(Listing.c.listing_id, Listing.c.updated_at).where(Listing.c.status == ListingStatus.ACTIVE)
    # A thread's last answer is not worth a look at all messages.
    threads = select(Thread.c.thread_id, Thread.c.created_at)
    found: list[PagePlace] = []
    for kind, query, key in (
        ("stores", stores, Store.c.store_id),
        ("listings", listings, Listing.c.listing_id),
        ("threads", threads, Thread.c.thread_id),
    ):
        rows = await session.execute(query.order_by(key.desc()).limit(limit))
        found += [(kind, row[0], row[1]) for row in rows]
    return found


async def list_prices(session: AsyncSession, listing_id: UUID, limit: int) -> list[StoreUpdate]:
    """The newest price changes of a listing, oldest first."""
    query = (
        select(StoreUpdate)
        .where(StoreUpdate.c.linked_listing_id == listing_id, StoreUpdate.c.field_name == "price_cents")
        .order_by(StoreUpdate.c.created_at.desc(), StoreUpdate.c.store_update_id.desc())
        .limit(limit)
    )
    return list(await session.scalars(query))[::-1]


_OF_LISTING = Query(
    select(*OfferReference.columns, _REFERENCES.c.status)
    .join(_REFERENCES, _REFERENCES.c.offer_ref_id == OfferReference.c.offer_ref_id)
    .where(_REFERENCES.c.listing_id == bindparam("listing_id", type_=Uuid()))
    .order_by(OfferReference.c.offer_ref_id.desc())
    .limit(bindparam("limit")),
    OfferReference,
    str,
)


@dataclass(frozen=True, slots=True)
class ShownReference:
    """A public reference and the state of the offer it points to."""

    reference: OfferReference
    status: OfferStatus


async def list_listing_references(session: AsyncSession, listing_id: UUID, limit: int) -> list[ShownReference]:
    """Newest first."""
    found = await (await Transaction.of(session)).rows(_OF_LISTING, listing_id=listing_id, limit=limit)
    return [ShownReference(reference, OfferStatus(status)) for reference, status in found]


async def show_references(session: AsyncSession, references: Sequence[OfferReference]) -> list[ShownReference]:
    ids = [reference.offer_ref_id for reference in references]
    query = select(_REFERENCES.c.offer_ref_id, _REFERENCES.c.status).where(_REFERENCES.c.offer_ref_id.in_(ids))
    states = {row[0]: row[1] for row in await session.execute(query)} if ids else {}
    return [ShownReference(row, OfferStatus(states[row.offer_ref_id])) for row in references]


async def list_purchases_around(
    session: AsyncSession, thread: Thread, agents: Iterable[UUID], limit: int
) -> list[ActivityEvent]:
    """Public order events of those who spoke in a thread, on what the thread is about; oldest first."""
    query = select(ActivityEvent).where(
        ActivityEvent.c.type == ActivityType.ORDER_PLACED, ActivityEvent.c.actor_agent_id.in_(set(agents))
    )
    if thread.context_listing_id is not None:
        query = query.where(ActivityEvent.c.listing_id == thread.context_listing_id)
    elif thread.context_store_id is not None:
        query = query.where(ActivityEvent.c.store_id == thread.context_store_id)
    else:
        return []
    newest = query.order_by(ActivityEvent.c.txid.desc(), ActivityEvent.c.seq.desc()).limit(limit)
    return list(await session.scalars(newest))[::-1]


async def list_order_events(session: AsyncSession, order_id: UUID) -> list[ActivityEvent]:
    """The public story of one order, oldest first."""
    query = select(ActivityEvent).where(ActivityEvent.c.order_id == order_id)
    return list(await session.scalars(query.order_by(ActivityEvent.c.txid, ActivityEvent.c.seq)))


async def list_words_before(
    session: AsyncSession, buyer: UUID, listing_id: UUID, store_id: UUID, before: datetime, limit: int
) -> list[tuple[Message, Thread]]:
    """What a buyer said in public on a listing or its store before it bought, the newest first."""
    query = (
        select(Message, Thread)
        .join(Thread, Thread.c.thread_id == Message.c.thread_id)
        .where(
            Message.c.author_agent_id == buyer,
            Message.c.created_at <= before,
            or_(
                Thread.c.context_listing_id == listing_id,
                (Thread.c.context_store_id == store_id) & Thread.c.context_listing_id.is_(None),
            ),
        )
        .order_by(Message.c.created_at.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def count_messages(session: AsyncSession, threads: Sequence[Thread]) -> dict[UUID, int]:
    ids = [thread.thread_id for thread in threads]
    if not ids:
        return {}
    query = select(Message.c.thread_id, func.count()).where(Message.c.thread_id.in_(ids)).group_by(Message.c.thread_id)
    return {row[0]: row[1] for row in await session.execute(query)}


async def list_messages_until(session: AsyncSession, thread_id: UUID, limit: int) -> list[Message]:
    """A thread's newest messages, oldest first."""
    place = tuple_(Message.c.created_at, Message.c.message_id)
    query = select(Message).where(Message.c.thread_id == thread_id).order_by(place.desc()).limit(limit)
    return list(await session.scalars(query))[::-1]
