"""Data on another cluster: noticed, and what is written there comes after all there was."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from db.migrate import settle_epoch, upgrade
from db.platform.audit import audit_invariants
from db.platform.commit_order import START, position_of
from db.platform.database import Database
from db.platform.epochs import EPOCH_BITS, get_epoch, is_behind, raise_epoch
from db.platform.events import notify
from db.platform.feed import FeedFilter, list_after, newest_position
from db.platform.inbox import InboxFilter, list_inbox_after
from db.platform.transactions import Transaction
from db.webhooks.pending import read_bounds
from domain.market.states import InboxType
from souk.stack.embedded import EmbeddedPostgres
from tests.builders import ask, make_agent, make_shop
from tests.slow_commits import settle

_AHEAD = 10_000_000
"""So many transactions more had the cluster the data came from."""


@pytest.fixture
def moved_url(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS moved WITH (FORCE)")
        connection.execute("CREATE DATABASE moved")
    url = postgres.url(database="moved")
    upgrade(url)
    return url


@pytest_asyncio.fixture
async def database(moved_url: str) -> AsyncIterator[Database]:
    pool = Database(make_url(moved_url).set(drivername="postgresql+psycopg").render_as_string(False), 2, "a test")
    yield pool
    await pool.close()


async def test_a_feed_from_another_cluster_goes_on_in_the_next_epoch(moved_url: str, database: Database) -> None:
    async with database.session() as session:
        shop = await make_shop(session)
    await settle(database)
    with psycopg.connect(moved_url, autocommit=True) as owner:
        assert not is_behind(owner)
        assert settle_epoch(moved_url) is None
        assert get_epoch(owner) == 0
        for table in ("activity_events", "inbox_events"):
            owner.execute(f"UPDATE {table} SET txid = txid + {_AHEAD}")
        assert is_behind(owner)
        # The fault: readers see none of it, and new events come before old ones.
        async with database.session() as session:
            assert await list_after(await Transaction.of(session), START, 100, FeedFilter()) == []
            findings = {found.invariant: found for found in await audit_invariants(await Transaction.of(session), {})}
            assert findings[11].breaches > 0
        assert settle_epoch(moved_url) == 1
        assert not is_behind(owner)
        assert get_epoch(owner) == 1
        assert settle_epoch(moved_url) is None
    async with database.session() as session:
        customer = await make_agent(session)
        await ask(session, customer, shop)
        notify(session, shop.merchant_id, InboxType.QUESTION_ASKED, store_id=shop.store_id)
    await settle(database)
    async with database.session() as session:
        transaction = await Transaction.of(session)
        events = await list_after(transaction, START, 100, FeedFilter())
        epochs = [event.txid >> EPOCH_BITS for event in events]
        assert epochs == sorted(epochs)
        assert set(epochs) == {0, 1}
        # A reader that had come as far as the other cluster ever did misses nothing of what is new.
        beyond = (2**EPOCH_BITS - 1, 10**9)
        new = [event for event in events if event.txid >> EPOCH_BITS]
        assert await list_after(transaction, beyond, 100, FeedFilter()) == new
        assert await newest_position(transaction) == position_of(events[-1])
        owed = await list_inbox_after(transaction, shop.merchant_id, beyond, 100, InboxFilter())
        assert [event.txid >> EPOCH_BITS for event in owed] == [1] * len(owed)
        assert owed
        assert (await read_bounds(transaction)).horizon > events[-1].txid
        assert {found.invariant: found.breaches for found in await audit_invariants(await Transaction.of(session), {})}[
            11
        ] == 0


def test_every_restore_begins_another_epoch(moved_url: str) -> None:
    with psycopg.connect(moved_url, autocommit=True) as owner:
        assert [raise_epoch(owner) for _ in range(3)] == [1, 2, 3]
        assert settle_epoch(moved_url, anew=True) == 4
        owner.execute("CREATE TEMPORARY TABLE seen AS SELECT souk_place() AS place, souk_horizon() AS horizon")
        place, horizon = owner.execute("SELECT place, horizon FROM seen").fetchone() or (0, 0)
        assert (place >> EPOCH_BITS, horizon >> EPOCH_BITS) == (4, 4)
        assert horizon <= place
