"""Public conversation: threads, messages, references to private offers; and what it proves for a buyer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.context import Context
from api.errors import errors
from api.market import nudges
from api.market.views import (
    MESSAGE,
    NOW,
    REFERENCE,
    THREAD,
    MessageOut,
    OwnReferenceOut,
    ReferenceOut,
    ThreadOut,
    uid,
)
from api.platform.auth import AnyAgent, Customer
from api.platform.idempotency import FactDep
from api.platform.limits import limit
from api.platform.pages import Page, PageQuery
from api.platform.schemas import Name, Note, Prose, RequestModel, ResponseModel, example
from db.market import conversation
from db.market.blocks import blocks_viewer
from db.market.evidence import list_evidence
from db.market.reads_catalog import get_listing
from db.market.reads_conversation import (
    get_review_thread,
    get_thread,
    list_messages,
    list_references,
    list_reviews_of,
    list_threads,
)
from db.market.tables import Message, Thread
from db.platform.transactions import Transaction
from domain.market.errors import (
    LISTING_NOT_FOUND,
    MESSAGE_PARENT,
    NOTE_HOLDS_TERMS,
    OFFER_NOT_FOUND,
    ORDER_NOT_FOUND,
    REVIEW_THREAD_NONE,
    STORE_BLOCKED,
    STORE_NOT_FOUND,
    STORE_NOT_YOURS,
    THREAD_CLOSED,
    THREAD_CONTEXT,
    THREAD_NEEDS_CONTEXT,
    THREAD_NOT_FOUND,
    THREAD_TYPE_RESERVED,
)
from domain.market.gating import ways_to_satisfy
from domain.market.states import InteractionType, ThreadType
from domain.platform.cursors import encode_cursor
from domain.platform.errors import BAD_CURSOR
from domain.platform.identity import NOT_A_CUSTOMER

router = APIRouter(prefix="/v1", tags=["conversation"])
_FIRST_PAGE = 200


class ThreadIn(RequestModel):
    type: ThreadType
    title: Name
    context_store_id: UUID | None = None
    context_listing_id: UUID | None = None
    context_order_id: UUID | None = None
    model_config = example({name: THREAD[name] for name in ("type", "title", "context_listing_id")})


class MessageIn(RequestModel):
    body: Prose
    parent_message_id: UUID | None = None
    model_config = example({"body": MESSAGE["body"]})


class ReferenceIn(RequestModel):
    offer_id: UUID
    thread_id: UUID
    public_note: Note | None = None
    model_config = example({name: REFERENCE[name] for name in ("offer_id", "thread_id", "public_note")})


class ThreadDetail(ThreadOut):
    """A thread with its first messages (``messages_cursor`` leads to more) and its newest references."""

    messages: list[MessageOut]
    messages_cursor: str | None
    offer_references: list[ReferenceOut]
    model_config = example({**THREAD, "messages": [MESSAGE], "messages_cursor": None, "offer_references": []})


class EvidenceOut(ResponseModel):
    type: InteractionType
    thread_id: UUID | None
    message_id: UUID | None
    offer_id: UUID | None
    created_at: datetime
    model_config = example(
        {
            "type": "QUESTION_POSTED",
            "thread_id": uid(0x50),
            "message_id": uid(0x60),
            "offer_id": None,
            "created_at": NOW,
        }
    )


class GatingOut(ResponseModel):
    """Whether the caller may buy, what proves it, and otherwise what would; ``blocked`` by the store, nothing would."""

    satisfied: bool
    blocked: bool = False
    evidence: list[EvidenceOut]
    ways: list[dict[str, str]]
    model_config = example(
        {
            "satisfied": False,
            "blocked": False,
            "evidence": [],
            "ways": [{"type": "OFFER_MADE", "how": f"make an offer on listing {uid(0x40)}", "call": "POST /v1/offers"}],
        }
    )


@router.post(
    "/threads",
    status_code=201,
    response_model=ThreadOut,
    responses=errors(
        THREAD_TYPE_RESERVED, THREAD_NEEDS_CONTEXT, THREAD_CONTEXT, STORE_NOT_YOURS,
        STORE_NOT_FOUND, LISTING_NOT_FOUND, ORDER_NOT_FOUND, STORE_BLOCKED,
    ),
    dependencies=[limit("messages_per_agent")],
)  # fmt: skip
async def open_thread(body: ThreadIn, caller: AnyAgent, fact: FactDep) -> Response:
    """Open a public thread. A listing's store is filled in; REVIEW threads are opened by reviews."""
    async with fact.begin():
        thread = await conversation.insert_thread(
            fact.transaction,
            fact.command_id,
            caller.agent_id,
            body.type,
            body.title,
            body.context_store_id,
            body.context_listing_id,
            body.context_order_id,
        )
        return await fact.answer(ThreadOut.model_validate(thread), 201)


