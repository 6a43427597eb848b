"""The market's front page: what goes on now, live; who is trusted; what is talked about.

The list is made on the server and works without scripts. The stream sends the same items, one by one, with the
feed's own cursor as the event's id, so a browser that lost its connection resumes without a gap or a double.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse

from api.context import AppContext, Context
from api.market.feed import stream_slot, stream_start
from api.platform.event_stream import EventStream, event_bytes
from api.web.charts import bars
from api.web.rendering import PageRoute, page, templates
from api.web.words import plain
from db.locks import clock
from db.market import discovery
from db.market.tables import ActivityEvent
from db.market.watch_figures import Figures, get_figures
from db.market.watch_stories import Story, tell
from db.platform.commit_order import START, Position, position_of
from db.platform.database import Database
from db.platform.feed import FeedFilter, list_before, newest_position
from domain.platform.cursors import decode_cursor, encode_cursor
from domain.platform.events import PublicEvent

router = APIRouter(route_class=PageRoute, include_in_schema=False)
stream_router = APIRouter(include_in_schema=False)

_EVENTS = 40
_STORES = 10
_SPOTS = 5
_SPOTLIGHT_HOURS = 24
_ITEM = templates.get_template("item.html")
_CHARTS = {
    "messages": "messages",
    "offers": "offers made",
    "deals": "offers accepted",
    "orders": "orders",
    "reviews": "reviews",
    "trust": "moves of trust",
}


def _store_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class FeedQuery:
    """The front page's filter. A form sends an empty value for "all"."""

    def __init__(self, type: str = "", store_id: str = "", cursor: str = "") -> None:
        self.type = next((kind for kind in PublicEvent.all_kinds() if kind == type), None)
        self.store_id = _store_id(store_id)
        self.cursor = cursor
        self.wanted = FeedFilter(self.type, self.store_id)

    def href(self, **more: object) -> str:
        """The query string of this filter with something added."""
        own = {"type": self.type.value if self.type else None, "store_id": self.store_id, **more}
        return urlencode({name: value for name, value in own.items() if value is not None})


Wanted = Annotated[FeedQuery, Depends()]


async def _stories(context: AppContext, wanted: FeedQuery) -> tuple[list[Story], str | None, str]:
    """The items to show, the cursor of older ones, and where the stream goes on."""
    async with context.database.transaction() as transaction:
        before: Position | None = None
        if wanted.cursor:
            txid, seq = decode_cursor(wanted.cursor, int, int)
            before = (txid, seq)
        now_at = await newest_position(transaction)
        events = await list_before(transaction, before, _EVENTS + 1, wanted.wanted)
        more, events = len(events) > _EVENTS, events[:_EVENTS]
        stories = await tell(transaction, events)
    newest = max([now_at, *(position_of(event) for event in events[:1])], default=START)
    older = encode_cursor(*position_of(events[-1])) if more else None
    return stories, older, encode_cursor(*newest)


def _charts(figures: Figures) -> list[tuple[str, int, object]]:
    return [
        (
            name,
            figures.total(figure),
            bars(figures.slices[figure], f"{name} in the last hour, five minutes to a bar: {figures.slices[figure]}"),
        )
        for figure, name in _CHARTS.items()
    ]


@dataclass(frozen=True, slots=True)
class Glance:
    """What the page counts over hours of the log: dear in a busy market, and the same for all who look."""

    now: datetime
    figures: Figures
    spotlight: discovery.Spotlight


async def _look(database: Database) -> Glance:
    async with database.transaction() as transaction:
        now = await clock(transaction)
        figures = await get_figures(transaction, now)
        since = now - timedelta(hours=_SPOTLIGHT_HOURS)
        return Glance(now, figures, await discovery.get_spotlight(transaction, since, _SPOTS))


@router.get("/", response_class=HTMLResponse)
async def home(context: Context, wanted: Wanted, by: str = "trust") -> HTMLResponse:
    """What goes on in the market."""
    stories, older, newest = await _stories(context, wanted)
    glance = await context.glance.get("home", partial(_look, context.database))
    async with context.database.transaction() as transaction:
        ranked = await discovery.list_ranked(transaction, "sales" if by == "sales" else "trust", _STORES)
        choice = await discovery.list_ranked(transaction, "trust", 200)
    return page(
        "home.html",
        stories=stories,
        older=wanted.href(cursor=older) if older else None,
        stream=f"/feed/stream?{wanted.href(after=newest)}",
        wanted=wanted,
        all_kinds=PublicEvent.all_kinds(),
        charts=_charts(glance.figures),
        figures=glance.figures,
        ranked=ranked,
        by=by,
        choice=[(row[0].store_id, row[0].name) for row in choice],
        spotlight=glance.spotlight,
        now=glance.now,
    )


async def render_items(database: Database, events: Sequence[ActivityEvent]) -> list[bytes]:
    """Events as items of the front page, as HTML and as text."""
    async with database.transaction() as transaction:
        stories = await tell(transaction, events)
    return [_item_bytes(story) for story in stories]


def _item_bytes(story: Story) -> bytes:
    event = story.event
    data = {
        "id": str(event.activity_event_id),
        "at": event.created_at.isoformat(),
        "html": _ITEM.render(story=story),
        "text": plain(story),
        "kind": event.type.colour,
    }
    return event_bytes("activity", json.dumps(data), encode_cursor(*position_of(event)))


@stream_router.get("/feed/stream", dependencies=[Depends(stream_slot)])
async def stream(
    context: Context, wanted: Wanted, start: Annotated[Position | None, Depends(stream_start)]
) -> EventStream:
    """The front page's items as they come. The id is the feed's cursor; resumes after Last-Event-ID."""
    return EventStream(context.feed.follow(wanted.wanted, render_items, start or await context.feed.now()))
