"""What watchers of the public feed share: bytes made once, one chunk per look, and nothing missed or doubled by it."""

# ruff: noqa: ASYNC110 - what a test waits for tells nobody

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog

from api.platform.event_stream import BEAT
from api.platform.feed_channels import Channel, chunks_of
from api.platform.streams import FeedHub
from config.settings import LimitSettings
from db.market.tables import ActivityEvent
from db.platform.commit_order import START, Position, position_of
from db.platform.database import Database
from db.platform.events import record_event
from db.platform.feed import FeedFilter, list_after
from domain.market.states import ActivityType
from tests.builders import Shop, make_shop

TYPES = frozenset({ActivityType.MESSAGE_POSTED, ActivityType.THREAD_CREATED})
RENDERED: Counter[UUID] = Counter()


async def render(_: Database, events: Sequence[ActivityEvent]) -> list[bytes]:
    RENDERED.update(event.activity_event_id for event in events)
    return [f"{event.txid},{event.seq};".encode() for event in events]


def places(chunk: bytes) -> list[Position]:
    return [(int(txid), int(seq)) for txid, seq in (part.split(",") for part in chunk.decode().split(";")[:-1])]


class Reader:
    """Takes what follows in the background."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self.chunks: list[bytes] = []
        self.task = asyncio.create_task(self._read(chunks))

    async def _read(self, chunks: AsyncGenerator[bytes, None]) -> None:
        async for chunk in chunks:
            self.chunks.append(chunk)

    @property
    def places(self) -> list[Position]:
        return [place for chunk in self.chunks if chunk != BEAT for place in places(chunk)]

    async def until(self, count: int) -> list[Position]:
        async with asyncio.timeout(60):
            while len(self.places) < count:
                await asyncio.sleep(0.01)
        return self.places


async def new_shop(database: Database) -> Shop:
    async with database.session() as session:
        return await make_shop(session)


async def write(database: Database, shop: Shop, count: int, kind: ActivityType = ActivityType.MESSAGE_POSTED) -> None:
    """So many events, each in a transaction of its own."""
    for _ in range(count):
        async with database.session() as session:
            record_event(session, kind, store_id=shop.store_id)


async def written(database: Database, wanted: FeedFilter, count: int) -> list[Position]:
    """The places of the events once they may be read."""
    async with asyncio.timeout(60):
        while True:
            async with database.transaction() as transaction:
                events = await list_after(transaction, START, 10_000, wanted)
            if len(events) >= count:
                return [position_of(event) for event in events]
            await asyncio.sleep(0.02)


@asynccontextmanager
async def following(hub: FeedHub, *filters: FeedFilter) -> AsyncIterator[list[Reader]]:
    """Readers that listen, one for each filter."""
    readers = [Reader(hub.follow(wanted, render, await hub.now())) for wanted in filters]
    try:
        async with asyncio.timeout(60):
            while hub.watchers != len(readers):
                await asyncio.sleep(0.01)
        yield readers
    finally:
        for reader in readers:
            reader.task.cancel()
        await asyncio.gather(*(reader.task for reader in readers), return_exceptions=True)


def event_at(seq: int, kind: ActivityType = ActivityType.MESSAGE_POSTED) -> ActivityEvent:
    now = datetime.now(UTC)
    return ActivityEvent(activity_event_id=UUID(int=seq), type=kind, created_at=now, meta={}, txid=1, seq=seq)


def test_chunks_are_cut_at_what_a_connection_takes_and_at_a_place():
    events = [event_at(seq) for seq in range(10)]
    texts = [bytes([65 + number]) * 20_000 for number in range(10)]
    chunks = list(chunks_of(events, texts))
    assert [len(chunk.places) for chunk in chunks] == [3, 3, 3, 1]
    assert b"".join(chunk.text for chunk in chunks) == b"".join(texts)
    assert [chunk.end for chunk in chunks] == [(1, 2), (1, 5), (1, 8), (1, 9)]
    assert chunks[1].after((1, 2)) is chunks[1].text
    assert chunks[1].after((1, 4)) == texts[5]
    assert chunks[1].after((1, 5)) == b""
    assert list(chunks_of([], [])) == []


async def test_a_channel_keeps_what_its_filter_wants_until_it_is_told_to_forget():
    channel = Channel(FeedFilter(type=ActivityType.STORE_CREATED), render, (1, 0))
    waiting = asyncio.create_task(channel.wait())
    await asyncio.sleep(0)
    unwanted = [event_at(1)]
    channel.publish(unwanted, {})
    assert channel.next((1, 0)) is None
    for seq in (2, 3):
        channel.publish([event_at(seq, ActivityType.STORE_CREATED)], {(1, seq): b"%d" % seq})
    assert await waiting
    assert [found.text for place in ((1, 0), (1, 2)) if (found := channel.next(place))] == [b"2", b"3"]
    assert channel.next((1, 3)) is None
    channel.forget((1, 2))
    assert (channel.since, found.text if (found := channel.next((1, 2))) else None) == ((1, 2), b"3")


async def test_one_look_makes_one_chunk_for_all_and_renders_an_event_once(
    api_database: Database, worker_database: Database
):
    shop = await new_shop(worker_database)
    store = FeedFilter(store_id=shop.store_id, types=TYPES)
    typed = FeedFilter(type=ActivityType.THREAD_CREATED, store_id=shop.store_id)
    await written(api_database, FeedFilter(), 1)
    # Not running: it looks when the test says so.
    hub = FeedHub(api_database, LimitSettings())
    async with following(hub, store, store, typed) as (one, two, other):
        await write(worker_database, shop, 4)
        await write(worker_database, shop, 1, ActivityType.THREAD_CREATED)
        expected = await written(api_database, store, 5)
        async with asyncio.timeout(60):
            while not other.chunks:
                await hub._look()
                await asyncio.sleep(0.01)
        assert one.places == two.places == expected
        assert other.places == expected[4:]
        assert one.chunks[-1] is two.chunks[-1]
    async with api_database.transaction() as transaction:
        events = await list_after(transaction, START, 10, store)
    assert [RENDERED[event.activity_event_id] for event in events] == [1] * 5
    assert (hub.watchers, hub._channels) == (0, {})


async def test_a_watcher_that_does_not_take_holds_nobody_up_and_misses_nothing(
    api_database: Database, worker_database: Database
):
    shop = await new_shop(worker_database)
    wanted = FeedFilter(store_id=shop.store_id, types=TYPES)
    hub = FeedHub(api_database, LimitSettings(), kept=3)
    async with hub.running(), following(hub, wanted) as (quick,):
        slow = hub.follow(wanted, render, START)
        await write(worker_database, shop, 1)
        taken = places(await anext(slow))
        for count in range(5, 25, 5):
            await write(worker_database, shop, 5)
            await quick.until(count)
        (channel,) = hub._channels.values()
        assert sum(len(chunk.places) for chunk in channel._chunks) <= 3 + 5
        async with asyncio.timeout(60):
            while len(taken) < 21:
                taken += places(await anext(slow))
        assert taken == await quick.until(21) == await written(api_database, wanted, 21)
        await slow.aclose()
        assert hub.watchers == 1


async def test_who_comes_at_any_moment_with_any_place_gets_the_rest_once(
    api_database: Database, worker_database: Database
):
    shop = await new_shop(worker_database)
    wanted = FeedFilter(store_id=shop.store_id, types=TYPES)
    await write(worker_database, shop, 3)
    before = await written(api_database, wanted, 3)
    hub = FeedHub(api_database, LimitSettings(), kept=10)
    resumed: list[tuple[Position, Reader]] = []
    async with hub.running():
        writing = asyncio.create_task(write(worker_database, shop, 60))
        known = before
        while not writing.done():
            froms = (START, before[1], known[-1], known[len(known) // 2])
            resumed += [(place, Reader(hub.follow(wanted, render, place))) for place in froms]
            await asyncio.sleep(0.05)
            known = await written(api_database, wanted, 3)
        everything = await written(api_database, wanted, 63)
        for place, reader in resumed:
            expected = [found for found in everything if found > place]
            assert await reader.until(len(expected)) == expected
    # The hub has ended, and with it every stream.
    for _, reader in resumed:
        await reader.task
        assert len(reader.places) == len(set(reader.places))
    assert hub.watchers == 0


async def test_many_who_come_back_at_once_share_what_one_of_them_reads(
    api_database: Database, worker_database: Database
):
    shop = await new_shop(worker_database)
    wanted = FeedFilter(store_id=shop.store_id, types=TYPES)
    await write(worker_database, shop, 12)
    everything = await written(api_database, wanted, 12)
    hub = FeedHub(api_database, LimitSettings())
    async with hub.running():
        readers = [Reader(hub.follow(wanted, render, place)) for place in [everything[1]] * 20 + [everything[0]]]
        for reader in readers[:-1]:
            assert await reader.until(10) == everything[2:]
        assert await readers[-1].until(11) == everything[1:]
        await write(worker_database, shop, 1)
        newest = (await written(api_database, wanted, 13))[-1]
        assert [(await reader.until(11))[-1] for reader in readers[:-1]] == [newest] * 20
    async with api_database.transaction() as transaction:
        events = await list_after(transaction, START, 20, wanted)
    # Once for the twenty, and once for the one that was further behind.
    assert [RENDERED[event.activity_event_id] for event in events] == [0, 1] + [2] * 10 + [1]


async def test_who_comes_while_events_are_rendered_misses_none(api_database: Database, worker_database: Database):
    shop = await new_shop(worker_database)
    wanted = FeedFilter(store_id=shop.store_id, types=TYPES)
    rendering, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(database: Database, events: Sequence[ActivityEvent]) -> list[bytes]:
        rendering.set()
        await go_on.wait()
        return await render(database, events)

    await written(api_database, FeedFilter(), 1)
    hub = FeedHub(api_database, LimitSettings())
    place = (await written(api_database, FeedFilter(), 1))[-1]
    first = Reader(hub.follow(wanted, slowly, await hub.now()))
    async with asyncio.timeout(60):
        while not hub.watchers:
            await asyncio.sleep(0.01)
    await write(worker_database, shop, 2)
    await written(api_database, wanted, 2)
    look = asyncio.create_task(hub._look())
    await rendering.wait()
    # On the same channel, and on one that did not exist when the events were read.
    late = [Reader(hub.follow(wanted, how, place)) for how in (slowly, render)]
    await late[1].until(2)
    go_on.set()
    await look
    for reader in (first, *late):
        assert await reader.until(2) == await written(api_database, wanted, 2)
        reader.task.cancel()
    await asyncio.gather(first.task, *(reader.task for reader in late), return_exceptions=True)


async def test_what_cannot_be_rendered_ends_its_own_streams_alone(api_database: Database, worker_database: Database):
    shop = await new_shop(worker_database)
    wanted = FeedFilter(store_id=shop.store_id, types=TYPES)

    async def broken(_: Database, events: Sequence[ActivityEvent]) -> list[bytes]:
        raise KeyError("a template's mistake")

    hub = FeedHub(api_database, LimitSettings())
    with structlog.testing.capture_logs() as lines:
        async with hub.running(), following(hub, wanted) as (well,):
            bad = Reader(hub.follow(wanted, broken, await hub.now()))
            async with asyncio.timeout(60):
                while hub.watchers != 2:
                    await asyncio.sleep(0.01)
            await write(worker_database, shop, 1)
            async with asyncio.timeout(60):
                await bad.task
            await well.until(1)
            await write(worker_database, shop, 1)
            await well.until(2)
    (line,) = (line for line in lines if line["event"] == "feed.not_rendered")
    assert line["error"] == "KeyError"
    assert "a template's mistake" not in str(line)


async def test_a_beat_is_sent_to_who_waits(api_database: Database):
    hub = FeedHub(api_database, LimitSettings())
    async with following(hub, FeedFilter(store_id=UUID(int=1))) as (reader,):
        for count in (1, 2):
            hub.beat()
            async with asyncio.timeout(60):
                while len(reader.chunks) < count:
                    await asyncio.sleep(0.01)
        assert reader.chunks == [BEAT, BEAT]
