"""Reads of the public pages: a store's trust step by step, a listing's prices, what became of offers pointed to.

The status of an offer is read only where a public reference points to it, through a view that has no term.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Double,
    Uuid,
    any_,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    table,
    tuple_,
)

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
from db.platform.reading import LIMIT
from db.platform.statements import Query, among, find
from db.platform.transactions import Transaction
from domain.market.states import ActivityType, ListingStatus, OfferStatus, StoreStatus, ThreadType

_REFERENCES = table("offer_reference_states", column("offer_ref_id"), column("listing_id"), column("status"))

_REVIEW_PLACES = Query(
    select(Review.c.review_id, Message.c.thread_id, Message.c.message_id)
    .join(Message.table, Message.c.message_id == Review.c.message_id)
    .where(among(Review.c.review_id, "review_ids")),
    UUID,
    UUID,
    UUID,
)
_RATING = Query(
    select(func.count(), cast(func.avg(Review.c.rating), Double))
    .select_from(Review.table)
    .join(Message.table, Message.c.message_id == Review.c.message_id)
    .join(Thread.table, Thread.c.thread_id == Message.c.thread_id)
    .where(Thread.c.context_listing_id == bindparam("listing_id"), Thread.c.type == ThreadType.REVIEW),
    int,
    float,
)


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


async def get_trust_steps(transaction: Transaction, store_id: UUID, overall_milli: int, limit: int) -> TrustSteps:
    """``overall_milli`` is the score of a store without any step."""
    newest = await list_trust_events(transaction, store_id, None, limit, newest_first=True)
    steps = newest[::-1]
    reviews = [step.linked_review_id for step in steps if step.linked_review_id is not None]
    found = await transaction.rows(_REVIEW_PLACES, review_ids=reviews) if reviews else []
    places = {review_id: (thread_id, message_id) for review_id, thread_id, message_id in found}
    start = steps[0].overall_before_milli if steps else overall_milli
    return TrustSteps(start, steps, steps[0].sequence - 1 if steps else 0, places)


async def get_rating(transaction: Transaction, listing_id: UUID) -> tuple[int, float] | None:
    """How many reviews a listing's orders have, and their mean rating; None without any."""
    number, mean = await transaction.one(_RATING, listing_id=listing_id)
    return (number, mean) if number else None


PagePlace = tuple[str, UUID, datetime]
"""The first part of a page's path, its id, and when it changed last."""


def _places(key: Column[Any], changed: Column[Any], *wanted: ColumnElement[bool]) -> Query[tuple[UUID, datetime]]:
    return Query(select(key, changed).where(*wanted).order_by(key.desc()).limit(LIMIT), UUID, datetime)


_PLACES = {
    "stores": _places(Store.c.store_id, Store.c.updated_at, Store.c.status != StoreStatus.CLOSED),
    "listings": _places(Listing.c.listing_id, Listing.c.updated_at, Listing.c.status == ListingStatus.ACTIVE),
    # A thread's last answer is not worth a look at all messages.
    "threads": _places(Thread.c.thread_id, Thread.c.created_at),
}


async def list_page_places(transaction: Transaction, limit: int) -> list[PagePlace]:
    """The newest pages: so many open stores, listings on sale, and threads at most."""
    found: list[PagePlace] = []
    for kind, query in _PLACES.items():
        found += [(kind, key, changed) for key, changed in await transaction.rows(query, limit=limit)]
    return found


_PRICES = Query(
    select(*StoreUpdate.columns)
    .where(StoreUpdate.c.linked_listing_id == bindparam("listing_id"), StoreUpdate.c.field_name == "price_cents")
    .order_by(StoreUpdate.c.created_at.desc(), StoreUpdate.c.store_update_id.desc())
    .limit(LIMIT),
    StoreUpdate,
)


async def list_prices(transaction: Transaction, listing_id: UUID, limit: int) -> list[StoreUpdate]:
    """The newest price changes of a listing, oldest first."""
    return (await transaction.rows(_PRICES, listing_id=listing_id, limit=limit))[::-1]


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


async def list_listing_references(transaction: Transaction, listing_id: UUID, limit: int) -> list[ShownReference]:
    """Newest first."""
    found = await transaction.rows(_OF_LISTING, listing_id=listing_id, limit=limit)
    return [ShownReference(reference, OfferStatus(status)) for reference, status in found]


