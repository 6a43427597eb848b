"""The live feeds: one listener per process reads every new event once and hands it to all watchers.

LISTEN/NOTIFY wakes it and the table is the truth: when the listener is away it looks every second. What comes is
gathered: the first event after a quiet moment goes out at once, later ones together, a tick after. Watchers of the
public feed share what they are sent (``feed_channels``); watchers of inboxes are only woken (``inbox_watch``).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import psycopg
import structlog

from api.platform.event_stream import BEAT
from api.platform.feed_channels import Channel, Chunk, Render, chunks_of
from api.platform.inbox_watch import InboxWatch
from api.platform.observe import fault_frames
from api.platform.stream_places import StreamPlaces
from config.settings import LimitSettings
from db.platform.commit_order import START, Position, is_unsettled, position_of
from db.platform.database import Database
from db.platform.event_tables import ActivityEvent
from db.platform.feed import FeedFilter, list_after, newest_position

_log = structlog.get_logger()
_CHANNEL = "souk_feed"
_BATCH = 500
_KEPT = 5_000
"""Events that channels keep for those who are behind."""
_IDLE_SECONDS = 1.0
_GATHER_SECONDS = 0.01
"""A burst of commits is read together."""
_TICK_SECONDS = 0.1
"""Between two looks: a stream gets at most one write in it, however many events there are."""
_BEAT_SECONDS = 15.0
_READS_AT_ONCE = 4
"""Watchers that read the table at the same time: many who come back at once leave connections to requests."""


class FeedHub:
    """The process's listener and its watchers. ``inbox`` has those of inboxes, ``places`` counts all streams."""

    def __init__(self, database: Database, limits: LimitSettings, kept: int = _KEPT) -> None:
        self.inbox = InboxWatch(database)
        self.places = StreamPlaces(limits)
        self._database = database
        self._kept = kept
        self._channels: dict[tuple[FeedFilter, Render], Channel] = {}
        self._recent: deque[tuple[Position, int]] = deque()
        self._position: Position | None = None
        self._looked_at = 0.0
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)

    @property
    def watchers(self) -> int:
        """Streams of the public feed that are told of every new event."""
        return sum(channel.watchers for channel in self._channels.values())

    @property
    def open_streams(self) -> int:
        return self.places.open

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        tasks = (
            asyncio.create_task(self._listen_and_read(), name="feed"),
            asyncio.create_task(self.inbox.watch_keys(), name="feed-keys"),
            asyncio.create_task(self._beat_always(), name="feed-beats"),
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            for channel in self._channels.values():
                channel.end()
            self.inbox.end()

    def beat(self) -> None:
        """Have every open stream give a sign of life."""
        for channel in self._channels.values():
            channel.wake()
        self.inbox.beat()

    async def _beat_always(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            self.beat()

    async def now(self) -> Position:
        """The place of the newest event. Ask before a stream is answered: what comes after its 200 is in it."""
        async with self._database.transaction() as transaction:
            return await newest_position(transaction)

    async def follow(self, wanted: FeedFilter, render: Render, after: Position) -> AsyncGenerator[bytes, None]:
        """Events after a place, several at a time; ``BEAT`` when there were none for a while."""
        newest = await self.now() if self._position is None else START
        # No await from here to the channel: the reader would find nobody watching.
        begins = self._position = self._position or newest
        with self._watching(wanted, render, begins) as channel:
            while not channel.over:
                if after < channel.since:
                    async with channel.catching_up, self._reading:
                        chunks, place = await self._catch_up(channel, after)
                    for chunk in chunks:
                        yield chunk.text
                    after = place
                elif (found := channel.next(after)) is not None:
                    text, after = found.after(after), found.end
                    yield text
                elif not await channel.wait():
                    yield BEAT

    @contextmanager
    def _watching(self, wanted: FeedFilter, render: Render, since: Position) -> Iterator[Channel]:
        key = wanted, render
        channel = self._channels.setdefault(key, Channel(wanted, render, since))
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if not channel.watchers and self._channels.get(key) is channel:
                del self._channels[key]

    async def _catch_up(self, channel: Channel, after: Position) -> tuple[Sequence[Chunk], Position]:
        """The next events for a watcher that is behind its channel, and the place it has reached with them.

        None, and the same place, where the channel has taken them in: after a restart many come back at once.
        """
        since, read_to = channel.since, self._position or START
        if after >= since:
            return (), after
        async with self._database.transaction() as transaction:
            events = await list_after(transaction, after, _BATCH, channel.wanted)
        texts = await self._render(channel.render, events)
        if len(events) == _BATCH:
            return list(chunks_of(events, texts)), position_of(events[-1])
        older = sum(position_of(event) <= since for event in events)
        if channel.since == since and channel.kept + older <= self._kept:
            channel.begin_at(after, list(chunks_of(events[:older], texts[:older])))
            return (), after
        # All there was when the channel had come this far.
        return list(chunks_of(events, texts)), max([read_to, *map(position_of, events[-1:])])

    async def _listen_and_read(self) -> None:
        listener: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        try:
            while True:
                unsettled = False
                try:
                    listener = listener or await self._listen()
                    unsettled = await self._look()
                    await self._wait(listener, _TICK_SECONDS if unsettled else _IDLE_SECONDS)
                except (psycopg.Error, OSError) as error:
                    # Postgres restarts, or a proxy takes no LISTEN: look every second until it works again.
                    _log.warning("feed.listener_lost", error=type(error).__name__)
                    if listener is not None:
                        await listener.close()
                        listener = None
                    with suppress(psycopg.Error, OSError):
                        await self._look()
                    await asyncio.sleep(_IDLE_SECONDS)
        finally:
            if listener is not None:
                await listener.close()

    async def _listen(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        connection = await self._database.connect_directly("souk-api-feed")
        await connection.execute(f"LISTEN {_CHANNEL}")
        return connection

    async def _wait(self, listener: psycopg.AsyncConnection[tuple[object, ...]], seconds: float) -> None:
        """Until something is told or the time is up, but not before the tick is over."""
        async for _ in listener.notifies(timeout=seconds, stop_after=1):
            pass
        await asyncio.sleep(max(_GATHER_SECONDS, self._looked_at + _TICK_SECONDS - time.monotonic()))

    async def _look(self) -> bool:
        """Hand on what is new. True when more is committed than may be read yet."""
        self._looked_at = time.monotonic()
        unsettled = await self._pump()
        return await self.inbox.look() or unsettled

    async def _pump(self) -> bool:
        while self._channels and self._position is not None:
            async with self._database.transaction() as transaction:
                events = await list_after(transaction, self._position, _BATCH, FeedFilter())
                unsettled = await is_unsettled(transaction)
            if events:
                await self._publish(events)
            if len(events) < _BATCH:
                return unsettled
        # Nobody watches: nothing is read, and the next one to come begins at its own "now".
        self._position = None
        self._recent.clear()
        return False

    async def _publish(self, events: Sequence[ActivityEvent]) -> None:
        """Hand events to the channels. A channel that comes while they are rendered begins behind them."""
        channels = dict(self._channels)
        self._position = position_of(events[-1])
        rendered = await self._rendered(channels.values(), events)
        for key, channel in channels.items():
            texts = rendered[channel.render]
            if isinstance(texts, BaseException):
                # Its watchers come back, and are told by their own requests.
                _log.error("feed.not_rendered", error=type(texts).__name__, where=fault_frames(texts))
                channel.end()
                self._channels.pop(key, None)
            else:
                channel.publish(events, texts)
        self._recent.append((self._position, len(events)))
        while sum(count for _, count in self._recent) > self._kept:
            place, _ = self._recent.popleft()
            for channel in channels.values():
                channel.forget(place)

    async def _render(self, render: Render, events: Sequence[ActivityEvent]) -> Sequence[bytes]:
        return await render(self._database, events) if events else ()

    async def _rendered(
        self, channels: Collection[Channel], events: Sequence[ActivityEvent]
    ) -> dict[Render, Mapping[Position, bytes] | BaseException]:
        """What some channel wants, by place, once per rendering; or why it cannot be rendered."""
        wanted: dict[Render, list[ActivityEvent]] = {}
        for render in {channel.render for channel in channels}:
            filters = [channel.wanted for channel in channels if channel.render is render]
            wanted[render] = [event for event in events if any(one.wants(event) for one in filters)]
        made = await asyncio.gather(
            *(self._render(render, chosen) for render, chosen in wanted.items()), return_exceptions=True
        )
        return {
            render: texts
            if isinstance(texts, BaseException)
            else dict(zip(map(position_of, chosen), texts, strict=True))
            for (render, chosen), texts in zip(wanted.items(), made, strict=True)
        }
