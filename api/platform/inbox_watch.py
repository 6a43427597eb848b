"""Who watches an inbox, and waking them: one look per batch for all, then each reads its own.

The look asks for ids only, of the agents that have a stream open here. What they got is read per agent, under
that agent's row-level security, when and as fast as its stream takes it: nothing is queued, so a slow reader
costs no memory, misses nothing, and no row is ever in the hands of another agent's stream.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

import psycopg
import structlog

from db.platform.commit_order import Position, position_of
from db.platform.database import Database
from db.platform.event_tables import InboxEvent
from db.platform.inbox import InboxFilter, Stir, find_stir, get_horizon, list_inbox_after, newest_inbox_position
from db.platform.keys import list_living
from db.platform.transactions import Transaction

Item = TypeVar("Item")
Show = Callable[[Transaction, UUID, Sequence[InboxEvent]], Awaitable[Sequence[Item]]]
"""An agent's events as that agent may see them, in their order."""

_log = structlog.get_logger()
_BATCH = 200
_KEYS_SECONDS = 2.0
"""How long a stream may outlive its key."""
_READS_AT_ONCE = 4
"""Streams that read at the same time: many who wake at once leave connections to requests."""


class InboxWatcher:
    """One open stream of an agent's inbox."""

    def __init__(self, agent_id: UUID, key_id: UUID) -> None:
        self.agent_id = agent_id
        self.key_id = key_id
        self.over = False
        self._stirred = asyncio.Event()
        self._only_a_beat = False

    def stir(self) -> None:
        self._only_a_beat = False
        self._stirred.set()

    def beat(self) -> None:
        """Wake it, if it waits, to give a sign of life."""
        if not self._stirred.is_set():
            self._only_a_beat = True
            self._stirred.set()

    def end(self) -> None:
        self.over = True
        self.stir()

    def rest(self) -> None:
        """Call it before reading: what comes from then on stirs again."""
        self._stirred.clear()

    async def wait(self) -> bool:
        """Until woken: True when there may be more to read, False when it is time for a sign of life."""
        await self._stirred.wait()
        if self._only_a_beat:
            self._only_a_beat = False
            self.rest()
            return False
        return True


class InboxWatch:
    """The process's open inbox streams."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[InboxWatcher] = set()
        self._since: int | None = None
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)

    @contextmanager
    def _watching(self, agent_id: UUID, key_id: UUID) -> Iterator[InboxWatcher]:
        watcher = InboxWatcher(agent_id, key_id)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def now(self, agent_id: UUID) -> Position:
        """The place of an agent's newest event. Ask before a stream is answered: what comes after its 200 is in it."""
        async with self._database.transaction(viewer=agent_id) as transaction:
            return await newest_inbox_position(transaction, agent_id)

    async def follow(
        self, agent_id: UUID, key_id: UUID, wanted: InboxFilter, show: Show[Item], after: Position
    ) -> AsyncGenerator[Sequence[Item], None]:
        """An agent's events after a place, as ``show`` makes them, as they come; until its key is revoked.

        Several at a time, and none as a sign of life when there were none for a while. Ends too when Postgres is
        away: the reader comes back with the last event's place.
        """
        with self._watching(agent_id, key_id) as watcher:
            place = after
            try:
                while not watcher.over:
                    watcher.rest()
                    async with self._reading:
                        place, items, more = await self._read(agent_id, wanted, show, place)
                    if items:
                        yield items
                    while not more and not await watcher.wait():
                        yield []
            except (psycopg.Error, OSError) as error:
                _log.warning("inbox.stream_lost", error=type(error).__name__)

    async def _read(
        self, agent_id: UUID, wanted: InboxFilter, show: Show[Item], place: Position
    ) -> tuple[Position, Sequence[Item], bool]:
        async with self._database.transaction(viewer=agent_id) as transaction:
            events = await list_inbox_after(transaction, agent_id, place, _BATCH, wanted)
            items = await show(transaction, agent_id, events)
        return position_of(events[-1]) if events else place, items, len(events) == _BATCH

    async def look(self) -> bool:
        """Wake those who got something. True when more is committed than may be read yet."""
        asked = set(self._watchers)
        if not asked:
            self._since = None
            return False
        agents = {watcher.agent_id for watcher in asked}
        async with self._database.transaction(watchers=agents) as transaction:
            if self._since is None:
                # The first look: each reads once, whatever it got before.
                found = Stir(frozenset(agents), await get_horizon(transaction), unsettled=False)
            else:
                found = await find_stir(transaction, self._since)
        # Not before the transaction has ended well: else what it found is asked for again.
        self._since = found.upto
        for watcher in list(self._watchers):
            # Who came while the question was on its way was not in it.
            if watcher.agent_id in found.agents or watcher not in asked:
                watcher.stir()
        return found.unsettled

    async def watch_keys(self) -> None:
        """End the streams of keys that were revoked, as long as the process runs."""
        while True:
            await asyncio.sleep(_KEYS_SECONDS)
            asked = set(self._watchers)
            if not asked:
                continue
            try:
                living = await list_living(self._database, {watcher.key_id for watcher in asked})
            except (psycopg.Error, OSError) as error:
                # Nothing can be read by those streams either.
                _log.warning("inbox.keys_unknown", error=type(error).__name__)
                continue
            for watcher in asked:
                if watcher.key_id not in living:
                    watcher.end()

    def beat(self) -> None:
        for watcher in self._watchers:
            watcher.beat()

    def end(self) -> None:
        for watcher in self._watchers:
            watcher.end()
