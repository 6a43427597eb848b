"""Threads, messages and offer references as facts, with what they prove and what they ask of a store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, literal, select

from db.market import evidence, questions
from db.market.blocks import check_viewer
from db.market.negotiations import list_rounds
from db.market.tables import (
    Listing,
    Message,
    Offer,
    OfferReference,
    Order,
    Store,
    Thread,
)
from db.platform import writes
from db.platform.events import notify, record_event
from db.platform.statements import Columns, Query
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market.gating import asks_support, evidence_of_message
from domain.market.notes import check_public_note
from domain.market.policy import MarketPolicy
from domain.market.reminders import may_wait_for_sweep
from domain.market.states import ActivityType, InboxType, ThreadStatus, ThreadType
from domain.platform.identity import AgentType

_NEED_CONTEXT = {ThreadType.LAUNCH_DROP, ThreadType.CLAIM_CHALLENGE, ThreadType.NEGOTIATION}
_listing, _store, _order = Listing.table, Store.table, Order.table
_thread, _parent = Thread.table, Message.table.alias("parent")
_CONTEXT = Query(
    select(
        _order.c.order_id,
        _listing.c.listing_id,
        _store.c.store_id,
        _store.c.owner_merchant_id,
        # The transaction's start, which is a thread's date.
        func.now().label("created_at"),
    ).select_from(
        select(literal(1))
        .subquery("one")
        .outerjoin(_order, _order.c.order_id == bindparam("order_id", type_=Uuid()))
        .outerjoin(
            _listing, _listing.c.listing_id == func.coalesce(_order.c.listing_id, bindparam("listing_id", type_=Uuid()))
        )
        .outerjoin(_store, _store.c.store_id == func.coalesce(_listing.c.store_id, bindparam("store_id", type_=Uuid())))
    ),
    Columns,
)
_POSTED = Query(
    select(
        _thread.c.status,
        _thread.c.type,
        _thread.c.created_by_agent_id,
        _thread.c.context_store_id,
        _thread.c.context_listing_id,
        _store.c.owner_merchant_id,
        _parent.c.thread_id.label("parent_thread_id"),
        _parent.c.author_agent_id.label("parent_author_id"),
        func.clock_timestamp().label("now"),
    )
    .outerjoin(_store, _store.c.store_id == _thread.c.context_store_id)
    .outerjoin(_parent, _parent.c.message_id == bindparam("parent_id", type_=Uuid()))
    .where(_thread.c.thread_id == bindparam("thread_id")),
    Columns,
)

# The transaction's start, which is a reference's date.
_NOW = Query(select(func.now()), datetime)


async def _context(
    transaction: Transaction, store_id: UUID | None, listing_id: UUID | None, order_id: UUID | None
) -> Columns:
    """What a thread is about, completed. Row-level security shows an order to its parties only."""
    row = await transaction.one(_CONTEXT, order_id=order_id, listing_id=listing_id, store_id=store_id)
    for named, found, missing in (
        (order_id, row.order_id, errors.ORDER_NOT_FOUND),
        (listing_id, row.listing_id, errors.LISTING_NOT_FOUND),
        (store_id, row.store_id, errors.STORE_NOT_FOUND),
    ):
        if named is not None and found is None:
            raise missing.error()
        if named not in (None, found):
            raise errors.THREAD_CONTEXT.error()
    return row


async def _check_welcome(transaction: Transaction, store_id: UUID | None) -> None:
    """Refuse whom the store's owner has blocked in threads of the store and its listings."""
    if store_id is not None:
        await check_viewer(transaction, store_id)


async def insert_thread(
    transaction: Transaction,
    thread_id: UUID,
    by_agent_id: UUID,
    type: ThreadType,
    title: str,
    store_id: UUID | None,
    listing_id: UUID | None,
    order_id: UUID | None,
) -> Thread:
    """Open a thread. Its context is completed: an order implies its listing, a listing its store.

    Raises thread.type_reserved, thread.needs_context, thread.context_invalid, store.not_yours, and not_found
    of what the context names.
    """
    if type is ThreadType.REVIEW:
        raise errors.THREAD_TYPE_RESERVED.error()
    context = await _context(transaction, store_id, listing_id, order_id)
    if context.store_id is None and type in _NEED_CONTEXT:
        raise errors.THREAD_NEEDS_CONTEXT.error()
    if type is ThreadType.LAUNCH_DROP and context.owner_merchant_id != by_agent_id:
        raise errors.STORE_NOT_YOURS.error()
    await _check_welcome(transaction, context.store_id)
    thread = Thread(
        thread_id=thread_id,
        type=type,
        status=ThreadStatus.OPEN,
        title=title,
        created_by_agent_id=by_agent_id,
        context_store_id=context.store_id,
        context_listing_id=context.listing_id,
        context_order_id=order_id,
        created_at=context.created_at,
    )
    writes.add(transaction, thread)
    record_event(
        transaction,
        ActivityType.THREAD_CREATED,
        actor_agent_id=by_agent_id,
        store_id=context.store_id,
        listing_id=context.listing_id,
        thread_id=thread_id,
    )
    return thread


