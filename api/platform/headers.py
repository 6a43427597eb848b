"""Headers as ASGI has them, pairs of bytes: what every request passes through makes no objects of them."""

from collections.abc import Iterable

from starlette.types import Message

Pair = tuple[bytes, bytes]


def header(headers: Iterable[Pair], name: bytes) -> str | None:
    """The first header of that name, which is in lower case."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def set_headers(start: Message, pairs: Iterable[Pair]) -> None:
    """Give an answer these headers, in place of any it has of their names."""
    new = dict(pairs)
    start["headers"] = [pair for pair in start["headers"] if pair[0] not in new] + list(new.items())


def add_missing(start: Message, pairs: Iterable[Pair]) -> None:
    """Give an answer those of these headers that it lacks."""
    known = {name for name, _ in start["headers"]}
    start["headers"] = [*start["headers"], *(pair for pair in pairs if pair[0] not in known)]
