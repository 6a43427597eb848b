"""What a client can be asked to do, as values: one request, a list page by page, or a stream.

The functions in :mod:`souk_client.operations` make them and do nothing else; the sync and the async client
carry them out. So an operation is described once, and a test can hold it against the OpenAPI document.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from souk_client.models.base import Page, Places
from souk_client.repeating import new_key

T = TypeVar("T")
Json = dict[str, Any]
Param = str | float | Sequence[str]
Params = dict[str, Param]

CSV = "text/csv"
EXPORT_SIZE = 5_000
"""Rows of an export asked for at a time: the most that the market gives."""
PAGE_SIZE = 100
"""Items asked for at a time; the market gives 200 at most."""
BEGINNING = "WzAsMF0"
"""The place before the first event of a feed: a stream after it tells everything there ever was."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request. ``key`` is its Idempotency-Key, the same on every attempt; ``media`` what it is answered in."""

    method: str
    path: str
    answer: TypeAdapter[T]
    body: Json | None = None
    params: Params = field(default_factory=dict)
    key: str | None = None
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class PageCall(Generic[T]):
    """A list. ``params`` are its filters and the page's size."""

    path: str
    item: TypeAdapter[Page[T]]
    params: Params

    def after(self, cursor: str | None) -> Call[Page[T]]:
        """The request for the page behind a cursor, or for the first one."""
        params = self.params if cursor is None else {**self.params, "cursor": cursor}
        return Call("GET", self.path, self.item, params=params)


@dataclass(frozen=True, slots=True)
class StreamCall(Generic[T]):
    """A stream of events after a place; ``newest`` asks for the place called "now" when ``after`` is None."""

    path: str
    event: TypeAdapter[T]
    params: Params
    after: str | None
    newest: Call[Places] | None


_adapters: dict[Any, TypeAdapter[Any]] = {}


def adapter(answer: type[T]) -> TypeAdapter[T]:
    """The reader of an answer; made once, because that takes a while."""
    if answer not in _adapters:
        _adapters[answer] = TypeAdapter(answer)
    return _adapters[answer]


def given(values: dict[str, Any]) -> dict[str, Any]:
    """What is not None: what is left out of a request stays as it is."""
    return {name: value for name, value in values.items() if value is not None}


def get(path: str, answer: type[T], **params: Param | None) -> Call[T]:
    """A read."""
    return Call("GET", path, adapter(answer), params=given(params))


def file(path: str, media: str, **params: Param | None) -> Call[str]:
    """A read that is answered with a file of text."""
    return Call("GET", path, adapter(str), params=given(params), media=media)


def post(path: str, answer: type[T], key: str | None, **body: Any) -> Call[T]:
    """A command, done once per key; a fresh key when None."""
    return Call("POST", path, adapter(answer), body=given(body), key=key or new_key())


def patch(path: str, answer: type[T], key: str | None, **body: Any) -> Call[T]:
    """A change, done once per key; a fresh key when None."""
    return Call("PATCH", path, adapter(answer), body=given(body), key=key or new_key())


def put(path: str, answer: type[T], **body: Any) -> Call[T]:
    """A replacement: what is None is taken away. Repeating it changes nothing."""
    return Call("PUT", path, adapter(answer), body=body)


def listed(path: str, item: type[T], page_size: int, **params: Param | None) -> PageCall[T]:
    """A list of one kind of thing."""
    return PageCall(path, adapter(Page[item]), {**given(params), "limit": page_size})  # type: ignore[valid-type]


def streamed(path: str, event: type[T], after: str | None, **params: Param | None) -> StreamCall[T]:
    """A stream whose list has the same filters and lies at ``path`` without its ``/stream``."""
    filters = given(params)
    newest = Call("GET", path.removesuffix("/stream"), adapter(Places), params={**filters, "limit": 1})
    return StreamCall(path, adapter(event), filters, after, newest)
