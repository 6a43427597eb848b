"""Activities of the ReviewWindow process."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard
from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.signatures import ReviewActivities
from db import locks, writes
from db.ids import new_id
from db.market import trust
from db.market.activity import notify, record_event
from db.market.tables import Listing, Message, Order, Product, Review, ReviewWindow, Store, StoreStats, Thread
from db.platform.commands import insert_command
from db.platform.tables import ProcessedCommand
from db.session import Database
from domain.market import errors
from domain.market.commands import PostReview, ReviewWindowSnapshot, ReviewWindowStart
from domain.market.orders import paid_cents
from domain.market.reminders import next_date
from domain.market.reviews import decide_review
from domain.market.states import ActivityType, InboxType, ReviewWindowStatus, ThreadStatus, ThreadType
from domain.market.trust import TrustReason, review_weight_cents

# A literal: with a parameter a prepared statement cannot tell which partial index is meant.
_ONE_PER_LISTING = text("type = 'REVIEW'")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What posting a review reads under its locks. ``thread_id``: the listing's review thread, if there is one."""

    now: datetime
    seller_id: UUID
    product_title: str
    thread_id: UUID | None
    done: bool


_READING = (
    select(
        func.clock_timestamp(), Store.owner_merchant_id, Product.title, Thread.thread_id, ProcessedCommand.command_id
    )
    .select_from(Listing)
    .join(Store, Store.store_id == Listing.store_id)
    .join(Product, Product.product_id == Listing.product_id)
    .outerjoin(Thread, (Thread.context_listing_id == Listing.listing_id) & (Thread.type == ThreadType.REVIEW))
    .outerjoin(ProcessedCommand, ProcessedCommand.command_id == bindparam("command_id"))
    .where(Listing.listing_id == bindparam("listing_id"))
)


async def _read(session: AsyncSession, listing_id: UUID, command_id: UUID) -> _Reading:
    keys = {"listing_id": listing_id, "command_id": command_id}
    now, seller_id, title, thread_id, done = (await session.execute(_READING, keys)).one()
    return _Reading(now, seller_id, title, thread_id, done is not None)


async def _open_review_thread(session: AsyncSession, order: Order, product_title: str) -> UUID:
    """The listing's one review thread, made now; two first reviews at once share it."""
    made: UUID | None = await session.scalar(
        insert(Thread)
        .values(
            thread_id=new_id(),
            type=ThreadType.REVIEW,
            status=ThreadStatus.OPEN,
            title=f"Reviews of {product_title}",
            created_by_agent_id=order.buyer_customer_id,
            context_store_id=order.store_id,
            context_listing_id=order.listing_id,
        )
        .on_conflict_do_nothing(index_elements=["context_listing_id"], index_where=_ONE_PER_LISTING)
        .returning(Thread.thread_id)
    )
    if made is None:
        query = select(Thread.thread_id).where(
            Thread.context_listing_id == order.listing_id, Thread.type == ThreadType.REVIEW
        )
        return (await session.scalars(query)).one()
    record_event(
        session,
        ActivityType.THREAD_CREATED,
        actor_agent_id=order.buyer_customer_id,
        store_id=order.store_id,
        listing_id=order.listing_id,
        thread_id=made,
    )
    return made


