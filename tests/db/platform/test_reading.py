"""The pool answers are read from: it outlives its connections, and forgets each viewer."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from config.settings import Settings
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.statements import Read
from souk.stack.embedded import EmbeddedPostgres

_PID = Read(select(func.pg_backend_pid().label("pid")))
_VIEWER = Read(select(func.current_setting("souk.viewer", True).label("viewer"), func.pg_backend_pid().label("pid")))


@pytest_asyncio.fixture
async def reads(owner_url: str) -> AsyncIterator[Database]:
    one = Database(Settings(database_url=owner_url).role_url("api"), 1, "test-reads")
    yield one
    await one.close()


async def test_a_connection_that_was_cut_is_replaced(reads: Database, postgres: EmbeddedPostgres) -> None:
    cut = (await reads.rows(_PID))[0]["pid"]
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [cut])
    [found], [again] = await reads.together((_PID, {}), (_PID, {}))
    assert found == again
    assert found["pid"] != cut


async def test_a_viewer_is_forgotten_with_its_read(reads: Database) -> None:
    viewer = new_id()
    [[seen]] = await reads.together((_VIEWER, {}), viewer=viewer)
    assert seen["viewer"] == str(viewer)
    [after] = await reads.rows(_VIEWER)
    assert after["pid"] == seen["pid"]
    assert not after["viewer"]


async def test_an_error_leaves_no_viewer_behind(reads: Database) -> None:
    broken = Read(select(func.no_such_function()))
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await reads.together((_VIEWER, {}), (broken, {}), viewer=new_id())
    assert not (await reads.rows(_VIEWER))[0]["viewer"]


async def test_away_is_told_as_such() -> None:
    nobody = Database("postgresql+psycopg://souk@127.0.0.1:1/souk", 1, "test-reads")
    with pytest.raises(psycopg.OperationalError):
        await nobody.rows(_PID)


async def test_who_waits_too_long_for_a_connection_is_told(reads: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.platform.pool._PATIENCE_SECONDS", 0.1)
    async with reads.transaction():
        with pytest.raises(psycopg.OperationalError, match="in use"):
            await reads.rows(_PID)
    assert await reads.rows(_PID)


@pytest.mark.slow
async def test_reads_come_back_with_postgres(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedPostgres(tmp_path_factory.mktemp("away"), fast=True) as server:
        reads = Database(server.url(), 2, "test-reads")
        await reads.rows(_PID)
        server.stop()
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError):
                await reads.rows(_PID)
        server.start()
        assert await reads.rows(_PID)
        await reads.close()
