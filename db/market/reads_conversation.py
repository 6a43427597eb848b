"""Reads of threads, their messages and the references to offers in them. No term of an offer is read here."""

from typing import Any
from uuid import UUID

from sqlalchemy import FromClause, Select, bindparam, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from db.market.search import fits, matches
from db.market.tables import Listing, Message, OfferReference, Review, Thread
from db.platform.reading import LIMIT
from db.platform.statements import Choice, Query, among, find, newest
from db.platform.transactions import Transaction
from domain.market.errors import LISTING_NOT_FOUND, REVIEW_THREAD_NONE, THREAD_NOT_FOUND
from domain.market.states import ThreadType

_REFERENCES = newest(OfferReference, OfferReference.c.thread_id == bindparam("thread_id"))
_REVIEWS = find(Review, among(Review.c.message_id, "message_ids"))
_REVIEW_THREAD = find(
    Thread, Thread.c.context_listing_id == bindparam("listing_id"), Thread.c.type == ThreadType.REVIEW
)
_WANTED: dict[str, ColumnElement[bool]] = {
    "type": Thread.c.type == bindparam("type"),
    "store_id": Thread.c.context_store_id == bindparam("store_id"),
    "listing_id": Thread.c.context_listing_id == bindparam("listing_id"),
    "before": Thread.c.thread_id < bindparam("before"),
}
# How often a word occurs the planner cannot know: it keeps no statistics of rare ones. So it is tried. A page of
# frequent words is full after a few of the newest threads; what is not among these is rare enough for the index of
# words, whose hits are all read to find the newest.
_TRIED = 2_000


async def get_thread(transaction: Transaction, thread_id: UUID) -> Thread:
    """Raises thread.not_found."""
    return await transaction.require(Thread, thread_id, THREAD_NOT_FOUND)


async def get_review_thread(transaction: Transaction, listing_id: UUID) -> Thread:
    """The listing's one REVIEW thread. Raises listing.not_found, review.no_thread."""
    await transaction.require(Listing, listing_id, LISTING_NOT_FOUND)
    thread = await transaction.one_or_none(_REVIEW_THREAD, listing_id=listing_id)
    if thread is None:
        raise REVIEW_THREAD_NONE.error()
    return thread


async def list_threads(
    transaction: Transaction,
    type: ThreadType | None,
    store_id: UUID | None,
    listing_id: UUID | None,
    q: str | None,
    before: UUID | None,
    limit: int,
) -> list[Thread]:
    """Newest first."""
    asked = {"type": type, "store_id": store_id, "listing_id": listing_id, "before": before}
    if not q:
        return await transaction.choose(_NEWEST, **asked, limit=limit)
    found = await transaction.choose(_AMONG_NEWEST, **asked, limit=limit, q=q)
    if len(found) < limit:
        found = await transaction.choose(_AMONG_ALL, **asked, limit=limit, q=q)
    return found


def _among_newest(wanted: dict[str, ColumnElement[bool]]) -> Query[Thread]:
    # Named like the table, whose column of words ``matches`` names.
    recent = select(*Thread.columns, literal_column("threads.search_text")).where(*wanted.values())
    tried = recent.order_by(Thread.c.thread_id.desc()).limit(_TRIED).subquery("threads")
    return Query(_of(tried).where(fits(tried.c.title)), Thread)


def _among_all(wanted: dict[str, ColumnElement[bool]]) -> Query[Thread]:
    # Materialized: the planner would else walk through all threads in their order, hoping to find enough.
    hits = select(*Thread.columns).where(*wanted.values(), matches(Thread.c.title)).cte("hits")
    return Query(_of(hits.prefix_with("MATERIALIZED")), Thread)


def _of(threads: FromClause) -> Select[*tuple[Any, ...]]:
    shown = select(*(threads.c[column.name] for column in Thread.columns))
    return shown.order_by(threads.c.thread_id.desc()).limit(LIMIT)


_NEWEST = Choice(_WANTED, lambda wanted: newest(Thread, *wanted.values()))
_AMONG_NEWEST, _AMONG_ALL = Choice(_WANTED, _among_newest), Choice(_WANTED, _among_all)
_MESSAGES = Choice(
    {
        "thread_id": Message.c.thread_id == bindparam("thread_id"),
        "after": Message.c.message_id > bindparam("after"),
    },
    lambda wanted: Query(
        select(*Message.columns).where(*wanted.values()).order_by(Message.c.message_id).limit(LIMIT), Message
    ),
)


async def list_messages(transaction: Transaction, thread_id: UUID, after: UUID | None, limit: int) -> list[Message]:
    """Oldest first."""
    return await transaction.choose(_MESSAGES, thread_id=thread_id, after=after, limit=limit)


async def list_references(transaction: Transaction, thread_id: UUID, limit: int) -> list[OfferReference]:
    """The newest ones, oldest first."""
    return (await transaction.rows(_REFERENCES, thread_id=thread_id, limit=limit))[::-1]


async def list_reviews_of(transaction: Transaction, message_ids: list[UUID]) -> dict[UUID, Review]:
    """The reviews behind messages of a REVIEW thread, by message."""
    reviews = await transaction.rows(_REVIEWS, message_ids=message_ids)
    return {review.message_id: review for review in reviews}