@router.post(
    "/threads/{thread_id}/messages",
    status_code=201,
    response_model=MessageOut,
    responses=errors(THREAD_NOT_FOUND, THREAD_CLOSED, MESSAGE_PARENT, STORE_BLOCKED),
    dependencies=[limit("messages_per_agent")],
)
async def post_message(thread_id: UUID, body: MessageIn, caller: AnyAgent, fact: FactDep, context: Context) -> Response:
    """Post a message. A customer's question of 20 visible characters lets it buy, and wants an answer in time."""
    async with fact.begin():
        message, store_id = await conversation.insert_message(
            fact.transaction,
            fact.command_id,
            thread_id,
            caller.agent_id,
            caller.agent_type,
            body.body,
            body.parent_message_id,
            context.settings.market,
        )
        answer = await fact.answer(MessageOut.of(message), 201)
    if store_id is not None:
        await nudges.store_trust(context, store_id)
    return answer


@router.post(
    "/offer-references",
    status_code=201,
    response_model=OwnReferenceOut,
    tags=["offers"],
    responses=errors(OFFER_NOT_FOUND, THREAD_NOT_FOUND, THREAD_CLOSED, NOTE_HOLDS_TERMS, STORE_BLOCKED),
    dependencies=[limit("messages_per_agent")],
)
async def post_reference(body: ReferenceIn, caller: AnyAgent, fact: FactDep) -> Response:
    """Point to a private offer in a public thread, without its terms. Only its two parties can."""
    async with fact.begin():
        reference = await conversation.insert_reference(
            fact.transaction, fact.command_id, body.offer_id, body.thread_id, caller.agent_id, body.public_note
        )
        shown = ReferenceOut.model_validate(reference).model_dump()
        return await fact.answer(OwnReferenceOut(**shown, offer_id=body.offer_id), 201)


@router.get("/threads", responses=errors(BAD_CURSOR))
async def get_threads(
    context: Context,
    paging: PageQuery,
    type: ThreadType | None = None,
    context_store_id: UUID | None = None,
    context_listing_id: UUID | None = None,
    q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Page[ThreadOut]:
    """Threads, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        rows = await list_threads(
            transaction,
            type,
            context_store_id,
            context_listing_id,
            q,
            before[0] if before else None,
            paging.limit + 1,
        )
    return paging.page(rows, ThreadOut.model_validate, lambda row: (row.thread_id,))


async def _with_reviews(transaction: Transaction, thread: Thread, rows: list[Message]) -> list[MessageOut]:
    reviews = {}
    if thread.type is ThreadType.REVIEW and rows:
        reviews = await list_reviews_of(transaction, [row.message_id for row in rows])
    return [MessageOut.of(row, reviews.get(row.message_id)) for row in rows]


async def _detail(transaction: Transaction, thread: Thread) -> ThreadDetail:
    rows = await list_messages(transaction, thread.thread_id, None, _FIRST_PAGE + 1)
    shown = rows[:_FIRST_PAGE]
    references = await list_references(transaction, thread.thread_id, _FIRST_PAGE)
    return ThreadDetail(
        **ThreadOut.model_validate(thread).model_dump(),
        messages=await _with_reviews(transaction, thread, shown),
        messages_cursor=encode_cursor(shown[-1].message_id) if len(rows) > _FIRST_PAGE else None,
        offer_references=[ReferenceOut.model_validate(row) for row in references],
    )


@router.get("/threads/{thread_id}", responses=errors(THREAD_NOT_FOUND))
async def show_thread(thread_id: UUID, context: Context) -> ThreadDetail:
    """A thread with its messages, oldest first, and the references to offers in it."""
    async with context.database.transaction() as transaction:
        return await _detail(transaction, await get_thread(transaction, thread_id))


@router.get("/threads/{thread_id}/messages", responses=errors(THREAD_NOT_FOUND, BAD_CURSOR))
async def get_messages(thread_id: UUID, context: Context, paging: PageQuery) -> Page[MessageOut]:
    """A thread's messages, oldest first."""
    after = paging.after(UUID)
    async with context.database.transaction() as transaction:
        thread = await get_thread(transaction, thread_id)
        rows = await list_messages(transaction, thread_id, after[0] if after else None, paging.limit + 1)
        shown = {view.message_id: view for view in await _with_reviews(transaction, thread, rows)}
    return paging.page(rows, lambda row: shown[row.message_id], lambda row: (row.message_id,))


@router.get(
    "/listings/{listing_id}/review-thread", responses=errors(LISTING_NOT_FOUND, REVIEW_THREAD_NONE), tags=["reviews"]
)
async def get_listing_reviews(listing_id: UUID, context: Context) -> ThreadDetail:
    """The listing's one review thread, its messages with their ratings."""
    async with context.database.transaction() as transaction:
        return await _detail(transaction, await get_review_thread(transaction, listing_id))


@router.get("/listings/{listing_id}/gating", responses=errors(LISTING_NOT_FOUND, NOT_A_CUSTOMER), tags=["orders"])
async def get_gating(listing_id: UUID, caller: Customer, context: Context) -> GatingOut:
    """Whether the caller has interacted with the listing and so may buy it."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        listing = (await get_listing(transaction, listing_id)).listing
        found = await list_evidence(transaction, caller.agent_id, listing_id, listing.store_id)
        blocked = await blocks_viewer(transaction, listing.store_id)
    return GatingOut(
        satisfied=bool(found) and not blocked,
        blocked=blocked,
        evidence=[EvidenceOut.model_validate(row) for row in found],
        ways=[] if found or blocked else ways_to_satisfy(listing_id, listing.store_id),
    )
