"""Reads of threads, their messages and the references to offers in them. No term of an offer is read here."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from db.market.search import matches
from db.market.tables import Listing, Message, OfferReference, Review, Thread
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.errors import LISTING_NOT_FOUND, REVIEW_THREAD_NONE, THREAD_NOT_FOUND
from domain.market.states import ThreadType

_REFERENCES = Query(
    select(*OfferReference.columns)
    .where(OfferReference.c.thread_id == bindparam("thread_id"))
    .order_by(OfferReference.c.offer_ref_id.desc())
    .limit(bindparam("limit")),
    OfferReference,
)
_REVIEWS = Query(
    select(*Review.columns).where(Review.c.message_id == any_(bindparam("message_ids", type_=ARRAY(Uuid())))), Review
)


async def get_thread(session: AsyncSession, thread_id: UUID) -> Thread:
    """Raises thread.not_found."""
    thread = await session.get(Thread, thread_id)
    if thread is None:
        raise THREAD_NOT_FOUND.error()
    return thread


async def get_review_thread(session: AsyncSession, listing_id: UUID) -> Thread:
    """The listing's one REVIEW thread. Raises listing.not_found, review.no_thread."""
    if await session.get(Listing, listing_id) is None:
        raise LISTING_NOT_FOUND.error()
    query = select(Thread).where(Thread.c.context_listing_id == listing_id, Thread.c.type == ThreadType.REVIEW)
    thread = await session.scalar(query)
    if thread is None:
        raise REVIEW_THREAD_NONE.error()
    return thread


async def list_threads(
    session: AsyncSession,
    type: ThreadType | None,
    store_id: UUID | None,
    listing_id: UUID | None,
    q: str | None,
    before: UUID | None,
    limit: int,
) -> list[Thread]:
    """Newest first."""
    wanted: list[ColumnElement[bool]] = []
    if type is not None:
        wanted.append(Thread.c.type == type)
    if store_id is not None:
        wanted.append(Thread.c.context_store_id == store_id)
    if listing_id is not None:
        wanted.append(Thread.c.context_listing_id == listing_id)
    if before is not None:
        wanted.append(Thread.c.thread_id < before)
    newest = select(Thread).where(*wanted).order_by(Thread.c.thread_id.desc())
    if not q:
        return list(await session.scalars(newest.limit(limit)))
    found = list(await session.scalars(_among_newest(newest, limit), {"q": q}))
    if len(found) < limit:
        found = list(await session.scalars(_among_all(wanted, limit), {"q": q}))
    return found


# How often a word occurs the planner cannot know: it keeps no statistics of rare ones. So it is tried. A page of
# frequent words is full after a few of the newest threads; what is not among these is rare enough for the index of
# words, whose hits are all read to find the newest.
_TRIED = 2_000


def _among_newest(newest: Select[Thread], limit: int) -> Select[Thread]:
    # Named like the table, whose column of words ``matches`` names.
    tried = newest.add_columns(literal_column("threads.search_text")).limit(_TRIED).subquery("threads")
    thread = aliased(Thread, tried)
    return select(thread).where(matches(tried.c.title)).order_by(thread.thread_id.desc()).limit(limit)


def _among_all(wanted: Sequence[ColumnElement[bool]], limit: int) -> Select[Thread]:
    # Materialized: the planner would else walk through all threads in their order, hoping to find enough.
    hits = select(Thread).where(*wanted, matches(Thread.c.title)).cte("hits").prefix_with("MATERIALIZED")
    thread = aliased(Thread, hits)
    return select(thread).order_by(thread.thread_id.desc()).limit(limit)


async def list_messages(session: AsyncSession, thread_id: UUID, after: UUID | None, limit: int) -> list[Message]:
    """Oldest first."""
    query = select(Message).where(Message.c.thread_id == thread_id).order_by(Message.c.message_id).limit(limit)
    if after is not None:
        query = query.where(Message.c.message_id > after)
    return list(await session.scalars(query))


async def list_references(session: AsyncSession, thread_id: UUID, limit: int) -> list[OfferReference]:
    """The newest ones, oldest first."""
    transaction = await Transaction.of(session)
    return (await transaction.rows(_REFERENCES, thread_id=thread_id, limit=limit))[::-1]


async def list_reviews_of(session: AsyncSession, message_ids: list[UUID]) -> dict[UUID, Review]:
    """The reviews behind messages of a REVIEW thread, by message."""
    reviews = await (await Transaction.of(session)).rows(_REVIEWS, message_ids=message_ids)
    return {review.message_id: review for review in reviews}
