"""Lists page by page, and reads that are not sent twice.

A cursor (``domain.platform.cursors``) names a place, so rows that come or go between two pages shift nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Response
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.platform.headers import add_missing, header, set_headers
from api.platform.schemas import ResponseModel
from db.platform.reading import Row
from domain.platform.cursors import decode_cursor, encode_cursor

Item = TypeVar("Item")
Kept = TypeVar("Kept")
MAX_LIMIT = 200
_HOW_TO_KEEP = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization"))


class Page(ResponseModel, Generic[Item]):
    """One page; ``next_cursor`` is null on the last one."""

    items: list[Item]
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """``OrderPage`` of ``OrderOut``: what generated clients call it."""
        (item,) = params
        return f"{getattr(item, '__name__', 'Any').removesuffix('Out')}Page"


class Paging:
    """The query parameters of a list: ``limit`` and ``cursor``."""

    def __init__(self, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """Where to go on, or None at the start. Raises request.bad_cursor."""
        return None if self.cursor is None else decode_cursor(self.cursor, *kinds)

    def page(
        self, rows: Sequence[Kept], make: Callable[[Kept], Item], key: Callable[[Kept], tuple[Any, ...]]
    ) -> Page[Item]:
        """A page of ``rows``, of which there is one more than ``limit`` when another page follows."""
        shown = rows[: self.limit]
        more = encode_cursor(*key(shown[-1])) if len(rows) > self.limit else None
        return Page(items=[make(row) for row in shown], next_cursor=more)

    def answer(
        self, rows: list[Row], cursor: Callable[[Row], str], make: Callable[[Row], Row] | None = None
    ) -> Response:
        """The same from rows of a ``Read``. They have the shape of the route's items, or ``make`` gives it to them."""
        shown = rows[: self.limit]
        more = cursor(shown[-1]) if len(rows) > self.limit else None
        return answer({"items": [make(row) for row in shown] if make else shown, "next_cursor": more})


def answer(content: Row) -> Response:
    """A document made of our own database's rows, which have the shape of the route's response model."""
    return Response(to_json(content), media_type="application/json")


async def paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="next_cursor of the page before")] = None,
) -> Paging:
    return Paging(limit, cursor)


PageQuery = Annotated[Paging, Depends(paging)]


class Conditional:
    """ETag and If-None-Match on every JSON read. The tag is a hash of the body, so it is never stale."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        chunks: list[bytes] = []

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_json_answer(message):
                start = message
                return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                await _send_tagged(scope, start, b"".join(chunks), send)

        await self.app(scope, receive, tagged)


def _is_json_answer(start: Message) -> bool:
    content_type = header(start["headers"], b"content-type") or ""
    return bool(start["status"] == 200 and content_type.startswith("application/json"))


async def _send_tagged(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    set_headers(start, ((b"etag", tag.encode()),))
    add_missing(start, _HOW_TO_KEEP)
    asked = header(scope["headers"], b"if-none-match")
    if asked is not None and _names(asked, tag):
        start["headers"] = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send({**start, "status": 304})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _names(asked: str, tag: str) -> bool:
    return asked.strip() == "*" or tag in {entry.strip().removeprefix("W/") for entry in asked.split(",")}
