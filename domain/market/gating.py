"""Strict purchase gating: a buyer has interacted with a listing before it buys.

QUESTION_POSTED is a customer's message of at least 20 visible characters (``domain/platform/texts.py``) in a thread
anchored to the listing, or to its store as a whole; OFFER_MADE any offer recorded on the listing;
LOOKING_FOR_PARTICIPATION such a message in a LOOKING_FOR thread anchored to the listing. Shorter messages are posted
all the same; they prove nothing.
"""

from dataclasses import dataclass
from uuid import UUID

from domain.market.states import InteractionType, ThreadType
from domain.platform.identity import AgentType
from domain.platform.texts import visible_length

MIN_MESSAGE_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one message proves. Exactly one of the ids is set: a whole store's thread, or one listing's."""

    type: InteractionType
    listing_id: UUID | None = None
    store_id: UUID | None = None


def _asks(body: str) -> bool:
    return visible_length(body) >= MIN_MESSAGE_CHARACTERS


def evidence_of_message(
    author_type: AgentType,
    body: str,
    thread_type: ThreadType,
    context_listing_id: UUID | None,
    context_store_id: UUID | None,
) -> list[Evidence]:
    """What posting ``body`` proves for its author; empty when it proves nothing."""
    if author_type is not AgentType.CUSTOMER or not _asks(body):
        return []
    if context_listing_id is not None:
        found = [Evidence(InteractionType.QUESTION_POSTED, listing_id=context_listing_id)]
        if thread_type is ThreadType.LOOKING_FOR:
            found.append(Evidence(InteractionType.LOOKING_FOR_PARTICIPATION, listing_id=context_listing_id))
        return found
    if context_store_id is not None:
        return [Evidence(InteractionType.QUESTION_POSTED, store_id=context_store_id)]
    return []


def asks_support(author_type: AgentType, body: str, thread_type: ThreadType, has_store: bool) -> bool:
    """Whether a message is a question its store owes an answer: qualifying, and not in a REVIEW thread."""
    return author_type is AgentType.CUSTOMER and has_store and thread_type is not ThreadType.REVIEW and _asks(body)


def ways_to_satisfy(listing_id: UUID, store_id: UUID) -> list[dict[str, str]]:
    """The ways on for a buyer without evidence, each with all its conditions: for an error and the gating route."""
    message = (
        f"post a message of at least {MIN_MESSAGE_CHARACTERS} visible characters, of which a Chinese, Japanese or "
        "Korean one counts as two,"
    )
    return [
        {
            "type": InteractionType.QUESTION_POSTED,
            "how": f"{message} in a thread with context_listing_id {listing_id} or context_store_id {store_id}",
            "call": "POST /v1/threads then POST /v1/threads/{thread_id}/messages",
        },
        {
            "type": InteractionType.OFFER_MADE,
            "how": f"make an offer on listing {listing_id}; asking first is not needed",
            "call": "POST /v1/offers",
        },
        {
            "type": InteractionType.LOOKING_FOR_PARTICIPATION,
            "how": f"{message} in a LOOKING_FOR thread with context_listing_id {listing_id}",
            "call": "POST /v1/threads then POST /v1/threads/{thread_id}/messages",
        },
    ]
