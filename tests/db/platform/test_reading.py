"""The pool answers are read from: it outlives its connections, and forgets each viewer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from config.settings import Settings
from db.platform.ids import new_id
from db.platform.reading import Reads, ReadsAwayError
from db.platform.statements import Read
from souk.stack.embedded import EmbeddedPostgres

_PID = Read(select(func.pg_backend_pid().label("pid")))
_VIEWER = Read(select(func.current_setting("souk.viewer", True).label("viewer"), func.pg_backend_pid().label("pid")))


@pytest_asyncio.fixture
async def reads(owner_url: str) -> AsyncIterator[Reads]:
    one = Reads(Settings(database_url=owner_url).role_url("api"), 1, "test-reads")
    async with one.running():
        yield one


async def test_a_connection_that_was_cut_is_replaced(reads: Reads, postgres: EmbeddedPostgres) -> None:
    cut = (await reads.rows(_PID))[0]["pid"]
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [cut])
    [found], [again] = await reads.together((_PID, {}), (_PID, {}))
    assert found == again
    assert found["pid"] != cut


async def test_a_viewer_is_forgotten_with_its_read(reads: Reads) -> None:
    viewer = new_id()
    [[seen]] = await reads.together((_VIEWER, {}), viewer=viewer)
    assert seen["viewer"] == str(viewer)
    [after] = await reads.rows(_VIEWER)
    assert after["pid"] == seen["pid"]
    assert not after["viewer"]


async def test_an_error_leaves_no_viewer_behind(reads: Reads) -> None:
    broken = Read(select(func.no_such_function()))
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await reads.together((_VIEWER, {}), (broken, {}), viewer=new_id())
    assert not (await reads.rows(_VIEWER))[0]["viewer"]


async def test_away_is_told_as_such(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.platform.reading._PATIENCE_SECONDS", 0.2)
    nobody = Reads("postgresql+psycopg://souk@127.0.0.1:1/souk", 1, "test-reads")
    async with nobody.running():
        with pytest.raises(ReadsAwayError):
            await nobody.rows(_PID)


@pytest.mark.slow
async def test_reads_come_back_with_postgres_however_long_it_was_away(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.platform.reading._PATIENCE_SECONDS", 1.0)
    # As after hours: a pool that waits longer after each try would wait that long.
    monkeypatch.setattr("psycopg_pool.base.AttemptWithBackoff.INITIAL_DELAY", 3_600.0)
    with EmbeddedPostgres(tmp_path_factory.mktemp("away"), fast=True) as server:
        reads = Reads(server.url(), 2, "test-reads")
        async with reads.running():
            await reads.rows(_PID)
            server.stop()
            with pytest.raises(ReadsAwayError):
                await reads.rows(_PID)
            server.start()
            async with asyncio.timeout(60):
                found = None
                while found is None:
                    with suppress(ReadsAwayError):
                        found = await reads.rows(_PID)
