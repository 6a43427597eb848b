"""A pool outlives the connections in it: one that was cut while it lay idle is found before it is used.

It uses the warm ones: which have prepared their statements and whose server process knows the tables.
"""

import asyncio

import psycopg
import pytest
from psycopg import OperationalError

from db.platform.database import Database
from db.platform.pool import ConnectionLostError
from db.platform.transactions import Transaction
from souk.stack.embedded import EmbeddedPostgres

_SLEEPS = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"


async def _use_and_cut(database: Database, postgres: EmbeddedPostgres) -> int:
    async with database.transaction() as transaction:
        pid = await _pid(transaction)
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        # Waits until the backend is gone.
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    return pid


async def test_the_connection_that_was_used_last_is_used_first(postgres: EmbeddedPostgres) -> None:
    database = Database(postgres.url(), 2, "test-warm")
    try:
        async with database.transaction() as one:
            last_back = await _pid(one)
            async with database.transaction() as other:
                assert await _pid(other) != last_back
        for _ in range(3):
            async with database.transaction() as transaction:
                assert await _pid(transaction) == last_back
    finally:
        await database.close()


async def test_an_idle_connection_that_was_cut_is_replaced(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.platform.pool.PING_AFTER_SECONDS", 0.0)
    database = Database(postgres.url(), 2, "test-idle")
    try:
        cut = await _use_and_cut(database, postgres)
        async with database.transaction() as transaction:
            assert await _pid(transaction) != cut
    finally:
        await database.close()


async def test_one_cut_in_use_fails_once_and_the_pool_recovers(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.platform.pool.PING_AFTER_SECONDS", 1e9)
    database = Database(postgres.url(), 2, "test-busy")
    try:
        cut = await _use_and_cut(database, postgres)
        with pytest.raises(OperationalError):
            async with database.transaction() as transaction:
                await _pid(transaction)
        async with database.transaction() as transaction:
            assert await _pid(transaction) != cut
    finally:
        await database.close()


async def _pid(transaction: Transaction) -> int:
    [(pid,)] = await transaction.run("SELECT pg_backend_pid()", ())
    return int(pid)


async def test_a_step_whose_connection_is_cut_fails_once_and_the_pool_recovers(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.platform.pool.PING_AFTER_SECONDS", 1e9)
    database = Database(postgres.url(), 1, "test-step")

    async def cut_in_use() -> None:
        async with database.transaction() as transaction:
            with psycopg.connect(postgres.url(), autocommit=True) as operator:
                operator.execute("SELECT pg_terminate_backend(%s, 5000)", [await _pid(transaction)])
            await _pid(transaction)

    try:
        async with database.transaction() as transaction:
            cut = await _pid(transaction)
        with pytest.raises(OperationalError):
            await cut_in_use()
        async with database.transaction() as transaction:
            assert await _pid(transaction) not in {0, cut}
    finally:
        await database.close()


async def test_a_step_that_is_broken_off_leaves_nothing_and_its_connection_is_used_again(
    postgres: EmbeddedPostgres,
) -> None:
    database = Database(postgres.url(), 1, "test-broken-off")
    reached = asyncio.Event()
    backends = []

    async def hang() -> None:
        async with database.transaction() as transaction:
            backends.append(await transaction.run("SELECT pg_backend_pid()", ()))
            await transaction.run("SELECT set_config('souk.viewer', 'left', true)", ())
            reached.set()
            await transaction.run("SELECT pg_sleep(600)", ())

    try:
        hanging = asyncio.create_task(hang())
        await reached.wait()
        # What is broken off before Postgres has begun with it cannot be cancelled there: the connection is given up.
        with psycopg.connect(postgres.url(), autocommit=True) as other:
            # pg_stat_activity cannot be listened to.
            while not other.execute(_SLEEPS, backends[0][0]).fetchone():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        async with database.transaction() as transaction:
            assert not (await transaction.run("SELECT current_setting('souk.viewer', true)", ()))[0][0]
            assert backends == [await transaction.run("SELECT pg_backend_pid()", ())]
    finally:
        await database.close()


async def test_a_transaction_that_nobody_goes_on_with_is_ended(postgres: EmbeddedPostgres) -> None:
    """Else a process that was frozen in one would hold its locks, and all feeds, for as long as its machine runs."""
    database = Database(postgres.url(), 1, "test-given-up")

    async def freeze() -> None:
        async with database.transaction() as transaction:
            await transaction.run("SET LOCAL idle_in_transaction_session_timeout = '10ms'", ())
            await asyncio.sleep(1)
            await transaction.run("SELECT 1", ())

    try:
        async with database.transaction() as transaction:
            names = ("idle_in_transaction_session_timeout", "client_connection_check_interval")
            settings = [await transaction.run("SELECT current_setting(%s)", (name,)) for name in names]
            assert settings == [[("30s",)], [("2s",)]]
        with pytest.raises(ConnectionLostError):
            await freeze()
        async with database.transaction() as transaction:
            assert await transaction.run("SELECT 1", ()) == [(1,)]
    finally:
        await database.close()


async def test_without_postgres_it_says_so_at_once() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", 1, "test-away")
    with pytest.raises(OperationalError):
        async with database.transaction():
            raise AssertionError
    await database.close()


async def test_trouble_of_one_pool_makes_the_others_look(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Postgres restarts: the pool that meets it first saves the others from using what died with it."""
    monkeypatch.setattr("db.platform.pool.PING_AFTER_SECONDS", 1e9)
    url = postgres.url()
    first, second = Database(url, 1, "test-first"), Database(url, 1, "test-second")
    try:
        cut = await _use_and_cut(second, postgres)
        await _use_and_cut(first, postgres)
        with pytest.raises(OperationalError):
            async with first.transaction() as transaction:
                await _pid(transaction)
        async with second.transaction() as transaction:
            assert await _pid(transaction) != cut
    finally:
        await first.close()
        await second.close()
