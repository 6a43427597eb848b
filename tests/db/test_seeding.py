"""The market the growth bench is run on: whole, sound, and in the proportions the issue asks for."""

import psycopg
import pytest

from activities.platform.auditing import audit_projections
from config.contexts import CONTEXTS
from config.settings import Settings
from db.platform.contexts import DbParts
from db.platform.database import Database
from souk.bench.seeding import FULL, MILLION, Size, seed
from souk.stack.embedded import EmbeddedPostgres
from tests.databases import make_database


@pytest.fixture(scope="module")
def seeded_url(postgres: EmbeddedPostgres) -> str:
    return make_database(postgres, "seeded")


def test_the_full_size_is_the_issues() -> None:
    numbers = Size(FULL).numbers
    assert (numbers["offers"], numbers["listings"]) == (MILLION, 100_000)
    assert numbers["merchants"] + numbers["customers"] == 100_000


def _indexes(url: str) -> set[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename NOT LIKE 'activity_events_%'"
        ).fetchall())  # fmt: skip


async def test_a_seeded_market_is_sound(seeded_url: str) -> None:
    told: list[str] = []
    before = _indexes(seeded_url)
    rows = seed(seeded_url, Size(10_000), told.append)
    assert abs(rows["activity_events"] - 10_000) < 200
    assert rows["offers"] == 1_000
    assert _indexes(seeded_url) == before
    assert any("foreign keys checked" in line for line in told)
    database = Database(Settings(database_url=seeded_url).role_url("worker"), 2, "test-seeding")
    try:
        findings = await audit_projections(database, DbParts(CONTEXTS))
    finally:
        await database.close()
    assert {found.name: found.examples for found in findings if found.breaches} == {}


def test_its_log_is_in_the_months_with_every_index(seeded_url: str) -> None:
    with psycopg.connect(seeded_url) as connection:
        rows = connection.execute(
            "SELECT i.inhrelid::regclass::text, (SELECT count(*) FROM pg_index x WHERE x.indrelid = i.inhrelid)"
            " FROM pg_inherits i WHERE i.inhparent = 'activity_events'::regclass"
        ).fetchall()
        per_partition = dict(rows)
        wanted = connection.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'activity_events'::regclass"
        ).fetchone()
        strays = connection.execute("SELECT count(*) FROM activity_events_default").fetchone()
    assert wanted is not None
    assert set(per_partition.values()) == {wanted[0]}
    assert strays == (0,)
