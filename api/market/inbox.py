"""An agent's own events: what concerns it, page by page and as a stream, with the terms it is a party to."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.context import Context
from api.errors import errors
from api.market.feed import stream_slot, stream_start
from api.market.views import NOW, uid
from api.platform.auth import AnyAgent
from api.platform.event_stream import BEAT, EventStream, documented, event_bytes
from api.platform.pages import Page, PageQuery
from api.platform.schemas import example
from db.market.inbox import inbox_items
from db.platform.commit_order import START, Position, position_of
from db.platform.inbox import InboxFilter, list_inbox_after, list_inbox_before
from domain.market.feeds import InboxItem
from domain.platform.errors import BAD_CURSOR, TOO_MANY_OF_ADDRESS, TOO_MANY_OWN_STREAMS, TOO_MANY_STREAMS
from domain.platform.events import PrivateEvent

router = APIRouter(prefix="/v1/inbox", tags=["inbox"])
_MOST_TYPES = 100

_EVENT: dict[str, Any] = {
    "inbox_event_id": uid(0xB0),
    "type": "OFFER_MADE",
    "created_at": NOW,
    "store_id": uid(0x20),
    "listing_id": uid(0x40),
    "thread_id": None,
    "message_id": None,
    "offer_id": uid(0x71),
    "order_id": None,
    "review_id": None,
    "due_at": "2026-01-07T10:00:00Z",
    "meta": {},
    "offer": {
        "negotiation_id": uid(0x71),
        "round": 1,
        "proposed_by": "BUYER",
        "proposed_price_cents": 3_600,
        "currency": "USD",
        "quantity": 1,
        "message": "Would you take thirty-six?",
        "status": "PROPOSED",
        "close_reason": None,
        "expires_at": "2026-01-07T10:00:00Z",
        "purchase_by": None,
    },
    "order": None,
    "cursor": "WzgxMiwxMDQ0XQ",
}


class InboxOut(InboxItem):
    __doc__ = InboxItem.__doc__
    model_config = example(_EVENT)

    @classmethod
    def of(cls, item: InboxItem) -> "InboxOut":
        return cls.model_validate(item, from_attributes=True)


async def wanted_types(
    type: Annotated[
        list[PrivateEvent] | None, Query(max_length=_MOST_TYPES, description="repeat it for several; all when left out")
    ] = None,
) -> InboxFilter:
    """The inbox's filter."""
    return InboxFilter(frozenset(type or ()))


WantedQuery = Annotated[InboxFilter, Depends(wanted_types)]


@router.get("", responses=errors(BAD_CURSOR))
async def get_inbox(
    caller: AnyAgent,
    context: Context,
    paging: PageQuery,
    wanted: WantedQuery,
    order: Literal["newest", "oldest"] = "newest",
) -> Page[InboxOut]:
    """What concerned you, newest first by default. Gap-free: an event once passed by never appears behind a cursor."""
    place = paging.after(int, int)
    position: Position | None = (place[0], place[1]) if place else None
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        if order == "newest":
            rows = await list_inbox_before(transaction, caller.agent_id, position, paging.limit + 1, wanted)
        else:
            rows = await list_inbox_after(transaction, caller.agent_id, position or START, paging.limit + 1, wanted)
        items = await inbox_items(transaction, caller.agent_id, rows)
    shown = {item.inbox_event_id: item for item in items}
    return paging.page(rows, lambda row: InboxOut.of(shown[row.inbox_event_id]), position_of)


async def _chunks(found: AsyncGenerator[Sequence[InboxItem], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(found):
        async for items in found:
            yield b"".join(_event_bytes(item) for item in items) or BEAT


def _event_bytes(item: InboxItem) -> bytes:
    return event_bytes(item.type.value, item.model_dump_json(), item.cursor)


@router.get(
    "/stream",
    response_class=Response,
    dependencies=[Depends(stream_slot)],
    responses={
        **documented(f'event: OFFER_MADE\ndata: {{"inbox_event_id": "{uid(0xB0)}"}}\nid: WzgxMiwxMDQ0XQ\n\n'),
        **errors(BAD_CURSOR, TOO_MANY_STREAMS, TOO_MANY_OF_ADDRESS, TOO_MANY_OWN_STREAMS),
    },
)
async def stream_inbox(
    caller: AnyAgent,
    context: Context,
    wanted: WantedQuery,
    start: Annotated[Position | None, Depends(stream_start)],
) -> EventStream:
    """What concerns you, as it happens: the type as ``event``, the cursor as ``id``. Resumes after Last-Event-ID.

    Ends within seconds after its key is revoked.
    """
    inbox = context.feed.inbox
    after = start or await inbox.now(caller.agent_id)
    return EventStream(_chunks(inbox.follow(caller.agent_id, caller.key_id, wanted, inbox_items, after)))