async def insert_message(
    transaction: Transaction,
    message_id: UUID,
    thread_id: UUID,
    author_id: UUID,
    author_type: AgentType,
    body: str,
    parent_message_id: UUID | None,
    policy: MarketPolicy,
) -> tuple[Message, UUID | None]:
    """Post a message. Returns it, and the store whose trust process must hear of it, if any.

    Raises thread.not_found, thread.closed, message.parent_invalid.
    """
    thread = await transaction.one_or_none(_POSTED, thread_id=thread_id, parent_id=parent_message_id)
    if thread is None:
        raise errors.THREAD_NOT_FOUND.error()
    _check_open(thread.status)
    if parent_message_id is not None and thread.parent_thread_id != thread_id:
        raise errors.MESSAGE_PARENT.error()
    await _check_welcome(transaction, thread.context_store_id)
    message = Message(
        message_id=message_id,
        thread_id=thread_id,
        author_agent_id=author_id,
        parent_message_id=parent_message_id,
        body=body,
        created_at=thread.now,
    )
    writes.add(transaction, message)
    record_event(
        transaction,
        ActivityType.MESSAGE_POSTED,
        actor_agent_id=author_id,
        store_id=thread.context_store_id,
        listing_id=thread.context_listing_id,
        thread_id=thread_id,
        message_id=message_id,
    )
    _record_evidence(transaction, thread, message, author_type)
    heard = moved = None
    store_id, owner_id = thread.context_store_id, thread.owner_merchant_id
    if store_id is not None:
        place = questions.Place(thread_id, store_id, owner_id, thread.context_listing_id)
        if author_id == owner_id:
            heard, moved = await questions.answer(transaction, place, message, thread.parent_author_id, policy)
        elif asks_support(author_type, body, thread.type, has_store=True) and await questions.ask(
            transaction, place, message, policy
        ):
            heard = owner_id
            moved = None if may_wait_for_sweep(policy) else store_id
    _tell_replied(transaction, thread, message, heard)
    return message, moved


def _check_open(status: ThreadStatus) -> None:
    if status is not ThreadStatus.OPEN:
        raise errors.THREAD_CLOSED.error()


def _record_evidence(transaction: Transaction, thread: Columns, message: Message, author_type: AgentType) -> None:
    author_id, ids = message.author_agent_id, (thread.context_listing_id, thread.context_store_id)
    kept = {"thread_id": message.thread_id, "message_id": message.message_id}
    for found in evidence_of_message(author_type, message.body, thread.type, *ids):
        if found.listing_id is not None:
            evidence.insert_evidence(transaction, author_id, found.listing_id, found.type, message.created_at, **kept)
        elif found.store_id is not None:
            evidence.insert_store_evidence(transaction, author_id, found.store_id, **kept, now=message.created_at)


def _tell_replied(transaction: Transaction, thread: Columns, message: Message, heard: UUID | None) -> None:
    """Tell the author of the message that was answered, else who opened the thread, unless it heard already."""
    parent_id = message.parent_message_id
    whom = thread.parent_author_id if parent_id is not None else thread.created_by_agent_id
    if whom in (message.author_agent_id, heard):
        return
    notify(
        transaction,
        whom,
        InboxType.MESSAGE_REPLIED,
        store_id=thread.context_store_id,
        listing_id=thread.context_listing_id,
        thread_id=message.thread_id,
        message_id=message.message_id,
        meta={"parent_message_id": str(parent_id)} if parent_id is not None else None,
    )


async def insert_reference(
    transaction: Transaction,
    offer_ref_id: UUID,
    offer_id: UUID,
    thread_id: UUID,
    by_agent_id: UUID,
    public_note: str | None,
) -> OfferReference:
    """Point to a private offer in public. Its terms stay out, those of its other rounds too.

    Raises offer.not_found (also for an offer of others), thread.*, reference.note_holds_terms.
    """
    offer = await transaction.require(Offer, offer_id, errors.OFFER_NOT_FOUND)
    thread = await transaction.require(Thread, thread_id, errors.THREAD_NOT_FOUND)
    _check_open(thread.status)
    await _check_welcome(transaction, thread.context_store_id)
    rounds = await list_rounds(transaction, offer.negotiation_id)
    check_public_note(public_note, [r.proposed_price_cents for r in rounds], offer.quantity)
    reference = OfferReference(
        offer_ref_id=offer_ref_id,
        thread_id=thread_id,
        created_by_agent_id=by_agent_id,
        public_note=public_note,
        created_at=await transaction.one(_NOW),
    )
    writes.add(transaction, reference, offer_id=offer_id)
    record_event(
        transaction,
        ActivityType.OFFER_REFERENCE_POSTED,
        actor_agent_id=by_agent_id,
        store_id=offer.seller_store_id,
        listing_id=offer.listing_id,
        thread_id=thread_id,
        offer_ref_id=offer_ref_id,
    )
    return reference
