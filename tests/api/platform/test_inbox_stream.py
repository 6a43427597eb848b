"""A live inbox: its own agent's events, each once and in order, through bursts, kills and revoked keys."""

# ruff: noqa: ASYNC110 - what a test waits for tells nobody

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.platform.inbox_watch import InboxWatch
from config.settings import Settings
from db.market.inbox import inbox_items
from db.platform import writes
from db.platform.commit_order import START
from db.platform.database import Database
from db.platform.events import notify
from db.platform.inbox import InboxFilter
from domain.market.states import InboxType
from tests.api.conftest import Agent, Stall, register, served
from tests.api.platform.streams import Stream
from tests.api.platform.test_inbox import ask, inbox, tell
from tests.browser.restarting import ApiProcess

PATH = "/v1/inbox/stream"


@pytest_asyncio.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as url:
        yield url


def open_inbox(server: str, agent: Agent, *, last: str | None = None, **params: object) -> Stream:
    headers = agent.headers | ({"Last-Event-ID": last} if last else {})
    return Stream(server, path=PATH, headers=headers, **params)


async def live(app: FastAPI, *agents: Agent) -> None:
    """Wait until these agents' streams have read what there was and wait for more."""
    wanted = {UUID(agent.agent_id) for agent in agents}
    async with asyncio.timeout(60):
        while True:
            watchers = app.state.context.feed.inbox._watchers
            waiting = {watcher.agent_id for watcher in watchers if not watcher._stirred.is_set()}
            if wanted <= waiting and app.state.context.feed.inbox._since is not None:
                return
            await asyncio.sleep(0.01)


async def test_what_comes_goes_to_its_agent_alone(app, http, server: str, stall: Stall, customer: Agent):
    stranger = await register(http, "CUSTOMER")
    mine, other = open_inbox(server, stall.owner), open_inbox(server, stranger)
    await live(app, stall.owner, stranger)
    message = await ask(customer, stall)
    (event,) = await mine.until(1)
    assert event["event"] == "QUESTION_ASKED"
    assert event["data"]["message_id"] == message["message_id"]
    assert event["id"] == event["data"]["cursor"]
    assert [event["data"]] == await inbox(stall.owner, 1)
    await ask(stranger, stall)
    await mine.until(2)
    assert other.events == []
    for stream in (mine, other):
        await stream.close()


async def test_it_resumes_after_its_last_event_and_filters(worker_database, server: str, customer: Agent):
    await tell(worker_database, customer, *[InboxType.TRUST_MOVED, InboxType.REVIEW_POSTED] * 3)
    written = [event["cursor"] for event in await inbox(customer, 6)]
    streams = {
        open_inbox(server, customer, after=written[0]): written[1:],
        # A client that reconnects repeats its URL, so the header comes first.
        open_inbox(server, customer, last=written[3], after=written[0]): written[4:],
        open_inbox(server, customer, after="WzAsMF0", type=["REVIEW_POSTED", "OFFER_MADE"]): written[1::2],
    }
    for stream, expected in streams.items():
        assert [event["id"] for event in await stream.until(len(expected))] == expected
        await stream.close()


async def test_a_burst_of_parallel_commits_loses_nothing(app, http, server: str, worker_database, customer: Agent):
    other = await register(http, "CUSTOMER")
    streams = {agent.agent_id: open_inbox(server, agent) for agent in (customer, other)}
    await live(app, customer, other)

    async def write(number: int) -> None:
        async with worker_database.session() as session:
            for agent in (customer, other) if number % 3 else (customer,):
                notify(session, UUID(agent.agent_id), InboxType.TRUST_MOVED, meta={"number": number})
                await writes.send(session)
                # The transaction stays open while others, which began later, commit.
                await asyncio.sleep(0.001 * (number % 7))

    await asyncio.gather(*(write(number) for number in range(60)))
    for agent, numbers in ((customer, set(range(60))), (other, {n for n in range(60) if n % 3})):
        stream = streams[agent.agent_id]
        events = await stream.until(len(numbers))
        assert [event["id"] for event in events] == [event["cursor"] for event in await inbox(agent, len(numbers))]
        assert {event["data"]["meta"]["number"] for event in events} == numbers
        await stream.close()
        assert len(stream.events) == len(numbers)


async def test_it_outlives_a_killed_api(settings: Settings, worker_database, customer: Agent):
    """Written before, between and after: the client comes back with its last event's id and has each once."""

    async def write(*numbers: int) -> None:
        for number in numbers:
            await tell(worker_database, customer, InboxType.TRUST_MOVED, meta={"number": number})

    await write(0)
    (first,) = await inbox(customer, 1)
    seen = []
    with ApiProcess(settings) as process:
        stream = open_inbox(process.url, customer, after=first["cursor"])
        await write(1, 2)
        seen += await stream.until(2)
    await write(3, 4)
    await stream.close()
    with ApiProcess(settings, process.port) as process:
        stream = open_inbox(process.url, customer, last=seen[-1]["id"], after=first["cursor"])
        await stream.until(2)
        await write(5)
        seen += await stream.until(3)
        await stream.close()
    assert [event["data"]["meta"]["number"] for event in seen] == [1, 2, 3, 4, 5]


