"""Activities of the ReviewWindow process."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard
from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from activities.market.signatures import ReviewActivities
from db import locks
from db.market.blocks import is_blocked
from db.market.order_facts import insert_review_fact
from db.market.orders import order_state
from db.market.tables import Listing, Message, Order, Product, Review, ReviewWindow, Store, StoreStats, Thread
from db.platform import writes
from db.platform.commands import insert_command
from db.platform.database import Database
from db.platform.events import notify, record_event
from db.platform.ids import new_id
from db.platform.outages import listen
from db.platform.statements import Query
from db.platform.tables import ProcessedCommand
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market.blocks import check_not_blocked
from domain.market.commands import PostReview, ReviewWindowSnapshot, ReviewWindowStart
from domain.market.processes import MARKET_PARTS
from domain.market.reminders import next_date
from domain.market.reviews import counts_now, decide_review
from domain.market.states import ActivityType, InboxType, ReviewWindowStatus, ThreadStatus, ThreadType

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


_listing, _store, _product, _thread = Listing.table, Store.table, Product.table, Thread.table
_command = ProcessedCommand.table
_READING = Query(
    select(
        func.clock_timestamp().label("now"),
        _store.c.owner_merchant_id,
        _product.c.title,
        _thread.c.thread_id,
        _command.c.command_id,
    )
    .select_from(
        _listing.join(_store, _store.c.store_id == _listing.c.store_id)
        .join(_product, _product.c.product_id == _listing.c.product_id)
        .outerjoin(
            _thread, (_thread.c.context_listing_id == _listing.c.listing_id) & (_thread.c.type == ThreadType.REVIEW)
        )
        .outerjoin(_command, _command.c.command_id == bindparam("command_id"))
    )
    .where(_listing.c.listing_id == bindparam("listing_id"))
)
_OPEN_THREAD = Query(
    insert(Thread.table)
    .values(
        thread_id=bindparam("thread"),
        type=ThreadType.REVIEW,
        status=ThreadStatus.OPEN,
        title=bindparam("title"),
        created_by_agent_id=bindparam("opener"),
        context_store_id=bindparam("store"),
        context_listing_id=bindparam("listing"),
    )
    .on_conflict_do_nothing(index_elements=["context_listing_id"], index_where=_ONE_PER_LISTING)
    .returning(_thread.c.thread_id)
)
_OPENED_THREAD = Query(
    select(_thread.c.thread_id).where(
        _thread.c.context_listing_id == bindparam("listing_id"), _thread.c.type == ThreadType.REVIEW
    )
)


async def _read(transaction: Transaction, listing_id: UUID, command_id: UUID) -> _Reading:
    [row] = await transaction.rows(_READING, listing_id=listing_id, command_id=command_id)
    return _Reading(row.now, row.owner_merchant_id, row.title, row.thread_id, row.command_id is not None)


async def _open_review_thread(transaction: Transaction, order: Order, product_title: str) -> UUID:
    """The listing's one review thread, made now; two first reviews at once share it."""
    thread_id = new_id()
    made = await transaction.rows(
        _OPEN_THREAD,
        thread=thread_id,
        title=f"Reviews of {product_title}",
        opener=order.buyer_customer_id,
        store=order.store_id,
        listing=order.listing_id,
    )
    if not made:
        [opened] = await transaction.rows(_OPENED_THREAD, listing_id=order.listing_id)
        assert isinstance(opened.thread_id, UUID)
        return opened.thread_id
    record_event(
        transaction,
        ActivityType.THREAD_CREATED,
        actor_agent_id=order.buyer_customer_id,
        store_id=order.store_id,
        listing_id=order.listing_id,
        thread_id=thread_id,
    )
    return thread_id


class PostgresReviewActivities(ReviewActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def post_review(self, start: ReviewWindowStart, command: PostReview) -> ReviewWindowSnapshot:
        async with self._database.transaction() as transaction:
            locked = await locks.lock_order_and_window(transaction, command.order_id)
            if locked is None or locked[0].buyer_customer_id != command.author_id:
                raise errors.ORDER_NOT_FOUND.error()
            order, window = locked
            read = await _read(transaction, order.listing_id, command.command_id)
            if read.done:
                return window_snapshot(order, window)
            # Never before the delivery, also when the clock was set back.
            now = max(read.now, order.delivered_at or order.placed_at)
            if order.paid_at is None:
                check_not_blocked(blocked=await is_blocked(transaction, order.store_id, command.author_id))
            decide_review(order.status, window.status if window else None, window.closes_at if window else None, now)
            assert window is not None
            thread_id = read.thread_id or await _open_review_thread(transaction, order, read.product_title)
            message_id = new_id()
            writes.insert(
                transaction,
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
            writes.add(transaction, review)
            self._announce(transaction, order, review, thread_id, read.seller_id)
            counts = counts_now(order_state(order))
            if counts:
                paid = order.paid_at is not None
                insert_review_fact(transaction, order, review, thread_id, start.policy, paid=paid)
            window = writes.change(transaction, window, status=ReviewWindowStatus.REVIEWED, closed_at=now)
            insert_command(transaction, command)
            return window_snapshot(order, window, trust_moved=counts)

    def _announce(
        self,
        transaction: Transaction,
        order: Order,
        review: Review,
        thread_id: UUID,
        seller_id: UUID,
    ) -> None:
        """Two public events, the merchant's inbox and the store's counters."""
        for event, review_id in (
            (ActivityType.REVIEW_POSTED, review.review_id),
            (ActivityType.MESSAGE_POSTED, None),
        ):
            record_event(
                transaction,
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
            transaction,
            seller_id,
            InboxType.REVIEW_POSTED,
            store_id=order.store_id,
            listing_id=order.listing_id,
            thread_id=thread_id,
            message_id=review.message_id,
            order_id=order.order_id,
            review_id=review.review_id,
        )
        writes.increase(transaction, StoreStats, order.store_id, reviews_posted=1, rating_sum=review.rating)

    async def settle_review_window(self, start: ReviewWindowStart) -> ReviewWindowSnapshot:
        async with self._database.transaction() as transaction:
            silence = await listen(transaction, MARKET_PARTS)
            locked = await locks.lock_order_and_window(transaction, start.order_id)
            if locked is None:
                raise errors.ORDER_NOT_FOUND.error()
            order, window = locked
            now = await locks.clock(transaction)
            if silence.holds(now):
                return window_snapshot(order, window).model_copy(update={"deadline": silence.look_again_at(now)})
            if window is not None and window.status is ReviewWindowStatus.OPEN and now >= window.closes_at:
                window = writes.change(transaction, window, status=ReviewWindowStatus.LAPSED, closed_at=now)
                _tell(transaction, order, InboxType.REVIEW_WINDOW_CLOSED)
            elif _is_reminder_due(window, now):
                window = writes.change(transaction, window, remind_at=None)
                _tell(transaction, order, InboxType.REVIEW_WINDOW_CLOSING_SOON, due_at=window.closes_at)
            return window_snapshot(order, window)


def _is_reminder_due(window: ReviewWindow | None, now: datetime) -> TypeGuard[ReviewWindow]:
    if window is None or window.status is not ReviewWindowStatus.OPEN or window.remind_at is None:
        return False
    return now >= window.remind_at


def _tell(transaction: Transaction, order: Order, type: InboxType, *, due_at: datetime | None = None) -> None:
    notify(
        transaction,
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
