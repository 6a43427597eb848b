"""Statements that commit by themselves: they outlive a restart of Postgres, and take their turn at a connection."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from psycopg import OperationalError, ProgrammingError

from db.platform.database import Database
from db.platform.pool import Trouble
from souk.stack.embedded import EmbeddedPostgres

_PID = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture
async def single(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    one = Database(postgres.url(), 1, "test-single")
    yield one
    await one.close()


async def _pid(single: Database) -> int:
    [(pid,)] = await single.run(_PID, ())
    return int(pid)


def _cut(postgres: EmbeddedPostgres, pid: int) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def test_all_who_ask_at_once_share_one_connection(single: Database) -> None:
    assert len(set(await asyncio.gather(*(_pid(single) for _ in range(8))))) == 1


async def test_who_asks_on_a_lost_connection_hears_of_nothing_but_the_pools_do(
    single: Database, postgres: EmbeddedPostgres
) -> None:
    cut = await _pid(single)
    before = Trouble.at
    _cut(postgres, cut)
    found = set(await asyncio.gather(*(_pid(single) for _ in range(4))))
    assert len(found) == 1
    assert cut not in found
    assert Trouble.at > before


async def test_one_that_is_lost_again_and_again_is_an_error(single: Database, postgres: EmbeddedPostgres) -> None:
    with pytest.raises(OperationalError):
        await single.run("SELECT pg_terminate_backend(pg_backend_pid())", ())
    assert await _pid(single)


async def test_an_error_of_the_statement_is_told_and_not_asked_again(single: Database) -> None:
    pid = await _pid(single)
    with pytest.raises(ProgrammingError):
        await single.run("SELECT nothing_like_it", ())
    await single.run("SET statement_timeout = 50", ())
    with pytest.raises(OperationalError):
        await single.run("SELECT pg_sleep(600)", ())
    assert await _pid(single) == pid


async def test_who_gives_up_waiting_leaves_the_connection_to_others(single: Database) -> None:
    pid = await _pid(single)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await single.run("SELECT pg_sleep(600)", ())
    assert await _pid(single) == pid


async def test_away_is_told_as_such() -> None:
    with pytest.raises(OperationalError):
        await Database("postgresql://nobody@127.0.0.1:1/none", 1, "test-single").run(_PID, ())


@pytest.mark.slow
async def test_it_comes_back_with_postgres(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedPostgres(tmp_path_factory.mktemp("single"), fast=True) as server:
        single = Database(server.url(), 1, "test-single")
        assert await _pid(single)
        server.stop()
        with pytest.raises(OperationalError):
            await _pid(single)
        server.start()
        assert await _pid(single)
        await single.close()
