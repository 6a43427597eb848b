"""Lists page by page, and reads that are not sent twice.

A cursor is the sort key of the last row given out, opaque and validated on its way back in. It names a
place and not a row number, so rows that come or go between two pages shift nothing.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.platform.schemas import ResponseModel
from domain.platform_errors import BAD_CURSOR

Item = TypeVar("Item")
Row = TypeVar("Row")
MAX_LIMIT = 200


class Page(ResponseModel, Generic[Item]):
    """One page; ``next_cursor`` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


def encode_cursor(*key: Any) -> str:
    text = json.dumps([_plain(part) for part in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(part: Any) -> Any:
    return part.isoformat() if isinstance(part, datetime) else str(part) if isinstance(part, UUID) else part


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key in a cursor. Raises request.bad_cursor unless it has exactly these kinds."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise BAD_CURSOR.error() from None
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise BAD_CURSOR.error()
    return tuple(_typed(part, kind) for part, kind in zip(parts, kinds, strict=True))


def _typed(part: Any, kind: type) -> Any:
    try:
        if kind is int and type(part) is int and 0 <= part < 2**63:
            return part
        if kind is float and type(part) in (int, float) and abs(part) < 1e15:
            return float(part)
        if kind is UUID and isinstance(part, str):
            return UUID(part)
        if kind is datetime and isinstance(part, str):
            found = datetime.fromisoformat(part)
            if found.tzinfo is not None:
                return found
    except ValueError:
        pass
    raise BAD_CURSOR.error()


class Paging:
    """The query parameters of a list: ``limit`` and ``cursor``."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        cursor: Annotated[str | None, Query(max_length=500, description="next_cursor of the page before")] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """Where to go on, or None at the start. Raises request.bad_cursor."""
        return None if self.cursor is None else decode_cursor(self.cursor, *kinds)

    def page(
        self, rows: Sequence[Row], make: Callable[[Row], Item], key: Callable[[Row], tuple[Any, ...]]
    ) -> Page[Item]:
        """A page of ``rows``, of which there is one more than ``limit`` when another page follows."""
        shown = rows[: self.limit]
        more = encode_cursor(*key(shown[-1])) if len(rows) > self.limit else None
        return Page(items=[make(row) for row in shown], next_cursor=more)


PageQuery = Annotated[Paging, Depends()]


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
    content_type = Headers(raw=start["headers"]).get("content-type", "")
    return bool(start["status"] == 200 and content_type.startswith("application/json"))


async def _send_tagged(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = MutableHeaders(scope=start)
    headers["ETag"] = tag
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("Vary", "Authorization")
    asked = Headers(scope=scope).get("if-none-match", "")
    known = {entry.strip().removeprefix("W/") for entry in asked.split(",")}
    if tag in known or asked.strip() == "*":
        del headers["content-length"]
        await send({**start, "status": 304})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(start)
    await send({"type": "http.response.body", "body": body})
