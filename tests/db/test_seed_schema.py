"""The migrated schema keeps the seed document's contract: what it names exists as it says.

Additions are allowed: enum values at the end, columns after the seed's, more indexes and constraints. The two
differences are written down here: the partitioned log's key, and the hero rule only for stores that choose it.
"""

from collections.abc import Iterator

import psycopg
import pytest

from tests.db.seed_columns import COLUMNS, ENUMS
from tests.db.seed_rules import CONSTRAINTS, INDEXES

DIFFERENT = {
    "UNIQUE INDEX activity_events_pkey ON activity_events (activity_event_id)": (
        "UNIQUE INDEX activity_events_pkey ON activity_events (activity_event_id, created_at)"
    ),
    "UNIQUE INDEX one_active_listing_per_store ON listings (store_id) WHERE (status = 'ACTIVE'::listing_status)": (
        "UNIQUE INDEX one_active_listing_per_store ON listings (store_id)"
        " WHERE ((status = 'ACTIVE'::listing_status) AND hero_only)"
    ),
    "PRIMARY KEY (activity_event_id)": "PRIMARY KEY (activity_event_id, created_at)",
}
_SHORT = {"timestamp with time zone": "timestamptz", "double precision": "float", "integer": "int"}


def _sections(text: str) -> dict[str, list[str]]:
    """Headings stand at the margin, their lines are indented."""
    found: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        if line.startswith(" "):
            found[list(found)[-1]].append(line.strip())
        else:
            found[line] = []
    return found


SEED_ENUMS = {name: " ".join(lines).split() for name, lines in _sections(ENUMS).items()}
SEED_COLUMNS = _sections(COLUMNS)
SEED_CONSTRAINTS = _sections(CONSTRAINTS)


@pytest.fixture(scope="module")
def catalogue(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url) as connection:
        yield connection


def test_the_expectations_are_complete() -> None:
    """What the seed document holds, counted once, so that nothing is lost from these files."""
    assert len(SEED_ENUMS) == 10
    assert len(SEED_COLUMNS) == 16
    assert sum(len(columns) for columns in SEED_COLUMNS.values()) == 143
    assert len(INDEXES.strip().splitlines()) == 49
    assert sum(len(rules) for rules in SEED_CONSTRAINTS.values()) == 75


@pytest.mark.parametrize("name", SEED_ENUMS)
def test_enum_starts_with_the_seeds_values_in_order(catalogue: psycopg.Connection, name: str) -> None:
    rows = catalogue.execute(
        "SELECT enumlabel FROM pg_enum WHERE enumtypid = %s::regtype ORDER BY enumsortorder", (name,)
    )
    values = [row[0] for row in rows]
    assert values[: len(SEED_ENUMS[name])] == SEED_ENUMS[name]
    if name not in {"trust_reason", "activity_type", "interaction_type"}:
        assert values == SEED_ENUMS[name]


@pytest.mark.parametrize("table", SEED_COLUMNS)
def test_table_starts_with_the_seeds_columns(catalogue: psycopg.Connection, table: str) -> None:
    rows = catalogue.execute(
        """
        SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
          WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        (table,),
    ).fetchall()
    found = [
        f"{name} {_SHORT.get(type_name, type_name)}"
        + (" NOT NULL" if not_null else "")
        + (f" DEFAULT {default}" if default else "")
        for name, type_name, not_null, default in rows
    ]
    assert found[: len(SEED_COLUMNS[table])] == SEED_COLUMNS[table]


@pytest.mark.parametrize("index", INDEXES.strip().splitlines())
def test_index_is_defined_as_in_the_seed(catalogue: psycopg.Connection, index: str) -> None:
    name = index.partition("INDEX ")[2].split()[0]
    row = catalogue.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname = %s", (name,)
    ).fetchone()
    assert row is not None
    definition = row[0].removeprefix("CREATE ").replace("ON ONLY ", "ON ").replace("public.", "")
    assert definition.replace(" USING btree", "") == DIFFERENT.get(index, index)


@pytest.mark.parametrize("table", SEED_CONSTRAINTS)
def test_constraints_are_defined_as_in_the_seed(catalogue: psycopg.Connection, table: str) -> None:
    rows = catalogue.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass", (table,)
    ).fetchall()
    found = dict(rows)
    for line in SEED_CONSTRAINTS[table]:
        name, _, definition = line.partition(": ")
        assert found.get(name) == DIFFERENT.get(definition, definition)
