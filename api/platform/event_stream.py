"""Server-sent events as ready bytes: how a stream is answered, and how it stands in the API's document.

A chunk is one write of one or several whole events. Nothing is made per event and watcher: what many watch is
rendered once (``feed_channels``). A slow reader is held at ``send`` and holds up nobody else.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Send

BEAT = KEEPALIVE_COMMENT
"""A comment: tells proxies and clients of a quiet stream that it is alive."""


def event_bytes(event: str, data: str, cursor: str) -> bytes:
    """One event. ``data`` is JSON; ``cursor`` is what the reader resumes after."""
    return format_sse_event(data_str=data, event=event, id=cursor)


class EventStream(StreamingResponse):
    """Sends chunks as they come, until they end or the reader leaves; then their source is closed."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        # The second header is for nginx, which would gather the events otherwise.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(chunks, headers=headers, media_type="text/event-stream")

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes, None]", self.body_iterator)):
            await super().stream_response(send)


_TEXT = {"type": "string"}
_EVENT_SCHEMA = {
    "type": "object",
    "properties": {"data": _TEXT, "event": _TEXT, "id": _TEXT, "retry": {"type": "integer", "minimum": 0}},
}


def documented(example: str) -> dict[int | str, dict[str, Any]]:
    """The 200 of a stream for a route's ``responses``."""
    content = {"text/event-stream": {"example": example, "itemSchema": _EVENT_SCHEMA}}
    return {200: {"description": "Server-sent events", "content": content}}
