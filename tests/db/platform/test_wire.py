"""The relay that counts statements sees what a driver really does."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from souk.bench.wire import Relay, WireCounts
from souk.stack.embedded import EmbeddedPostgres


@pytest.fixture
def relay(postgres: EmbeddedPostgres, owner_url: str):
    with Relay(Path(postgres.socket_dir) / ".s.PGSQL.5432") as relay:
        yield relay


def _counted(relay: Relay) -> WireCounts:
    return relay.take()[0].get("souk", WireCounts())


def test_statements_transactions_and_trips_are_counted(relay: Relay) -> None:
    with psycopg.connect(relay.url("souk")) as connection:
        connection.execute("CREATE TEMPORARY TABLE seats (n int)")
        connection.execute("INSERT INTO seats SELECT generate_series(1, %s)", [7])
        connection.commit()
        assert _counted(relay) == WireCounts(statements=4, transactions=1, round_trips=4)

        connection.execute("SELECT n FROM seats WHERE n <= %s FOR NO KEY UPDATE", [3])
        connection.execute("UPDATE seats SET n = 0 WHERE n > %s", [5])
        connection.rollback()
        assert _counted(relay) == WireCounts(statements=4, transactions=1, round_trips=4)

        connection.autocommit = True
        connection.execute("SELECT count(*) FROM seats")
        assert _counted(relay) == WireCounts(statements=1, transactions=1, round_trips=1)


def test_neither_pings_nor_preparing_count(relay: Relay) -> None:
    with psycopg.connect(relay.url("souk"), autocommit=True, prepare_threshold=0) as connection:
        connection.execute(";")
        assert _counted(relay) == WireCounts()
        connection.execute("SELECT %s::int", [1])
        assert _counted(relay) == WireCounts(statements=1, transactions=1, round_trips=1)


def test_a_pipeline_is_one_trip(relay: Relay) -> None:
    with psycopg.connect(relay.url("souk"), autocommit=True) as connection:
        with connection.pipeline():
            for number in range(5):
                connection.execute("SELECT %s::int", [number])
        assert _counted(relay) == WireCounts(statements=5, transactions=1, round_trips=1)


def test_a_refused_statement_does_not_confuse_it(relay: Relay) -> None:
    with psycopg.connect(relay.url("souk")) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / %s", [0])
        connection.rollback()
        assert _counted(relay) == WireCounts(statements=3, transactions=1, round_trips=3)
        connection.execute("SELECT 1")
        connection.commit()
        assert _counted(relay) == WireCounts(statements=3, transactions=1, round_trips=3)


async def test_the_feeds_own_reading_is_kept_apart(relay: Relay) -> None:
    async with await psycopg.AsyncConnection.connect(relay.url("souk")) as connection:
        await connection.execute("SELECT 1 AS souk_horizon")
        await connection.commit()
    await asyncio.sleep(0)
    assert _counted(relay) == WireCounts()
    assert relay.feed == WireCounts(statements=3, transactions=1, round_trips=3)
