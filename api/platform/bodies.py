"""Bodies: not larger than allowed, and whole before anything is done for their request.

A request whose body is still on its way takes no place among those in flight and no connection to Postgres: callers
who never finish keep nobody from being answered. How long a body may take, the connection decides (``connections``).
"""

from collections.abc import Mapping

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLargeError, problem_response
from api.platform.headers import header
from domain.platform.errors import UNAVAILABLE

_LARGE_AT_ONCE = 4
"""Bodies of the paths that take more are received at the same time: those of a few operators, in bounded memory."""


class WholeBody:
    """Reads a body before the request is handed on; one that is too large no further than that shows.

    One that says it is too large is refused here: a hundred of them at once take no place from anybody.
    ``exceptions`` are the sizes of paths that take more.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, exceptions: Mapping[str, int]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.exceptions = exceptions
        self.large = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "souk.within" in scope or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        max_bytes = self.exceptions.get(scope["path"], self.max_bytes)
        if _declared(scope) > max_bytes:
            await _too_large(max_bytes, scope, receive, send)
            return
        if max_bytes <= self.max_bytes:
            read = await _read(receive, max_bytes)
        elif self.large >= _LARGE_AT_ONCE:
            await problem_response(UNAVAILABLE.error(), Request(scope))(scope, receive, send)
            return
        else:
            self.large += 1
            try:
                read = await _read(receive, max_bytes)
            finally:
                self.large -= 1
        if read["type"] == "http.disconnect":
            return
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return read

        await self.app(scope, whole, send)


def _has_body(scope: Scope) -> bool:
    """Whether a body may follow the headers."""
    return any(name in (b"content-length", b"transfer-encoding") and value != b"0" for name, value in scope["headers"])


def _declared(scope: Scope) -> int:
    """What Content-Length says; 0 without one."""
    said = header(scope["headers"], b"content-length") or ""
    return int(said) if said.isascii() and said.isdigit() else 0


async def _too_large(max_bytes: int, scope: Scope, receive: Receive, send: Send) -> None:
    await problem_response(BodyTooLargeError(max_bytes).refused, Request(scope))(scope, receive, send)


async def _read(receive: Receive, max_bytes: int) -> Message:
    """The body as one message; with more to come when it is too large."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    return {"type": "http.request", "body": b"".join(chunks), "more_body": more}


class BodyLimit:
    """Refuses bodies over a size, whether they say so in Content-Length or come in chunks.

    ``exceptions`` are the sizes of paths that take more.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, exceptions: Mapping[str, int]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.exceptions = exceptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.exceptions.get(scope["path"], self.max_bytes)
        if _declared(scope) > max_bytes:
            await _too_large(max_bytes, scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > max_bytes:
                # FastAPI hands HTTP exceptions on, so this one ends as a problem document.
                raise BodyTooLargeError(max_bytes)
            return message

        await self.app(scope, counted, send)
