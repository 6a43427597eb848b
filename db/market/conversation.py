"""Threads, messages and offer references as facts, with what they prove and what they ask of a store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.market import evidence, questions
from db.market.activity import notify, record_event
from db.market.negotiations import list_rounds
from db.market.tables import (
    Agent,
    Listing,
    Message,
    Offer,
    OfferReference,
    Order,
    Store,
    Thread,
)
from domain.market import errors
from domain.market.gating import asks_support, evidence_of_message
from domain.market.notes import check_public_note
from domain.market.policy import MarketPolicy
from domain.market.reminders import may_wait_for_sweep
from domain.market.states import ActivityType, AgentType, InboxType, ThreadStatus, ThreadType

_NEED_CONTEXT = {ThreadType.LAUNCH_DROP, ThreadType.CLAIM_CHALLENGE, ThreadType.NEGOTIATION}


async def insert_thread(
    session: AsyncSession,
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
    if order_id is not None:
        # Row-level security shows an order to its parties only.
        order = await session.get(Order, order_id)
        if order is None:
            raise errors.ORDER_NOT_FOUND.error()
        store_id, listing_id = _same(store_id, order.store_id), _same(listing_id, order.listing_id)
    if listing_id is not None:
        listing = await session.get(Listing, listing_id)
        if listing is None:
            raise errors.LISTING_NOT_FOUND.error()
        store_id = _same(store_id, listing.store_id)
    if store_id is None and type in _NEED_CONTEXT:
        raise errors.THREAD_NEEDS_CONTEXT.error()
    if store_id is not None:
        store = await session.get(Store, store_id)
        if store is None:
            raise errors.STORE_NOT_FOUND.error()
        if type is ThreadType.LAUNCH_DROP and store.owner_merchant_id != by_agent_id:
            raise errors.STORE_NOT_YOURS.error()
    thread = Thread(
        thread_id=thread_id,
        type=type,
        status=ThreadStatus.OPEN,
        title=title,
        created_by_agent_id=by_agent_id,
        context_store_id=store_id,
        context_listing_id=listing_id,
        context_order_id=order_id,
    )
    session.add(thread)
    await session.flush()
    record_event(
        session,
        ActivityType.THREAD_CREATED,
        actor_agent_id=by_agent_id,
        store_id=store_id,
        listing_id=listing_id,
        thread_id=thread_id,
    )
    await session.refresh(thread)
    return thread


def _same(named: UUID | None, real: UUID) -> UUID:
    if named is not None and named != real:
        raise errors.THREAD_CONTEXT.error()
    return real


async def _open_thread(session: AsyncSession, thread_id: UUID) -> Thread:
    thread = await session.get(Thread, thread_id)
    if thread is None:
        raise errors.THREAD_NOT_FOUND.error()
    if thread.status is not ThreadStatus.OPEN:
        raise errors.THREAD_CLOSED.error()
    return thread


async def insert_message(
    session: AsyncSession,
    message_id: UUID,
    thread_id: UUID,
    author: Agent,
    body: str,
    parent_message_id: UUID | None,
    policy: MarketPolicy,
) -> tuple[Message, UUID | None]:
    """Post a message. Returns it, and the store whose trust process must hear of it, if any."""
    thread = await _open_thread(session, thread_id)
    parent = await session.get(Message, parent_message_id) if parent_message_id else None
    if parent_message_id is not None and (parent is None or parent.thread_id != thread_id):
        raise errors.MESSAGE_PARENT.error()
    now = await locks.clock(session)
    message = Message(
        message_id=message_id,
        thread_id=thread_id,
        author_agent_id=author.agent_id,
        parent_message_id=parent_message_id,
        body=body,
        created_at=now,
    )
    session.add(message)
    await session.flush()
    record_event(
        session,
        ActivityType.MESSAGE_POSTED,
        actor_agent_id=author.agent_id,
        store_id=thread.context_store_id,
        listing_id=thread.context_listing_id,
        thread_id=thread_id,
        message_id=message_id,
    )
    await _record_evidence(session, thread, message, author.agent_type, now)
    store = await session.get(Store, thread.context_store_id) if thread.context_store_id else None
    heard = moved = None
    if store is not None:
        if author.agent_id == store.owner_merchant_id:
            heard, moved = await questions.answer(session, thread, store, message, parent, policy, now)
        elif asks_support(author.agent_type, body, thread.type, has_store=True) and await questions.ask(
            session, thread, store, message, policy, now
        ):
            heard = store.owner_merchant_id
            moved = None if may_wait_for_sweep(policy) else store.store_id
    _tell_replied(session, thread, message, parent, heard)
    await session.flush()
    return message, moved


async def _record_evidence(
    session: AsyncSession, thread: Thread, message: Message, author_type: AgentType, now: datetime
) -> None:
    author, ids = message.author_agent_id, (thread.context_listing_id, thread.context_store_id)
    for found in evidence_of_message(author_type, message.body, thread.type, *ids):
        if found.listing_id is not None:
            await evidence.insert_evidence(
                session, author, found.listing_id, found.type, now,
                thread_id=thread.thread_id, message_id=message.message_id,
            )  # fmt: skip
        elif found.store_id is not None:
            await evidence.insert_store_evidence(
                session, author, found.store_id, thread.thread_id, message.message_id, now
            )


def _tell_replied(
    session: AsyncSession, thread: Thread, message: Message, parent: Message | None, heard: UUID | None
) -> None:
    """Tell the author of the message that was answered, else who opened the thread, unless it heard already."""
    whom = parent.author_agent_id if parent is not None else thread.created_by_agent_id
    if whom in (message.author_agent_id, heard):
        return
    notify(
        session,
        whom,
        InboxType.MESSAGE_REPLIED,
        store_id=thread.context_store_id,
        listing_id=thread.context_listing_id,
        thread_id=thread.thread_id,
        message_id=message.message_id,
        meta={"parent_message_id": str(parent.message_id)} if parent is not None else None,
    )


async def insert_reference(
    session: AsyncSession,
    offer_ref_id: UUID,
    offer_id: UUID,
    thread_id: UUID,
    by_agent_id: UUID,
    public_note: str | None,
) -> OfferReference:
    """Point to a private offer in public. Its terms stay out, those of its other rounds too.

    Raises offer.not_found (also for an offer of others), thread.*, reference.note_holds_terms.
    """
    offer = await session.get(Offer, offer_id)
    if offer is None:
        raise errors.OFFER_NOT_FOUND.error()
    await _open_thread(session, thread_id)
    rounds = await list_rounds(session, offer.negotiation_id)
    check_public_note(public_note, [r.proposed_price_cents for r in rounds], offer.quantity)
    reference = OfferReference(
        offer_ref_id=offer_ref_id,
        offer_id=offer_id,
        thread_id=thread_id,
        created_by_agent_id=by_agent_id,
        public_note=public_note,
        created_at=await session.scalar(select(func.now())),
    )
    session.add(reference)
    await session.flush()
    record_event(
        session,
        ActivityType.OFFER_REFERENCE_POSTED,
        actor_agent_id=by_agent_id,
        store_id=offer.seller_store_id,
        listing_id=offer.listing_id,
        thread_id=thread_id,
        offer_ref_id=offer_ref_id,
    )
    return reference
