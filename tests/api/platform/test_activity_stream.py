"""The public feed: commit order, nothing skipped, live and resumable."""

# ruff: noqa: ASYNC110 - what a test waits for tells nobody

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.market.feed import stream_activity
from db.market.conversation import insert_thread
from db.platform import writes
from db.platform.feed import FeedFilter
from db.platform.ids import new_id
from domain.market.states import ThreadType
from tests.api.conftest import Agent, Stall, open_stall, served
from tests.api.platform.streams import Stream


@pytest_asyncio.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as url:
        yield url


async def live(app: FastAPI, *streams: Stream) -> None:
    """Wait until these streams, the only ones, have caught up and listen."""
    for stream in streams:
        await stream.open.wait()
    async with asyncio.timeout(60):
        while app.state.context.feed.watchers != len(streams):
            await asyncio.sleep(0.01)


async def settled(http: httpx.AsyncClient, store_id: str, count: int) -> list[dict]:
    """The store's events once they may be read: another test's transaction may hold them back a moment."""
    async with asyncio.timeout(60):
        while True:
            page = (await http.get("/v1/activity", params={"store_id": store_id, "order": "oldest"})).json()
            if len(page["items"]) >= count:
                return page["items"]
            await asyncio.sleep(0.02)


async def test_events_are_read_in_both_orders_and_page_by_page(http, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/price"
    for cents in (1_400, 1_300, 1_200):
        await stall.owner.ok("PATCH", path, {"price_cents": cents, "reason": "cheaper"})
    oldest = await settled(http, stall.store_id, 5)
    assert [event["type"] for event in oldest] == ["STORE_CREATED", "LISTING_DROPPED"] + ["STORE_UPDATE_POSTED"] * 3
    for order in ("oldest", "newest"):
        seen, cursor = [], None
        while True:
            params = {"store_id": stall.store_id, "order": order, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/v1/activity", params=params)).json()
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == (oldest if order == "oldest" else oldest[::-1])
    typed = (await http.get("/v1/activity", params={"type": "LISTING_DROPPED", "listing_id": stall.listing_id})).json()
    assert [event["listing_id"] for event in typed["items"]] == [stall.listing_id]


async def test_an_older_transaction_holds_the_feed_back_and_nothing_is_skipped(http, worker_database, stall: Stall):
    await settled(http, stall.store_id, 2)
    async with worker_database.transaction() as session:
        await insert_thread(
            session,
            new_id(),
            UUID(stall.owner.agent_id),
            ThreadType.LAUNCH_DROP,
            "Slow",
            UUID(stall.store_id),
            None,
            None,
        )
        await writes.send(session)
        # Commits later than the one below, though its place in the feed is lower.
        await stall.owner.ok(
            "PATCH", f"/v1/listings/{stall.listing_id}/price", {"price_cents": 1_000, "reason": "cheaper"}
        )
        page = (await http.get("/v1/activity", params={"store_id": stall.store_id, "order": "oldest"})).json()
        assert len(page["items"]) == 2
    items = await settled(http, stall.store_id, 4)
    assert [event["type"] for event in items[2:]] == ["THREAD_CREATED", "STORE_UPDATE_POSTED"]


async def test_a_stream_starts_now_and_goes_on(app, http, server: str, stall: Stall, customer: Agent):
    await settled(http, stall.store_id, 2)
    stream = Stream(server, store_id=stall.store_id)
    everything = Stream(server)
    await live(app, stream, everything)
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "x", "context_listing_id": stall.listing_id}
    )
    (event,) = await stream.until(1)
    assert event["event"] == "THREAD_CREATED"
    assert event["data"]["thread_id"] == thread["thread_id"]
    assert event["id"] == event["data"]["cursor"]
    async with asyncio.timeout(60):
        while thread["thread_id"] not in {found["data"]["thread_id"] for found in everything.events}:
            await asyncio.sleep(0.01)
    await stream.close()
    await everything.close()


