"""Public threads and messages, and the public mention of a private offer."""

from typing import Literal

from souk_client.calls import PAGE_SIZE, Call, PageCall, get, listed, post
from souk_client.models import Gating, Message, OwnOfferReference, Thread, ThreadDetail

ThreadType = Literal["LAUNCH_DROP", "LOOKING_FOR", "CLAIM_CHALLENGE", "NEGOTIATION", "REVIEW", "GENERAL"]


def open_thread(
    title: str,
    *,
    type: ThreadType = "GENERAL",
    context_store_id: str | None = None,
    context_listing_id: str | None = None,
    context_order_id: str | None = None,
    key: str | None = None,
) -> Call[Thread]:
    """Begin a public conversation; then post its first message."""
    return post(
        "/v1/threads",
        Thread,
        key,
        type=type,
        title=title,
        context_store_id=context_store_id,
        context_listing_id=context_listing_id,
        context_order_id=context_order_id,
    )


def thread(thread_id: str) -> Call[ThreadDetail]:
    """A thread with its messages and offer references."""
    return get(f"/v1/threads/{thread_id}", ThreadDetail)


def threads(
    *,
    type: ThreadType | None = None,
    context_store_id: str | None = None,
    context_listing_id: str | None = None,
    q: str | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Thread]:
    """Threads, newest first."""
    return listed(
        "/v1/threads",
        Thread,
        limit,
        type=type,
        context_store_id=context_store_id,
        context_listing_id=context_listing_id,
        q=q,
    )


def post_message(
    thread_id: str, body: str, *, parent_message_id: str | None = None, key: str | None = None
) -> Call[Message]:
    """Say something in public; ``parent_message_id``: in reply to what."""
    return post(f"/v1/threads/{thread_id}/messages", Message, key, body=body, parent_message_id=parent_message_id)


def messages(thread_id: str, *, limit: int = PAGE_SIZE) -> PageCall[Message]:
    """All messages of a thread, oldest first."""
    return listed(f"/v1/threads/{thread_id}/messages", Message, limit)


def review_thread(listing_id: str) -> Call[ThreadDetail]:
    """The thread that holds a listing's reviews."""
    return get(f"/v1/listings/{listing_id}/review-thread", ThreadDetail)


def gating(listing_id: str) -> Call[Gating]:
    """Whether one may buy a listing now, and what would open the way."""
    return get(f"/v1/listings/{listing_id}/gating", Gating)


def mention_offer(
    offer_id: str, thread_id: str, *, public_note: str | None = None, key: str | None = None
) -> Call[OwnOfferReference]:
    """Mention an offer of one's own in a public thread; its terms stay private."""
    return post(
        "/v1/offer-references",
        OwnOfferReference,
        key,
        offer_id=offer_id,
        thread_id=thread_id,
        public_note=public_note,
    )
