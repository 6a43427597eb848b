"""Requests by method and path, for what has no function of its own: operators' routes, and what is newer.

Answers are plain JSON. They are repeated, kept idempotent and streamed like all others.
"""

from typing import Any

from pydantic import TypeAdapter

from souk_client.calls import PAGE_SIZE, Call, Json, PageCall, Param, StreamCall, given
from souk_client.models import Page
from souk_client.repeating import new_key

_JSON: TypeAdapter[Json] = TypeAdapter(dict[str, Any])
_MAYBE: TypeAdapter[Json | None] = TypeAdapter(dict[str, Any] | None)
_PAGE: TypeAdapter[Page[Json]] = TypeAdapter(Page[dict[str, Any]])


def send(method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Call[Json]:
    """Any request with an object for an answer."""
    return Call(method, path, _JSON, body=body, key=key)


def get(path: str, **params: Param | None) -> Call[Json]:
    """Read one resource or one page."""
    return Call("GET", path, _JSON, params=given(params))


def post(path: str, body: Json | None = None, *, key: str | None = None) -> Call[Json]:
    """Do something once. ``key`` is the Idempotency-Key; by default a fresh one."""
    return Call("POST", path, _JSON, body=body or {}, key=key or new_key())


def put(path: str, body: Json) -> Call[Json]:
    """Replace a resource; repeating it changes nothing."""
    return Call("PUT", path, _JSON, body=body)


def patch(path: str, body: Json, *, key: str | None = None) -> Call[Json]:
    """Change a resource, once per key."""
    return Call("PATCH", path, _JSON, body=body, key=key or new_key())


def delete(path: str) -> Call[Json | None]:
    """Take something away; repeating it changes nothing."""
    return Call("DELETE", path, _MAYBE)


def pages(path: str, *, limit: int = PAGE_SIZE, **params: Param | None) -> PageCall[Json]:
    """Every item of a cursor-paginated list."""
    return PageCall(path, _PAGE, {**given(params), "limit": limit})


def stream(path: str, *, after: str | None = None, **params: Param | None) -> StreamCall[Json]:
    """Server-sent events with JSON data, after a cursor."""
    return StreamCall(path, _JSON, given(params), after, None)
