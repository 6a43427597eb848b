"""The live feeds: one listener per process reads every new event once and hands it to all watchers.

LISTEN/NOTIFY wakes it and the table is the truth: when the listener is away it looks every second. Each
watcher of the public feed has a bounded queue; one that cannot keep up is let go, and resumes where it was
from the table. Watchers of inboxes are only woken (``inbox_watch``).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from uuid import UUID

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.platform.inbox_watch import InboxWatch
from db.market.commit_order import Position, is_unsettled, position_of
from db.market.feed import FeedFilter, list_after, newest_position
from db.market.tables import ActivityEvent
from db.session import Database
from domain.platform_errors import TOO_MANY_OWN_STREAMS, TOO_MANY_STREAMS

_log = structlog.get_logger()
_CHANNEL = "souk_feed"
_BATCH = 500
_IDLE_SECONDS = 1.0
_UNSETTLED_SECONDS = 0.05
_GATHER_SECONDS = 0.01
"""A burst of commits is read together."""


class Watcher:
    """One open stream. Its queue ends with None when it was too slow or the process stops."""

    def __init__(self, wanted: FeedFilter, size: int) -> None:
        self.wanted = wanted
        self._queue: asyncio.Queue[ActivityEvent | None] = asyncio.Queue(size)
        self._over = False

    def offer(self, event: ActivityEvent) -> bool:
        """Queue an event; False when there is no room for it."""
        if not self.wanted.wants(event):
            return True
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(event)
            return True
        return False

    def end(self) -> None:
        self._over = True
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[ActivityEvent]:
        while not (self._over and self._queue.empty()):
            event = await self._queue.get()
            if event is None:
                return
            yield event


class FeedHub:
    """The process's listener and its watchers. ``inbox`` has those of inboxes."""

    def __init__(self, database: Database, max_streams: int, max_per_agent: int, queue_size: int = 1000) -> None:
        self.inbox = InboxWatch(database)
        self._database = database
        self._max_streams = max_streams
        self._max_per_agent = max_per_agent
        self._queue_size = queue_size
        self._watchers: set[Watcher] = set()
        self._position: Position | None = None
        self._open = 0
        self._open_of: Counter[UUID] = Counter()

    @property
    def open_streams(self) -> int:
        return self._open

    @contextmanager
    def slot(self, agent_id: UUID | None) -> Iterator[None]:
        """A place among the streams this process serves, and among the agent's own.

        Raises stream.too_many, stream.too_many_of_agent.
        """
        if agent_id is not None and self._open_of[agent_id] >= self._max_per_agent:
            raise TOO_MANY_OWN_STREAMS.error()
        if self._open >= self._max_streams:
            raise TOO_MANY_STREAMS.error()
        self._open += 1
        if agent_id is not None:
            self._open_of[agent_id] += 1
        try:
            yield
        finally:
            self._open -= 1
            if agent_id is not None:
                self._open_of[agent_id] -= 1
                if not self._open_of[agent_id]:
                    del self._open_of[agent_id]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        tasks = (
            asyncio.create_task(self._listen_and_read(), name="feed"),
            asyncio.create_task(self.inbox.watch_keys(), name="feed-keys"),
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            for watcher in self._watchers:
                watcher.end()
            self.inbox.end()

    async def follow(self, wanted: FeedFilter, after: Position | None) -> AsyncIterator[ActivityEvent]:
        """Events after a place, or from now on; first from the table, then as they come."""
        watcher = Watcher(wanted, self._queue_size)
        if after is None:
            # "Now" is the place of the newest event, read before the queue opens: nothing falls between.
            async with self._database.transaction() as session:
                after = await newest_position(session)
        try:
            while True:
                found = await self._read(after, wanted)
                for event in found:
                    after = position_of(event)
                    yield event
                if watcher in self._watchers and len(found) < _BATCH:
                    break
                if len(found) < _BATCH:
                    # Caught up: what comes from here on is queued, and the table read once more.
                    await self._join(watcher)
            async for event in watcher.events():
                if position_of(event) > after:
                    after = position_of(event)
                    yield event
        finally:
            self._watchers.discard(watcher)

    async def _join(self, watcher: Watcher) -> None:
        """Queue for this watcher whatever settles from now on. The first one sets the place to read on from."""
        async with self._database.transaction() as session:
            newest = await newest_position(session)
        # No await from here on: between the two the reader would find nobody watching.
        self._position = self._position or newest
        self._watchers.add(watcher)

    async def _read(self, after: Position, wanted: FeedFilter) -> list[ActivityEvent]:
        async with self._database.transaction() as session:
            return await list_after(session, after, _BATCH, wanted)

    async def _listen_and_read(self) -> None:
        listener: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        try:
            while True:
                unsettled = False
                try:
                    listener = listener or await self._listen()
                    unsettled = await self._pump()
                    unsettled |= await self.inbox.look()
                    await self._wait(listener, _UNSETTLED_SECONDS if unsettled else _IDLE_SECONDS)
                except (psycopg.Error, SQLAlchemyError, OSError) as error:
                    # Postgres restarts, or a proxy takes no LISTEN: look every second until it works again.
                    _log.warning("feed.listener_lost", error=type(error).__name__)
                    if listener is not None:
                        await listener.close()
                        listener = None
                    with suppress(SQLAlchemyError, OSError):
                        await self._pump()
                        await self.inbox.look()
                    await asyncio.sleep(_IDLE_SECONDS)
        finally:
            if listener is not None:
                await listener.close()

    async def _listen(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        connection = await self._database.connect_directly("souk-api-feed")
        await connection.execute(f"LISTEN {_CHANNEL}")
        return connection

    async def _wait(self, listener: psycopg.AsyncConnection[tuple[object, ...]], seconds: float) -> None:
        async for _ in listener.notifies(timeout=seconds, stop_after=1):
            await asyncio.sleep(_GATHER_SECONDS)

    async def _pump(self) -> bool:
        """Hand on what is new. True when more is committed than may be read yet."""
        while True:
            if not self._watchers or self._position is None:
                # Nobody watches: nothing is read, and the next one to come begins at its own "now".
                self._position = None
                return False
            async with self._database.transaction() as session:
                events = await list_after(session, self._position, _BATCH, FeedFilter())
                unsettled = await is_unsettled(session)
            for event in events:
                self._position = position_of(event)
                for watcher in list(self._watchers):
                    if not watcher.offer(event):
                        self._watchers.discard(watcher)
                        watcher.end()
            if len(events) < _BATCH:
                return unsettled
