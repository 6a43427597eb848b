"""Server-sent events: read from bytes, and resumed where they broke off.

Lines end with CR, LF or both and nowhere else: a text may hold other line separators of Unicode.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from souk_client.calls import BEGINNING, StreamCall
from souk_client.errors import UnexpectedAnswerError
from souk_client.models.base import Places
from souk_client.repeating import Attempts

T = TypeVar("T")
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One server-sent event: its id (to resume after) and its data."""

    event_id: str | None
    data: str


class EventParser:
    """Makes events of the bytes of one connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[StreamedEvent]:
        """The events that these bytes complete."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        for line in lines:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self._id = value
            elif name == "data":
                self._data.append(value)
            elif not line and self._data:
                yield StreamedEvent(self._id, "\n".join(self._data))
                self._data = []


class Resumption(Generic[T]):
    """How one stream goes on over any number of connections without a gap and without a repetition.

    A stream that begins "now" first asks for the newest event: its place is known before the first
    connection, so a cut before the first event loses nothing either.
    """

    def __init__(self, call: StreamCall[T], attempts: Attempts) -> None:
        self.call = call
        self.attempts = attempts
        self.place = call.after
        self._parser = EventParser()

    def begin_at(self, newest: Places) -> None:
        """Begin behind the newest event there is."""
        self.place = newest.items[0].cursor if newest.items else BEGINNING

    def connect(self) -> dict[str, str]:
        """A new connection's own headers."""
        self._parser = EventParser()
        headers = {"Accept": "text/event-stream"}
        if self.place is not None:
            headers["Last-Event-ID"] = self.place
        return headers

    def hear(self, chunk: bytes) -> Iterator[T]:
        """Typed events; a heartbeat counts as a sign of life. Raises UnexpectedAnswerError."""
        self.attempts.begin_again()
        for event in self._parser.feed(chunk):
            try:
                found = self.call.event.validate_json(event.data)
            except ValidationError as error:
                raise UnexpectedAnswerError(f"{self.call.path} sent an event that cannot be read") from error
            # Known as told only once the caller has come back for the next one.
            yield found
            self.place = event.event_id or self.place
