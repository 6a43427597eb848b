"""What private acts leave behind in public tables: no source, no order, no time of theirs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import ProgrammingError
from sqlalchemy import text

from config.settings import Settings
from db.market import agents
from db.migrate import downgrade, upgrade
from db.platform import console
from db.platform.database import Database
from db.platform.events import record_event
from db.platform.ids import new_id
from db.platform.keys import insert_key, random_secret
from db.platform.tables import ApiKeyKind
from db.platform.transactions import Transaction
from domain.market.states import ActivityType, DeliveryKind
from souk.checks.trust import verify_database
from souk.stack.embedded import EmbeddedPostgres
from tests.activities.market.scene import Scene
from tests.databases import make_database, opened
from tests.invariants import assert_sound


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str) -> AsyncIterator[Scene]:
    yield Scene(worker_database, owner_url)
    await assert_sound(worker_database)


async def _broken_honored_and_missed(scene: Scene) -> tuple[UUID, list[UUID], list[UUID]]:
    """A store that broke an accepted offer, kept one and missed a delivery. Returns it, and what nobody may read."""
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED, promised_delivery_seconds=60)
    buyer = await scene.customer(shop)
    broken = await scene.accepted(shop, buyer)
    await broken.withdraw(shop.merchant_id)
    honored = await scene.accepted(shop, buyer)
    order = await scene.bought(shop, buyer, offer_id=honored.standing)
    await order.tell("deliver_order", shop.merchant_id, payment_received=True)
    await order.review()
    missed = await scene.bought(shop, buyer)
    missed.past("promised_at")
    await missed.settle()
    await scene.fold(shop)
    sources = [broken.standing, honored.standing, missed.order_id]
    return shop.store_id, sources, [order.order_id]


_STEPS = (
    "SELECT reason::text, source_event_id, linked_order_id FROM trust_events WHERE store_id = '{}' ORDER BY sequence"
)


async def test_trust_rows_tell_neither_offers_nor_orders(scene: Scene, owner_url: str) -> None:
    store_id, private, reviewed = await _broken_honored_and_missed(scene)
    rows = [tuple(row) for row in await scene.rows(_STEPS.format(store_id))]
    assert [row[0] for row in rows] == ["OFFER_BROKEN", "OFFER_HONORED", "REVIEW_POSTED", "OFFER_BROKEN"]
    sealed = {row[1] for row in rows if row[0].startswith("OFFER_")}
    assert len(sealed) == 3
    assert not sealed & set(private)
    # Version 7 tells when; these are of no time.
    assert {key.version for key in sealed} == {8}
    assert [row[2] for row in rows] == [None, None, reviewed[0], None]
    facts = await scene.rows(f"SELECT source_event_id FROM trust_facts WHERE store_id = '{store_id}'")
    assert not {row[0] for row in facts} & set(private)
    verdicts = [v async for v in verify_database(Settings(database_url=owner_url).role_url("owner"), store_id)]
    assert [(v.events, v.breaches) for v in verdicts] == [(4, ())]


async def test_stores_seal_the_same_source_apart(scene: Scene, owner_url: str) -> None:
    query = "SELECT souk_sealed(%s, %s), souk_sealed(%s, %s), souk_sealed(%s, %s)"
    one, other, source = (UUID(int=n) for n in (1, 2, 3))
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(query, [one, source, one, source, other, source]).fetchone()
    assert row is not None
    assert row[0] == row[1] != row[2]


@pytest.mark.parametrize("read", ["SELECT * FROM trust_seal", "SELECT souk_sealed(store_id, store_id) FROM stores"])
@pytest.mark.parametrize("role", ["api", "worker"])
async def test_the_seal_is_nobodys(owner_url: str, role: Literal["api", "worker"], read: str) -> None:
    async with opened(owner_url, role) as database:
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.session() as session:
                await session.execute(text(read))


async def test_the_way_back_names_the_sources_again_and_the_way_forth_seals_them(postgres: EmbeddedPostgres) -> None:
    url = make_database(postgres, "traces")
    async with opened(url, "worker") as database:
        store_id, private, (reviewed,) = await _broken_honored_and_missed(Scene(database, url))

    def steps() -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return connection.execute(_STEPS.format(store_id)).fetchall()

    sealed = steps()
    downgrade(url, "0010")
    broken, honored, missed = private
    orders = [row[2] for row in steps()]
    assert [row[1] for row in steps() if row[0].startswith("OFFER_")] == [broken, honored, missed]
    assert orders == [None, reviewed, reviewed, missed]
    upgrade(url)
    again = steps()
    assert [(row[0], row[2]) for row in again] == [(row[0], row[2]) for row in sealed]
    assert not {row[1] for row in again} & set(private)
    async for verdict in verify_database(Settings(database_url=url).role_url("owner"), None):
        assert (verdict.events, verdict.breaches) == (4, ())


async def test_an_agents_day_is_that_of_its_newest_public_event(scene: Scene, api_database: Database) -> None:
    shop, buyer = await scene.shop(), await scene.customer()

    async def day(database: Database = api_database) -> datetime | None:
        async with database.transaction() as transaction:
            return await agents.last_active_day(transaction, buyer)

    await scene.offer(shop, buyer)
    assert await day() is None
    async with scene.database.session() as session:
        record_event(session, ActivityType.THREAD_CREATED, actor_agent_id=buyer, store_id=shop.store_id)
    today = await scene.value("SELECT date_trunc('day', now(), 'UTC')")
    assert await day() == today
    assert (await day() or today).tzinfo is not None
    scene.as_owner(
        "UPDATE activity_events SET created_at = created_at - interval '1 day' WHERE actor_agent_id = %s", buyer
    )
    assert await day() == today - timedelta(days=1)
    # The event was of no thread.
    scene.as_owner("DELETE FROM activity_events WHERE actor_agent_id = %s", buyer)


async def test_when_an_agent_last_called_only_it_and_operators_learn(scene: Scene, api_database: Database) -> None:
    buyer, other = await scene.customer(), await scene.customer()
    scene.as_owner("UPDATE agents SET last_active_at = now() WHERE agent_id = %s", buyer)
    key_id = new_id()
    async with scene.database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "tests", random_secret())
    told = {}
    for who in (buyer, other, None):
        async with api_database.session(viewer=who) as session:
            told[who] = await agents.get_last_call(await Transaction.of(session))
            assert await console.get_last_call(session, buyer) is None
    assert (told[other], told[None]) == (None, None)
    assert told[buyer] is not None
    async with api_database.session() as session:
        await console.name_operator(session, key_id)
        assert await console.get_last_call(session, buyer) == told[buyer]
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with api_database.session(viewer=buyer) as session:
            await session.execute(text("SELECT last_active_at FROM agents"))
