"""Activities of the ReviewWindow process."""

from datetime import datetime
from typing import TypeGuard
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.signatures import ReviewActivities
from db import locks
from db.ids import new_id
from db.market import orders, trust
from db.market.activity import notify, record_event
from db.market.tables import Listing, Message, Order, Product, Review, ReviewWindow, Store, Thread
from db.platform.commands import find_command, insert_command
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


async def _review_thread(session: AsyncSession, listing_id: UUID, store_id: UUID, author_id: UUID) -> Thread:
    """The listing's one review thread, made if absent; two first reviews at once share it."""
    title = await session.scalar(
        select(Product.title)
        .join(Listing, Listing.product_id == Product.product_id)
        .where(Listing.listing_id == listing_id)
    )
    made: Thread | None = await session.scalar(
        insert(Thread)
        .values(
            thread_id=new_id(),
            type=ThreadType.REVIEW,
            status=ThreadStatus.OPEN,
            title=f"Reviews of {title}",
            created_by_agent_id=author_id,
            context_store_id=store_id,
            context_listing_id=listing_id,
        )
        .on_conflict_do_nothing(index_elements=["context_listing_id"], index_where=_ONE_PER_LISTING)
        .returning(Thread)
    )
    if made is not None:
        record_event(
            session,
            ActivityType.THREAD_CREATED,
            actor_agent_id=author_id,
            store_id=store_id,
            listing_id=listing_id,
            thread_id=made.thread_id,
        )
        return made
    query = select(Thread).where(Thread.context_listing_id == listing_id, Thread.type == ThreadType.REVIEW)
    return (await session.scalars(query)).one()


class PostgresReviewActivities(ReviewActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="post_review")
    async def post_review(self, start: ReviewWindowStart, command: PostReview) -> ReviewWindowSnapshot:
        async with self._database.transaction() as session:
            order = await locks.lock_order(session, command.order_id)
            if order is None or order.buyer_customer_id != command.author_id:
                raise errors.ORDER_NOT_FOUND.error()
            window = await locks.lock_review_window(session, command.order_id)
            if await find_command(session, command.command_id):
                return window_snapshot(order, window)
            # Never before the delivery, also when the clock was set back.
            now = max(await locks.clock(session), order.delivered_at or order.placed_at)
            decide_review(order.status, window.status if window else None, window.closes_at if window else None, now)
            assert window is not None
            thread = await _review_thread(session, order.listing_id, order.store_id, command.author_id)
            message = Message(
                message_id=new_id(),
                thread_id=thread.thread_id,
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
                message_id=message.message_id,
            )
            session.add(message)
            await session.flush()
            session.add(review)
            await session.flush()
            await self._announce(session, order, review, thread, start)
            window.status = ReviewWindowStatus.REVIEWED
            window.closed_at = now
            insert_command(session, command.command_id, "post_review", order.order_id)
            return window_snapshot(order, window, trust_moved=True)

    async def _announce(
        self, session: AsyncSession, order: Order, review: Review, thread: Thread, start: ReviewWindowStart
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
                thread_id=thread.thread_id,
                message_id=review.message_id,
                order_id=order.order_id if review_id else None,
                review_id=review_id,
            )
        store = await session.get_one(Store, order.store_id)
        notify(
            session,
            store.owner_merchant_id,
            InboxType.REVIEW_POSTED,
            store_id=order.store_id,
            listing_id=order.listing_id,
            thread_id=thread.thread_id,
            message_id=review.message_id,
            order_id=order.order_id,
            review_id=review.review_id,
        )
        full_weight = start.policy.trust_full_weight_cents
        await trust.insert_fact(
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
            linked_thread_id=thread.thread_id,
            linked_order_id=order.order_id,
            linked_review_id=review.review_id,
        )
        await orders.bump_stats(session, order.store_id, reviews_posted=1, rating_sum=review.rating)

    @activity.defn(name="settle_review_window")
    async def settle_review_window(self, start: ReviewWindowStart) -> ReviewWindowSnapshot:
        async with self._database.transaction() as session:
            order = await locks.lock_order(session, start.order_id)
            if order is None:
                raise errors.ORDER_NOT_FOUND.error()
            window = await locks.lock_review_window(session, start.order_id)
            now = await locks.clock(session)
            if window is not None and window.status is ReviewWindowStatus.OPEN and now >= window.closes_at:
                window.status = ReviewWindowStatus.LAPSED
                window.closed_at = now
                _tell(session, order, InboxType.REVIEW_WINDOW_CLOSED)
            elif _is_reminder_due(window, now):
                window.remind_at = None
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
