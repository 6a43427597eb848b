"""What watchers of the public feed share: an event's bytes are made once, and joined once per filter.

A channel holds the last chunks that one filter wants in one rendering. Watchers have nothing of their own but the
place they have reached: one that falls further behind than the channel keeps reads the table again, so a slow one
misses nothing and costs no memory. What one of them read, the others that come back with it find in the channel.
Invariant: whatever the filter wants after ``since``, up to where the hub has read, is in the channel's chunks.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from db.platform.commit_order import Position, position_of
from db.platform.database import Database
from db.platform.event_tables import ActivityEvent
from db.platform.feed import FeedFilter

Render = Callable[[Database, Sequence[ActivityEvent]], Awaitable[Sequence[bytes]]]
"""Events as server-sent events, in their order. A function of a module: watchers share by its identity."""

_CHUNK_BYTES = 65_536
"""What a connection takes before it holds its writer up."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Events in one piece: that at ``places[i]`` begins at byte ``starts[i]``."""

    text: bytes
    places: tuple[Position, ...]
    starts: tuple[int, ...]

    @property
    def end(self) -> Position:
        return self.places[-1]

    def after(self, place: Position) -> bytes:
        """The events after a place."""
        if place < self.places[0]:
            return self.text
        first = bisect_right(self.places, place)
        return self.text[self.starts[first] :] if first < len(self.starts) else b""


def chunks_of(events: Sequence[ActivityEvent], texts: Sequence[bytes]) -> Iterator[Chunk]:
    """Join events and their bytes, in as few chunks as a connection takes at once."""
    places: list[Position] = []
    starts: list[int] = []
    parts: list[bytes] = []
    size = 0
    for event, text in zip(events, texts, strict=True):
        if size + len(text) > _CHUNK_BYTES and parts:
            yield Chunk(b"".join(parts), tuple(places), tuple(starts))
            places, starts, parts, size = [], [], [], 0
        places.append(position_of(event))
        starts.append(size)
        parts.append(text)
        size += len(text)
    if parts:
        yield Chunk(b"".join(parts), tuple(places), tuple(starts))


class Channel:
    """The newest chunks for one filter and one rendering."""

    def __init__(self, wanted: FeedFilter, render: Render, since: Position) -> None:
        self.wanted = wanted
        self.render = render
        self.since = since
        self.watchers = 0
        self.over = False
        self.catching_up = asyncio.Lock()
        self._chunks: deque[Chunk] = deque()
        self._published = 0
        self._woken = asyncio.Event()

    def publish(self, events: Sequence[ActivityEvent], texts: Mapping[Position, bytes]) -> None:
        """Hand on those of the events that are wanted here; ``texts`` has their bytes by place."""
        own = [event for event in events if self.wanted.wants(event)]
        if own:
            self._chunks.extend(chunks_of(own, [texts[position_of(event)] for event in own]))
            self._published += 1
            self.wake()

    @property
    def kept(self) -> int:
        """How many events it holds."""
        return sum(len(chunk.places) for chunk in self._chunks)

    def begin_at(self, place: Position, chunks: Sequence[Chunk]) -> None:
        """Take in what the filter wants between a place and ``since``."""
        self._chunks.extendleft(reversed(chunks))
        self.since = place

    def forget(self, place: Position) -> None:
        """Drop the chunks that end at a place or before."""
        while self._chunks and self._chunks[0].end <= place:
            self.since = self._chunks.popleft().end

    def next(self, place: Position) -> Chunk | None:
        """The first chunk with something after a place that is not before ``since``; None when there is none yet."""
        found = None
        for chunk in reversed(self._chunks):
            if chunk.end <= place:
                break
            found = chunk
        return found

    def wake(self) -> None:
        """Everyone who waits goes on."""
        self._woken.set()
        self._woken.clear()

    def end(self) -> None:
        self.over = True
        self.wake()

    async def wait(self) -> bool:
        """Until woken: True when there is more to send, False when it is time for a sign of life."""
        before = self._published
        await self._woken.wait()
        return self._published != before or self.over