_STATES = Query(
    select(_REFERENCES.c.offer_ref_id, _REFERENCES.c.status).where(
        _REFERENCES.c.offer_ref_id == any_(bindparam("ids", type_=ARRAY(Uuid())))
    ),
    UUID,
    str,
)
_ON_LISTING = ActivityEvent.c.listing_id == bindparam("listing_id")
_IN_STORE = ActivityEvent.c.store_id == bindparam("store_id")


def _purchases(about: ColumnElement[bool]) -> Query[ActivityEvent]:
    bought = ActivityEvent.c.type == ActivityType.ORDER_PLACED
    query = select(*ActivityEvent.columns).where(bought, among(ActivityEvent.c.actor_agent_id, "agents"), about)
    order = (ActivityEvent.c.txid.desc(), ActivityEvent.c.seq.desc())
    return Query(query.order_by(*order).limit(LIMIT), ActivityEvent)


_PURCHASES_ON_LISTING, _PURCHASES_IN_STORE = _purchases(_ON_LISTING), _purchases(_IN_STORE)
_ORDER_EVENTS = find(
    ActivityEvent,
    ActivityEvent.c.order_id == bindparam("order_id"),
    order=(
        ActivityEvent.c.txid,
        ActivityEvent.c.seq,
    ),
)
_WORDS_BEFORE = Query(
    select(*Message.columns, *Thread.columns)
    .join(Thread.table, Thread.c.thread_id == Message.c.thread_id)
    .where(
        Message.c.author_agent_id == bindparam("buyer"),
        Message.c.created_at <= bindparam("before"),
        or_(
            Thread.c.context_listing_id == bindparam("listing_id"),
            (Thread.c.context_store_id == bindparam("store_id")) & Thread.c.context_listing_id.is_(None),
        ),
    )
    .order_by(Message.c.created_at.desc())
    .limit(LIMIT),
    Message,
    Thread,
)
_MESSAGE_COUNTS = Query(
    select(Message.c.thread_id, func.count())
    .where(among(Message.c.thread_id, "thread_ids"))
    .group_by(Message.c.thread_id),
    UUID,
    int,
)
_NEWEST_MESSAGES = Query(
    select(*Message.columns)
    .where(Message.c.thread_id == bindparam("thread_id"))
    .order_by(tuple_(Message.c.created_at, Message.c.message_id).desc())
    .limit(LIMIT),
    Message,
)


async def show_references(transaction: Transaction, references: Sequence[OfferReference]) -> list[ShownReference]:
    ids = [reference.offer_ref_id for reference in references]
    states = dict(await transaction.rows(_STATES, ids=ids)) if ids else {}
    return [ShownReference(row, OfferStatus(states[row.offer_ref_id])) for row in references]


async def list_purchases_around(
    transaction: Transaction, thread: Thread, agents: Iterable[UUID], limit: int
) -> list[ActivityEvent]:
    """Public order events of those who spoke in a thread, on what the thread is about; oldest first."""
    asked = {"agents": list(set(agents)), "limit": limit}
    if thread.context_listing_id is not None:
        found = await transaction.rows(_PURCHASES_ON_LISTING, listing_id=thread.context_listing_id, **asked)
    elif thread.context_store_id is not None:
        found = await transaction.rows(_PURCHASES_IN_STORE, store_id=thread.context_store_id, **asked)
    else:
        return []
    return found[::-1]


async def list_order_events(transaction: Transaction, order_id: UUID) -> list[ActivityEvent]:
    """The public story of one order, oldest first."""
    return await transaction.rows(_ORDER_EVENTS, order_id=order_id)


async def list_words_before(
    transaction: Transaction, buyer: UUID, listing_id: UUID, store_id: UUID, before: datetime, limit: int
) -> list[tuple[Message, Thread]]:
    """What a buyer said in public on a listing or its store before it bought, the newest first."""
    about = {"listing_id": listing_id, "store_id": store_id}
    return await transaction.rows(_WORDS_BEFORE, buyer=buyer, before=before, limit=limit, **about)


async def count_messages(transaction: Transaction, threads: Sequence[Thread]) -> dict[UUID, int]:
    ids = [thread.thread_id for thread in threads]
    return dict(await transaction.rows(_MESSAGE_COUNTS, thread_ids=ids)) if ids else {}


async def list_messages_until(transaction: Transaction, thread_id: UUID, limit: int) -> list[Message]:
    """A thread's newest messages, oldest first."""
    return (await transaction.rows(_NEWEST_MESSAGES, thread_id=thread_id, limit=limit))[::-1]
