"""The public log: commit order with nothing skipped, and one partition per month."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text

from db.market.tables import ActivityEvent
from db.platform import commit_order, feed
from db.platform.database import Database
from db.platform.housekeeping import MONTHS_AHEAD, make_partitions
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.market.states import ActivityType
from tests.builders import Shop, make_shop
from tests.db.rows import Rows


async def _settle(database: Database) -> None:
    """Wait until no transaction runs that could still commit below what is visible (an ANALYZE may)."""
    for _ in range(200):
        async with database.transaction() as transaction:
            if not await commit_order.is_unsettled(transaction):
                return
        await asyncio.sleep(0.02)
    pytest.fail("the feed does not settle")


async def _after(database: Database, place: commit_order.Position, *shops: Shop) -> list[ActivityEvent]:
    """What these shops did after a place, once it is settled."""
    await _settle(database)
    async with database.transaction() as transaction:
        events = await feed.list_after(transaction, place, 1_000, feed.FeedFilter())
    return [event for event in events if event.store_id in {shop.store_id for shop in shops}]


async def _now(database: Database) -> commit_order.Position:
    await _settle(database)
    async with database.transaction() as transaction:
        return await feed.newest_position(transaction)


async def _shop(database: Database) -> Shop:
    async with database.session() as session:
        return await make_shop(session)


async def test_a_late_commit_with_a_lower_place_is_not_skipped(
    worker_database: Database, api_database: Database
) -> None:
    """An older transaction still runs while a younger one commits: readers wait, then see both in order."""
    start = await _now(api_database)
    async with worker_database.session() as older:
        older_shop = await make_shop(older)
        await older.flush()
        younger_shop = await _shop(worker_database)
        # The younger one's rows are committed and visible, but the feed stops before the older transaction.
        async with api_database.session() as session:
            query = text("SELECT count(*) FROM activity_events WHERE store_id = :id")
            assert await session.scalar(query, {"id": younger_shop.store_id}) == 2
            assert await commit_order.is_unsettled(await Transaction.of(session))
            wanted = feed.FeedFilter(store_id=younger_shop.store_id)
            assert await feed.list_after(await Transaction.of(session), start, 1_000, wanted) == []
            assert await feed.list_before(await Transaction.of(session), None, 1_000, wanted) == []
    events = await _after(api_database, start, older_shop, younger_shop)
    assert [event.store_id for event in events] == [older_shop.store_id] * 2 + [younger_shop.store_id] * 2
    places = [commit_order.position_of(event) for event in events]
    assert places == sorted(places)


async def test_reading_on_in_small_steps_sees_each_event_once(
    worker_database: Database, api_database: Database
) -> None:
    start = await _now(api_database)
    shops = [await _shop(worker_database) for _ in range(3)]
    whole = [commit_order.position_of(event) for event in await _after(api_database, start, *shops)]
    assert len(whole) == len(set(whole)) == 6
    mine = {shop.store_id for shop in shops}
    place, seen = start, []
    while place < whole[-1]:
        async with api_database.transaction() as transaction:
            page = await feed.list_after(transaction, place, 2, feed.FeedFilter())
        seen += [commit_order.position_of(event) for event in page if event.store_id in mine]
        place = commit_order.position_of(page[-1])
    assert seen == whole
    back: list[commit_order.Position] = []
    before: commit_order.Position | None = None
    while before is None or before > whole[0]:
        async with api_database.transaction() as transaction:
            page = await feed.list_before(transaction, before, 2, feed.FeedFilter())
        back += [commit_order.position_of(event) for event in page if event.store_id in mine]
        before = commit_order.position_of(page[-1])
    assert back == whole[::-1]


async def test_filters(worker_database: Database, api_database: Database) -> None:
    start = await _now(api_database)
    shops = [await _shop(worker_database) for _ in range(2)]
    everything = await _after(api_database, start, *shops)
    created = ActivityType.STORE_CREATED
    async with api_database.transaction() as transaction:
        for wanted, expected in (
            (feed.FeedFilter(store_id=shops[0].store_id), 2),
            (feed.FeedFilter(listing_id=shops[1].listing_id), 1),
            (feed.FeedFilter(type=created, store_id=shops[1].store_id), 1),
            (feed.FeedFilter(type=ActivityType.ORDER_PLACED, store_id=shops[1].store_id), 0),
        ):
            found = [
                commit_order.position_of(event) for event in await feed.list_after(transaction, start, 100, wanted)
            ]
            assert len(found) == expected
            assert found == [commit_order.position_of(event) for event in everything if wanted.wants(event)]


def _months(count: int) -> list[datetime]:
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first]
    while len(months) < count:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return months


def test_rows_land_in_their_months_partition(rows: Rows) -> None:
    months = _months(MONTHS_AHEAD + 1)
    for month in months:
        for moment in (month, month + timedelta(days=27, hours=23, minutes=59)):
            rows.insert("activity_events", activity_event_id=new_id(), type="MESSAGE_POSTED", created_at=moment)
    for moment in (months[0] - timedelta(microseconds=1), (months[-1] + timedelta(days=32)).replace(day=1)):
        rows.insert("activity_events", activity_event_id=new_id(), type="MESSAGE_POSTED", created_at=moment)
    found = rows.connection.execute(
        "SELECT tableoid::regclass::text, count(*) FROM activity_events WHERE xmin = pg_current_xact_id()::xid"
        " GROUP BY 1"
    ).fetchall()
    expected = {f"activity_events_{month:%Y_%m}": 2 for month in months} | {"activity_events_default": 2}
    assert dict(found) == expected


def test_rows_of_a_month_without_partition_move_into_it(rows: Rows) -> None:
    """A stack that slept past its last partition wrote to the default one; the sweep mends that."""
    month = _months(MONTHS_AHEAD + 2)[-1]
    inside, outside = new_id(), new_id()
    rows.insert("activity_events", activity_event_id=inside, type="MESSAGE_POSTED", created_at=month)
    rows.insert("activity_events", activity_event_id=outside, type="MESSAGE_POSTED", created_at="2020-01-01T00:00:00Z")
    place = "SELECT txid, seq FROM activity_events WHERE activity_event_id = %s"
    before = rows.connection.execute(place, (inside,)).fetchone()
    assert rows.connection.execute("SELECT souk_make_activity_partitions(%s)", (MONTHS_AHEAD + 1,)).fetchone() == (1,)
    where = "SELECT tableoid::regclass::text FROM activity_events WHERE activity_event_id = %s"
    assert rows.connection.execute(where, (inside,)).fetchone() == (f"activity_events_{month:%Y_%m}",)
    assert rows.connection.execute(where, (outside,)).fetchone() == ("activity_events_default",)
    assert rows.connection.execute(place, (inside,)).fetchone() == before


def test_partitions_have_the_logs_indexes_and_keys(rows: Rows) -> None:
    found = rows.connection.execute(
        """
        SELECT (SELECT count(*) FROM pg_index WHERE indrelid = c.oid),
            (SELECT count(*) FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('f', 'p'))
          FROM pg_class c WHERE c.oid = 'activity_events'::regclass
            OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'activity_events'::regclass)
        """
    ).fetchall()
    assert len(found) == 1 + MONTHS_AHEAD + 2
    assert len(set(found)) == 1


def test_the_default_partition_is_empty(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM activity_events_default").fetchone() == (0,)


async def test_partitions_are_made_ahead_once(worker_database: Database) -> None:
    async with worker_database.session() as session:
        assert await make_partitions(await Transaction.of(session)) == 0
        made = await session.scalar(text("SELECT souk_make_activity_partitions(5)"))
        assert made == 2
        assert await make_partitions(await Transaction.of(session)) == 0
        await session.rollback()


@pytest.mark.parametrize("table", ["activity_events", "inbox_events"])
def test_an_insert_wakes_the_listeners(owner_url: str, rows: Rows, table: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as listener:
        listener.execute("LISTEN souk_feed")
        statement = {
            "activity_events": "INSERT INTO activity_events (activity_event_id, type)"
            " SELECT gen_random_uuid(), 'MESSAGE_POSTED' WHERE false",
            "inbox_events": "INSERT INTO inbox_events (inbox_event_id, agent_id, type)"
            " SELECT gen_random_uuid(), agent_id, 'X' FROM agents WHERE false",
        }
        rows.run(statement[table])
        rows.connection.commit()
        heard = [notice.payload for notice in listener.notifies(timeout=60, stop_after=1)]
    assert heard == [table.removesuffix("_events")]