async def test_a_stream_from_now_has_all_that_comes_once_it_is_answered(app, http, stall: Stall):
    await settled(http, stall.store_id, 2)
    wanted = FeedFilter(store_id=UUID(stall.store_id))
    answer = await stream_activity(app.state.context, wanted, None)
    # Answered, and nothing of it taken yet.
    await stall.owner.ok("PATCH", f"/v1/listings/{stall.listing_id}/price", {"price_cents": 990, "reason": "cheaper"})
    async with asyncio.timeout(60), aclosing(answer.body_iterator) as chunks:
        assert (await anext(chunks)).startswith(b"event: STORE_UPDATE_POSTED\n")


async def test_a_stream_resumes_after_its_last_event(http, server: str, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/price"
    first, *_ = await settled(http, stall.store_id, 2)
    streams = [
        Stream(server, store_id=stall.store_id, after=first["cursor"]),
        Stream(server, store_id=stall.store_id, after="WzAsMF0", headers={"Last-Event-ID": first["cursor"]}),
    ]
    for cents in range(1_400, 1_300, -10):
        await stall.owner.ok("PATCH", path, {"price_cents": cents, "reason": "cheaper"})
    expected = [event["cursor"] for event in (await settled(http, stall.store_id, 12))[1:]]
    for stream in streams:
        assert [event["id"] for event in await stream.until(11)] == expected
        await stream.close()


async def test_many_writers_and_no_gap(app, http, server: str):
    stall = await open_stall(http)
    await settled(http, stall.store_id, 2)
    stream = Stream(server, listing_id=stall.listing_id)
    await live(app, stream)

    async def change(cents: int) -> None:
        await stall.owner.ok(
            "PATCH", f"/v1/listings/{stall.listing_id}/price", {"price_cents": cents, "reason": "noise"}
        )

    await asyncio.gather(*(change(cents) for cents in range(1_001, 1_041)))
    events = await stream.until(40)
    written = [event["cursor"] for event in (await settled(http, stall.store_id, 42))[2:]]
    assert [event["id"] for event in events] == written
    await stream.close()


async def test_an_idle_stream_beats_without_an_id_and_leaves_no_trace(app, server: str, stall: Stall):
    hub = app.state.context.feed
    stream = Stream(server, store_id=stall.store_id)
    await live(app, stream)
    assert hub.open_streams >= 1
    async with asyncio.timeout(60):
        while stream.comments < 2:
            hub.beat()
            await asyncio.sleep(0.01)
    assert all("id" in event for event in stream.events)
    await stream.close()
    async with asyncio.timeout(60):
        while hub.open_streams or hub.watchers:
            await asyncio.sleep(0.01)


async def test_bad_places_are_refused_before_the_stream_opens(http):
    for params, headers in (({"after": "nonsense"}, {}), ({}, {"Last-Event-ID": "WzFd"})):
        response = await http.get("/v1/activity/stream", params=params, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, "request.bad_cursor")
    assert (await http.get("/v1/activity/stream?type=NONE")).status_code == 422


async def test_streams_are_counted(app: FastAPI, http):
    hub = app.state.context.feed
    before = hub.places.limits
    hub.places.limits = before.model_copy(update={"max_streams": hub.open_streams})
    try:
        response = await http.get("/v1/activity/stream")
        assert (response.status_code, response.json()["code"]) == (503, "stream.too_many")
    finally:
        hub.places.limits = before


@pytest.mark.slow
async def test_the_feed_outlives_its_listener(app, http, server: str, worker_database, owner_url: str, stall: Stall):
    import psycopg

    await settled(http, stall.store_id, 2)
    stream = Stream(server, store_id=stall.store_id)
    await live(app, stream)
    with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'souk-api-feed'")
    await stall.owner.ok("PATCH", f"/v1/listings/{stall.listing_id}/price", {"price_cents": 999, "reason": "cheaper"})
    assert (await stream.until(1))[0]["event"] == "STORE_UPDATE_POSTED"
    await stream.close()