async def test_a_revoked_key_ends_its_stream_and_no_other(app, server: str, worker_database, customer: Agent):
    made = await customer.ok("POST", "/v1/agents/me/keys", {"label": "second"})
    second = Agent(customer.http, customer.agent_id, made["api_key"])
    revoked, kept = open_inbox(server, second), open_inbox(server, customer)
    await live(app, customer)
    async with asyncio.timeout(60):
        while app.state.context.feed.places._of_holder[UUID(customer.agent_id)] != 2:
            await asyncio.sleep(0.01)
    assert (await customer("DELETE", f"/v1/agents/me/keys/{made['key_id']}")).is_success
    async with asyncio.timeout(60):
        while not revoked.over:
            await asyncio.sleep(0.02)
    await tell(worker_database, customer, InboxType.TRUST_MOVED)
    await kept.until(1)
    assert revoked.events == []
    await kept.close()


async def test_an_idle_stream_beats_without_an_id_and_leaves_no_trace(app, server: str, customer):
    hub = app.state.context.feed
    stream = open_inbox(server, customer)
    await live(app, customer)
    async with asyncio.timeout(60):
        while stream.comments < 2:
            hub.beat()
            await asyncio.sleep(0.01)
    assert stream.events == []
    await stream.close()
    async with asyncio.timeout(60):
        while UUID(customer.agent_id) in hub.places._of_holder or hub.inbox._watchers:
            await asyncio.sleep(0.01)


async def test_an_agents_streams_are_counted(app, server: str, customer: Agent, stall: Stall):
    hub = app.state.context.feed
    before = hub.places.limits
    hub.places.limits = before.model_copy(update={"max_streams_per_agent": 1})
    try:
        stream = open_inbox(server, customer)
        await stream.open.wait()
        for path in (PATH, "/v1/activity/stream"):
            refused = await customer("GET", path)
            assert (refused.status_code, refused.json()["code"]) == (429, "stream.too_many_of_agent")
            assert int(refused.headers["Retry-After"]) >= 1
        another = open_inbox(server, stall.owner)
        await another.open.wait()
        for opened in (stream, another):
            await opened.close()
    finally:
        hub.places.limits = before


async def test_bad_places_are_refused_before_the_stream_opens(customer: Agent):
    for params in ({"after": "nonsense"}, {"after": "WzFd"}):
        refused = await customer("GET", PATH, **params)
        assert (refused.status_code, refused.json()["code"]) == (422, "request.bad_cursor")
    assert (await customer("GET", PATH, type="NONE")).status_code == 422


async def test_who_comes_while_the_look_is_on_its_way_is_woken(api_database: Database, customer: Agent):
    """The one moment in which a stir could pass a new stream by."""
    watch = InboxWatch(api_database)
    agent = UUID(customer.agent_id)
    with watch._watching(agent, agent) as early:
        await watch.look()
        early.rest()
        look = asyncio.create_task(watch.look())
        await asyncio.sleep(0)
        with watch._watching(agent, agent) as late:
            late.rest()
            await look
            assert late._stirred.is_set()
            assert not early._stirred.is_set()


async def test_a_look_that_was_cut_off_is_repeated(api_database: Database, worker_database, customer: Agent):
    """Its connection is lost at the very end: what it had found is not forgotten."""

    class Cut:
        armed = False

        @asynccontextmanager
        async def transaction(self, **who: object) -> AsyncIterator[object]:
            async with api_database.transaction(**who) as transaction:
                yield transaction
            if self.armed:
                raise ConnectionResetError

    watch = InboxWatch(Cut())
    agent = UUID(customer.agent_id)
    with watch._watching(agent, agent) as watcher:
        await watch.look()
        watcher.rest()
        await tell(worker_database, customer, InboxType.TRUST_MOVED)
        await inbox(customer, 1)
        watch._database.armed = True
        with pytest.raises(ConnectionResetError):
            await watch.look()
        watch._database.armed = False
        assert not watcher._stirred.is_set()
        await watch.look()
        assert watcher._stirred.is_set()


async def test_postgres_going_away_ends_a_stream_that_reads(api_database: Database, customer: Agent, monkeypatch):
    watch = InboxWatch(api_database)
    agent = UUID(customer.agent_id)

    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("api.platform.inbox_watch.list_inbox_after", away)
    assert [item async for item in watch.follow(agent, agent, InboxFilter(), inbox_items, START)] == []
    assert watch._watchers == set()
