"""A pool outlives the connections in it: one that was cut while it lay idle is found before it is used.

It uses the warm ones: which have prepared their statements and whose server process knows the tables.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db import session as sessions
from db.session import Database
from db.steps import Step
from souk.stack.embedded import EmbeddedPostgres

_PID = text("SELECT pg_backend_pid()")


async def _use_and_cut(database: Database, postgres: EmbeddedPostgres) -> int:
    async with database.transaction() as session:
        pid = int(await session.scalar(_PID) or 0)
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        # Waits until the backend is gone.
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    return pid


async def test_the_connection_that_was_used_last_is_used_first(postgres: EmbeddedPostgres) -> None:
    database = Database(postgres.url().replace("postgresql:", "postgresql+psycopg:"), 2, "test-warm")
    try:
        async with database.transaction() as one:
            last_back = await one.scalar(_PID)
            async with database.transaction() as other:
                assert await other.scalar(_PID) != last_back
        for _ in range(3):
            async with database.transaction() as session:
                assert await session.scalar(_PID) == last_back
    finally:
        await database.close()


async def test_an_idle_connection_that_was_cut_is_replaced(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_PING_AFTER_SECONDS", 0.0)
    database = Database(postgres.url().replace("postgresql:", "postgresql+psycopg:"), 2, "test-idle")
    try:
        cut = await _use_and_cut(database, postgres)
        async with database.transaction() as session:
            assert await session.scalar(_PID) not in {0, cut}
    finally:
        await database.close()


async def test_one_cut_in_use_fails_once_and_the_pool_recovers(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_PING_AFTER_SECONDS", 1e9)
    database = Database(postgres.url().replace("postgresql:", "postgresql+psycopg:"), 2, "test-busy")
    try:
        cut = await _use_and_cut(database, postgres)
        with pytest.raises(OperationalError):
            async with database.transaction() as session:
                await session.scalar(_PID)
        async with database.transaction() as session:
            assert await session.scalar(_PID) not in {0, cut}
    finally:
        await database.close()


@asynccontextmanager
async def _opened(database: Database, *, in_session: bool) -> AsyncIterator[Step]:
    if in_session:
        async with database.transaction() as session:
            yield await Step.of(session)
    else:
        async with database.step() as step:
            yield step


async def _pid(step: Step) -> int:
    [(pid,)] = await step.run("SELECT pg_backend_pid()", ())
    return int(pid)


@pytest.mark.parametrize("in_session", [False, True])
async def test_a_step_whose_connection_is_cut_fails_once_and_the_pool_recovers(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, in_session: bool
) -> None:
    monkeypatch.setattr(sessions, "_PING_AFTER_SECONDS", 1e9)
    database = Database(postgres.url().replace("postgresql:", "postgresql+psycopg:"), 1, "test-step")

    async def cut_in_use() -> None:
        async with _opened(database, in_session=in_session) as step:
            with psycopg.connect(postgres.url(), autocommit=True) as operator:
                operator.execute("SELECT pg_terminate_backend(%s, 5000)", [await _pid(step)])
            await _pid(step)

    try:
        async with _opened(database, in_session=in_session) as step:
            cut = await _pid(step)
        with pytest.raises(OperationalError):
            await cut_in_use()
        async with _opened(database, in_session=in_session) as step:
            assert await _pid(step) not in {0, cut}
    finally:
        await database.close()


async def test_a_step_that_is_broken_off_leaves_nothing_and_its_connection_is_used_again(
    postgres: EmbeddedPostgres,
) -> None:
    database = Database(postgres.url().replace("postgresql:", "postgresql+psycopg:"), 1, "test-broken-off")
    reached = asyncio.Event()
    backends = []

    async def hang() -> None:
        async with database.step() as step:
            backends.append(await step.run("SELECT pg_backend_pid()", ()))
            await step.run("SELECT set_config('souk.viewer', 'left', true)", ())
            reached.set()
            await step.run("SELECT pg_sleep(600)", ())

    try:
        hanging = asyncio.create_task(hang())
        await reached.wait()
        await asyncio.sleep(0)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        async with database.step() as step:
            assert not (await step.run("SELECT current_setting('souk.viewer', true)", ()))[0][0]
            assert backends == [await step.run("SELECT pg_backend_pid()", ())]
    finally:
        await database.close()


async def test_without_postgres_a_step_says_so_as_a_session_does() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", 1, "test-away")
    with pytest.raises(OperationalError):
        async with database.step():
            raise AssertionError
    await database.close()


async def _by_session(database: Database) -> None:
    async with database.transaction() as session:
        await session.scalar(_PID)


async def _by_step(database: Database) -> None:
    async with database.step() as step:
        await _pid(step)


@pytest.mark.parametrize("ask", [_by_session, _by_step])
async def test_trouble_of_one_pool_makes_the_others_look(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Database], Awaitable[None]]
) -> None:
    """As when Postgres restarts: the pool that meets it first saves the others from using what died with it."""
    monkeypatch.setattr(sessions, "_PING_AFTER_SECONDS", 1e9)
    url = postgres.url().replace("postgresql:", "postgresql+psycopg:")
    first, second = Database(url, 1, "test-first"), Database(url, 1, "test-second")
    try:
        cut = await _use_and_cut(second, postgres)
        await _use_and_cut(first, postgres)
        with pytest.raises(OperationalError):
            await ask(first)
        async with second.transaction() as session:
            assert await session.scalar(_PID) not in {0, cut}
    finally:
        await first.close()
        await second.close()