class PostgresReviewActivities(ReviewActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="post_review")
    async def post_review(self, start: ReviewWindowStart, command: PostReview) -> ReviewWindowSnapshot:
        async with self._database.transaction() as session:
            locked = await locks.lock_order_and_window(session, command.order_id)
            if locked is None or locked[0].buyer_customer_id != command.author_id:
                raise errors.ORDER_NOT_FOUND.error()
            order, window = locked
            read = await _read(session, order.listing_id, command.command_id)
            if read.done:
                return window_snapshot(order, window)
            # Never before the delivery, also when the clock was set back.
            now = max(read.now, order.delivered_at or order.placed_at)
            decide_review(order.status, window.status if window else None, window.closes_at if window else None, now)
            assert window is not None
            thread_id = read.thread_id or await _open_review_thread(session, order, read.product_title)
            message_id = new_id()
            writes.insert(
                session,
                Message,
                message_id=message_id,
                thread_id=thread_id,
                author_agent_id=command.author_id,
                body=command.body,
                created_at=now,
            )
            review = Review(
                review_id=command.command_id,
                order_id=order.order_id,
                author_customer_id=command.author_id,
                rating=command.rating,
                title=command.title,
                body=command.body,
                created_at=now,
                as_described=command.as_described,
                message_id=message_id,
            )
            writes.add(session, review)
            self._announce(session, order, review, thread_id, read.seller_id, start)
            writes.change(session, window, status=ReviewWindowStatus.REVIEWED, closed_at=now)
            insert_command(session, command.command_id, "post_review", order.order_id)
            return window_snapshot(order, window, trust_moved=True)

    def _announce(
        self,
        session: AsyncSession,
        order: Order,
        review: Review,
        thread_id: UUID,
        seller_id: UUID,
        start: ReviewWindowStart,
    ) -> None:
        """Two public events, the merchant's inbox, the store's trust and its counters."""
        for event, review_id in (
            (ActivityType.REVIEW_POSTED, review.review_id),
            (ActivityType.MESSAGE_POSTED, None),
        ):
            record_event(
                session,
                event,
                actor_agent_id=order.buyer_customer_id,
                store_id=order.store_id,
                listing_id=order.listing_id,
                thread_id=thread_id,
                message_id=review.message_id,
                order_id=order.order_id if review_id else None,
                review_id=review_id,
            )
        notify(
            session,
            seller_id,
            InboxType.REVIEW_POSTED,
            store_id=order.store_id,
            listing_id=order.listing_id,
            thread_id=thread_id,
            message_id=review.message_id,
            order_id=order.order_id,
            review_id=review.review_id,
        )
        full_weight = start.policy.trust_full_weight_cents
        trust.insert_fact(
            session,
            store_id=order.store_id,
            source_event_id=review.review_id,
            reason=TrustReason.REVIEW_POSTED,
            inputs={
                "rating": review.rating,
                "as_described": review.as_described,
                "weight_cents": review_weight_cents(
                    paid_cents(order.total_price_cents, order.charged_cents),
                    # A private discount must be read off a public row as little as a private price.
                    order.source_offer_id is not None or order.charged_cents is not None,
                    full_weight,
                ),
                "full_weight_cents": full_weight,
            },
            occurred_at=review.created_at,
            subject_agent_id=order.buyer_customer_id,
            listing_id=order.listing_id,
            linked_thread_id=thread_id,
            linked_order_id=order.order_id,
            linked_review_id=review.review_id,
        )
        writes.increase(session, StoreStats, order.store_id, reviews_posted=1, rating_sum=review.rating)

    @activity.defn(name="settle_review_window")
    async def settle_review_window(self, start: ReviewWindowStart) -> ReviewWindowSnapshot:
        async with self._database.transaction() as session:
            locked = await locks.lock_order_and_window(session, start.order_id)
            if locked is None:
                raise errors.ORDER_NOT_FOUND.error()
            order, window = locked
            now = await locks.clock(session)
            if window is not None and window.status is ReviewWindowStatus.OPEN and now >= window.closes_at:
                writes.change(session, window, status=ReviewWindowStatus.LAPSED, closed_at=now)
                _tell(session, order, InboxType.REVIEW_WINDOW_CLOSED)
            elif _is_reminder_due(window, now):
                writes.change(session, window, remind_at=None)
                _tell(session, order, InboxType.REVIEW_WINDOW_CLOSING_SOON, due_at=window.closes_at)
            return window_snapshot(order, window)


def _is_reminder_due(window: ReviewWindow | None, now: datetime) -> TypeGuard[ReviewWindow]:
    if window is None or window.status is not ReviewWindowStatus.OPEN or window.remind_at is None:
        return False
    return now >= window.remind_at


def _tell(session: AsyncSession, order: Order, type: InboxType, *, due_at: datetime | None = None) -> None:
    notify(
        session,
        order.buyer_customer_id,
        type,
        store_id=order.store_id,
        listing_id=order.listing_id,
        order_id=order.order_id,
        due_at=due_at,
    )


def window_snapshot(order: Order, window: ReviewWindow | None, *, trust_moved: bool = False) -> ReviewWindowSnapshot:
    """All a ReviewWindow keeps of its row."""
    return ReviewWindowSnapshot(
        order_id=order.order_id,
        store_id=order.store_id,
        listing_id=order.listing_id,
        closes_at=window.closes_at if window else None,
        closed=window is None or window.status is not ReviewWindowStatus.OPEN,
        deadline=next_date(window.remind_at, window.closes_at) if window else None,
        trust_moved=trust_moved,
    )
