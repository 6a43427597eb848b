"""A line is a connection that is there: it outlives a restart of Postgres, and serves whoever asks in turn."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.exc import OperationalError, ProgrammingError

from db.platform.database import Trouble
from db.platform.lines import Line
from souk.stack.embedded import EmbeddedPostgres

_PID = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture
async def line(postgres: EmbeddedPostgres) -> AsyncIterator[Line]:
    one = Line(postgres.url(), "test-line")
    yield one
    await one.close()


async def _pid(line: Line) -> int:
    [(pid,)] = await line.run(_PID, ())
    return int(pid)


def _cut(postgres: EmbeddedPostgres, pid: int) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def test_all_who_ask_at_once_share_one_connection(line: Line) -> None:
    assert len(set(await asyncio.gather(*(_pid(line) for _ in range(8))))) == 1


async def test_who_asks_on_a_lost_connection_hears_of_nothing_but_the_pools_do(
    line: Line, postgres: EmbeddedPostgres
) -> None:
    cut = await _pid(line)
    before = Trouble.at
    _cut(postgres, cut)
    found = set(await asyncio.gather(*(_pid(line) for _ in range(4))))
    assert len(found) == 1
    assert cut not in found
    assert Trouble.at > before


async def test_one_that_is_lost_again_and_again_is_an_error(line: Line, postgres: EmbeddedPostgres) -> None:
    with pytest.raises(OperationalError):
        await line.run("SELECT pg_terminate_backend(pg_backend_pid())", ())
    assert await _pid(line)


async def test_an_error_of_the_statement_is_told_and_not_asked_again(line: Line) -> None:
    pid = await _pid(line)
    with pytest.raises(ProgrammingError):
        await line.run("SELECT nothing_like_it", ())
    await line.run("SET statement_timeout = 50", ())
    with pytest.raises(OperationalError):
        await line.run("SELECT pg_sleep(600)", ())
    assert await _pid(line) == pid


async def test_who_gives_up_waiting_leaves_the_connection_to_others(line: Line) -> None:
    pid = await _pid(line)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await line.run("SELECT pg_sleep(600)", ())
    assert await _pid(line) == pid


async def test_away_is_told_as_such() -> None:
    with pytest.raises(OperationalError):
        await Line("postgresql://nobody@127.0.0.1:1/none", "test-line").run(_PID, ())


@pytest.mark.slow
async def test_it_comes_back_with_postgres(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedPostgres(tmp_path_factory.mktemp("line"), fast=True) as server:
        line = Line(server.url(), "test-line")
        assert await _pid(line)
        server.stop()
        with pytest.raises(OperationalError):
            await _pid(line)
        server.start()
        assert await _pid(line)
        await line.close()
