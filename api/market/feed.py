"""The public feed: what happened, page by page, and what happens, as a stream. Holds ids only, no terms."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.context import Context
from api.errors import errors
from api.market.views import NOW, uid
from api.platform.auth import Identity, holder_of, identity
from api.platform.event_stream import EventStream, documented, event_bytes
from api.platform.limits import client_address
from api.platform.pages import Page, PageQuery
from api.platform.schemas import example
from db.market.tables import ActivityEvent
from db.platform.commit_order import Position
from db.platform.database import Database
from db.platform.feed import FeedFilter, activity_item, read_page
from db.platform.reading import Row
from domain.platform.cursors import decode_cursor, encode_cursor
from domain.platform.errors import BAD_CURSOR, TOO_MANY_OF_ADDRESS, TOO_MANY_OWN_STREAMS, TOO_MANY_STREAMS
from domain.platform.events import PublicEvent
from domain.platform.feeds import ActivityItem

router = APIRouter(prefix="/v1/activity", tags=["feed"])

_EVENT: dict[str, Any] = {
    "activity_event_id": uid(0xA0),
    "type": "MESSAGE_POSTED",
    "created_at": NOW,
    "actor_agent_id": uid(1),
    "store_id": uid(0x20),
    "listing_id": uid(0x40),
    "thread_id": uid(0x50),
    "message_id": uid(0x60),
    "offer_ref_id": None,
    "order_id": None,
    "review_id": None,
    "store_update_id": None,
    "trust_event_id": None,
    "meta": {},
    "cursor": "WzgxMiwxMDQ0XQ",
}


class ActivityOut(ActivityItem):
    __doc__ = ActivityItem.__doc__
    model_config = example(_EVENT)


async def wanted_events(
    type: PublicEvent | None = None, store_id: UUID | None = None, listing_id: UUID | None = None
) -> FeedFilter:
    """The feed's filters."""
    return FeedFilter(type, store_id, listing_id)


WantedQuery = Annotated[FeedFilter, Depends(wanted_events)]


def _shown(row: Row) -> Row:
    """An event in the shape of ActivityOut."""
    row["cursor"] = encode_cursor(row.pop("txid"), row.pop("seq"))
    return row


@router.get("", response_model=Page[ActivityOut], responses=errors(BAD_CURSOR))
async def get_activity(
    context: Context,
    paging: PageQuery,
    wanted: WantedQuery,
    order: Literal["newest", "oldest"] = "newest",
) -> Response:
    """What happened, newest first by default. Gap-free: an event once passed by never appears behind a cursor."""
    place = paging.after(int, int)
    position: Position | None = (place[0], place[1]) if place else None
    rows = await read_page(context.reads, position, paging.limit + 1, wanted, newest_first=order == "newest")
    return paging.answer(rows, lambda row: encode_cursor(row["txid"], row["seq"]), _shown)


async def stream_start(
    after: Annotated[
        str | None, Query(max_length=500, description="the cursor of an event; from now when left out")
    ] = None,
    last_event_id: Annotated[str | None, Header(max_length=500)] = None,
) -> Position | None:
    """Where a stream begins. A reconnecting client repeats its URL, so Last-Event-ID comes first."""
    cursor = last_event_id or after
    if not cursor:
        return None
    txid, seq = decode_cursor(cursor, int, int)
    return txid, seq


async def stream_slot(
    request: Request, context: Context, found: Annotated[Identity | None, Depends(identity)]
) -> AsyncIterator[None]:
    """Held until the stream ends."""
    with context.feed.places.taken(holder_of(found), client_address(request.scope)):
        yield


async def render_events(_: Database, events: Sequence[ActivityEvent]) -> list[bytes]:
    """Events as the stream sends them."""
    shown = [activity_item(event) for event in events]
    return [event_bytes(item.type.value, item.model_dump_json(), item.cursor) for item in shown]


@router.get(
    "/stream",
    response_class=Response,
    dependencies=[Depends(stream_slot)],
    responses={
        **documented(f'event: MESSAGE_POSTED\ndata: {{"activity_event_id": "{uid(0xA0)}"}}\nid: WzgxMiwxMDQ0XQ\n\n'),
        **errors(BAD_CURSOR, TOO_MANY_STREAMS, TOO_MANY_OF_ADDRESS, TOO_MANY_OWN_STREAMS),
    },
)
async def stream_activity(
    context: Context, wanted: WantedQuery, start: Annotated[Position | None, Depends(stream_start)]
) -> EventStream:
    """What happens, as it happens: the type as ``event``, the cursor as ``id``. Resumes after Last-Event-ID."""
    return EventStream(context.feed.follow(wanted, render_events, start or await context.feed.now()))
