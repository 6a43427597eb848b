"""Admission: keys looked up and windows counted for many requests in one statement, exactly."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from config.settings import Settings
from db.platform.admissions import AGENT, Admitted, Visit, admit
from db.platform.database import Database
from db.platform.housekeeping import purge_old_records
from db.platform.ids import new_id
from db.platform.keys import hash_secret, insert_key, random_secret
from db.platform.tables import ApiKeyKind
from db.platform.transactions import Transaction
from domain.platform.identity import AgentType
from tests.builders import make_agent

AGENT_WINDOW = f"agents/{AGENT}/1"


@pytest_asyncio.fixture
async def pools(owner_url: str) -> AsyncIterator[list[Database]]:
    """As of four processes of the API."""
    url = Settings(database_url=owner_url).role_url("api")
    pools = [Database(url, 1, "test-admission") for _ in range(4)]
    yield pools
    for pool in pools:
        await pool.close()


@pytest.fixture
def admission(pools: list[Database]) -> Database:
    return pools[0]


async def visit(admission: Database, *visits: Visit) -> list[Admitted]:
    return await admit(admission, visits, AGENT_WINDOW, 3600)


def window() -> str:
    return f"test/{secrets.token_hex(8)}"


async def keys_of_an_agent(database: Database, count: int) -> tuple[UUID, list[tuple[UUID, bytes]]]:
    keys = [(new_id(), random_secret()) for _ in range(count)]
    async with database.session() as session:
        agent_id = await make_agent(session, AgentType.CUSTOMER)
        for key_id, secret in keys:
            insert_key(session, key_id, ApiKeyKind.AGENT, agent_id, "", secret)
    return agent_id, [(key_id, hash_secret(secret)) for key_id, secret in keys]


async def test_each_visit_gets_its_own_count_in_order(admission: Database):
    one, other = window(), window()
    found = await visit(admission, *(Visit({name: 3600}) for name in (one, one, other, one)))
    assert [admitted.windows[0].count for admitted in found] == [1, 2, 1, 3]
    [after] = await visit(admission, Visit({other: 3600, one: 3600}))
    assert [counted.count for counted in after.windows] == [2, 4]
    assert all(3_590 < counted.seconds_left <= 3_600 for counted in after.windows)


async def test_a_window_that_ended_begins_again_within_a_batch(admission: Database):
    name = window()
    await visit(admission, Visit({name: 0}), Visit({name: 0}))
    found = await visit(admission, Visit({name: 3600}), Visit({name: 3600}))
    assert [admitted.windows[0].count for admitted in found] == [1, 2]


async def test_parallel_batches_count_each_visit_once(pools: list[Database]):
    names = [window() for _ in range(5)]
    batches = [[Visit(dict.fromkeys(order, 3600)) for _ in range(4)] for order in (names, names[::-1]) * 10]
    found = await asyncio.gather(*(visit(pools[n % 4], *batch) for n, batch in enumerate(batches)))
    counts = sorted(admitted.windows[2].count for batch in found for admitted in batch)
    assert counts == list(range(1, 81))


async def test_an_agents_keys_share_its_window_and_others_count_nothing_in_it(
    admission: Database, worker_database: Database
):
    agent_id, (first, second, revoked) = await keys_of_an_agent(worker_database, 3)
    async with worker_database.session() as session:
        await session.execute(text("UPDATE api_keys SET revoked_at = now() WHERE key_id = :key"), {"key": revoked[0]})
    wrong, unknown = (first[0], hash_secret(b"guessed")), (new_id(), first[1])
    address = window()
    shown = (first, wrong, second, revoked, None, first, unknown)
    found = await visit(admission, *(Visit({address: 3600}, key) for key in shown))
    assert [admitted.windows[0].count for admitted in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [a.agent_window and a.agent_window.count for a in found] == [1, None, 2, None, None, 3, None]
    assert [a.owner and a.owner.agent_id for a in found] == [agent_id, None, agent_id, None, None, agent_id, None]
    # Who is known already names the agent's window, and shares it with those who show a key.
    named = AGENT_WINDOW.replace(AGENT, str(agent_id))
    by_name, by_key = await visit(admission, Visit({named: 3600}), Visit({address: 3600}, second))
    assert (by_name.windows[0].count, by_key.agent_window.count) == (4, 5)


async def test_an_operators_key_has_no_agents_window(admission: Database, worker_database: Database):
    key_id, secret = new_id(), random_secret()
    async with worker_database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "tests", secret)
    [found] = await visit(admission, Visit({window(): 3600}, (key_id, hash_secret(secret))))
    assert found.agent_window is None
    assert found.owner is not None
    assert (found.owner.kind, found.owner.agent_id) == (ApiKeyKind.OPERATOR, None)


async def test_agents_are_noted_as_active_once_a_window_and_never_waited_for(
    admission: Database, worker_database: Database
):
    async def last_calls(*agents: UUID) -> list[datetime | None]:
        query = text("SELECT last_active_at FROM agents WHERE agent_id = ANY(:ids) ORDER BY agent_id = :first DESC")
        async with worker_database.session() as session:
            return list(await session.scalars(query, {"ids": list(agents), "first": agents[0]}))

    agent, [key] = await keys_of_an_agent(worker_database, 1)
    locked, [of_locked] = await keys_of_an_agent(worker_database, 1)
    async with worker_database.session() as session:
        await session.execute(text("SELECT 1 FROM agents WHERE agent_id = :id FOR UPDATE"), {"id": locked})
        found = await visit(admission, *(Visit({window(): 60}, shown) for shown in (key, of_locked, key)))
        assert [admitted.owner.agent_id for admitted in found] == [agent, locked, agent]
    first, never = await last_calls(agent, locked)
    assert first is not None
    assert never is None
    await visit(admission, Visit({window(): 60}, key))
    assert await last_calls(agent) == [first]
    # Its window is over.
    await admit(admission, [Visit({}, key)], "agents/{agent}/again", 60)
    [later] = await last_calls(agent)
    assert later is not None
    assert later > first


async def test_closed_windows_are_deleted_without_waiting_for_an_admission(
    admission: Database, worker_database: Database
):
    closed, used, open_still = window(), window(), window()
    await visit(admission, Visit({closed: 0, used: 0, open_still: 3600}))

    async def kept() -> set[str]:
        async with worker_database.session() as session:
            keys = text("SELECT key FROM rate_limit_windows WHERE key = ANY(:keys)")
            return set(await session.scalars(keys, {"keys": [closed, used, open_still]}))

    async with worker_database.session() as admitting:
        await admitting.execute(text("UPDATE rate_limit_windows SET count = 1 WHERE key = :key"), {"key": used})
        async with worker_database.session() as session:
            await session.execute(text("SET LOCAL lock_timeout = '30s'"))
            await purge_old_records(await Transaction.of(session), 10_000)
        assert await kept() == {used, open_still}
    async with worker_database.session() as session:
        await purge_old_records(await Transaction.of(session), 10_000)
    assert await kept() == {open_still}
