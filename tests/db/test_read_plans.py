"""Reads of a grown market by the API's role: Postgres' own plans of them, and that a plan answers with the right rows.

Small as the seeded market is, its planner chooses as that of ten million events does: by index, or a whole table.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from config.contexts import CONTEXTS
from config.settings import Settings
from db.locks import clock
from db.market.discovery import get_spotlight
from db.market.reads_conversation import list_threads
from db.market.watch_figures import get_figures
from db.platform import console
from db.platform.commands import list_unanswered
from db.platform.contexts import DbParts
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.statements import Compiled, Found
from db.platform.transactions import Transaction
from domain.market.commands import MakeOffer
from souk.bench.seeding import Size, seed
from souk.stack.embedded import EmbeddedPostgres
from tests.databases import make_database

pytestmark = pytest.mark.slow(seconds=10)
EVENTS = 100_000
FEW_ROWS = 2_500
Node = dict[str, Any]

# Everything in the seeded market is over. One of each kind is not, and late; and a hold is not late yet.
_LATE = """
CREATE TEMP TABLE late AS SELECT order_id, row_number() OVER (ORDER BY order_id) AS n FROM orders LIMIT 6;
CREATE TEMP TABLE unanswered AS SELECT negotiation_id FROM negotiations WHERE status = 'EXPIRED' LIMIT 1;
UPDATE negotiations SET closed_at = NULL, close_reason = NULL, status = 'PROPOSED'
  WHERE negotiation_id IN (SELECT negotiation_id FROM unanswered);
UPDATE offers SET closed_at = NULL, close_reason = NULL, status = 'PROPOSED'
  WHERE negotiation_id IN (SELECT negotiation_id FROM unanswered);
UPDATE negotiations SET closed_at = NULL, close_reason = NULL
  WHERE negotiation_id IN (SELECT order_id FROM late WHERE n <= 2);
UPDATE stock_holds SET released_at = NULL, release = NULL WHERE offer_id IN (SELECT order_id FROM late WHERE n <= 2);
UPDATE stock_holds SET expires_at = now() + interval '5 minutes'
  WHERE offer_id = (SELECT order_id FROM late WHERE n = 1);
UPDATE orders SET status = 'PLACED', delivered_at = NULL, closed_at = NULL, promised_at = now() - interval '1 hour'
  WHERE order_id = (SELECT order_id FROM late WHERE n = 3);
UPDATE orders SET closed_at = NULL, refund_requested_at = now() - interval '2 hours',
    refund_answer_due_at = now() - interval '1 hour' WHERE order_id = (SELECT order_id FROM late WHERE n = 4);
UPDATE orders SET closed_at = NULL WHERE order_id = (SELECT order_id FROM late WHERE n = 5);
UPDATE review_windows SET status = 'OPEN', closed_at = NULL WHERE order_id = (SELECT order_id FROM late WHERE n = 6);
"""
_LATE_FOR = {
    "an answer to the standing offer": "negotiation",
    "the buyer's purchase of an accepted offer": "negotiation",
    "payment or the merchant's delivery": "order",
    "the merchant's answer to a refund request": "order",
    "the end of the return window": "order",
    "the buyer's review": "review-window",
}
_TRUST = """
SET session_replication_role = replica;
INSERT INTO trust_events (trust_event_id, store_id, timestamp, reason, delta_overall, sequence, fold, fact_id,
    source_event_id, component, delta_r, delta_s, formula_version, inputs, component_before_milli,
    component_after_milli, overall_before_milli, overall_after_milli)
  SELECT uuidv7(), store_id, now() - n * interval '1 minute', 'OFFER_HONORED', 0, n, n, uuidv7(), uuidv7(),
    'product', 1, 1, 1, '{}', 1, 1, 500, 501
  FROM (SELECT store_id FROM stores ORDER BY store_id LIMIT 10) s CROSS JOIN generate_series(1, 2000) n
"""


@pytest.fixture(scope="module")
def grown_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    url = make_database(postgres, "grown")
    seed(url, Size(EVENTS), lambda _: None)
    yield url
    with psycopg.connect(postgres.url(), autocommit=True) as owner:
        owner.execute("DROP DATABASE grown WITH (FORCE)")


@pytest_asyncio.fixture
async def grown(grown_url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=grown_url).role_url("api"), 1, "test-plans")
    yield database
    await database.close()


def _as_owner(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        for statement in statements:
            owner.execute(statement.encode())


async def _explained(session: AsyncSession, read: Callable[[], Awaitable[Any]]) -> tuple[Any, list[Node]]:
    """What it answers, and every scan of a table in the plans of its statements, as they ran."""
    asked: list[tuple[str, Any]] = []
    connection = await session.connection()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    answer = await read()
    event.remove(connection.sync_connection, "before_cursor_execute", note)
    return answer, await _scans(await Transaction.of(session), asked)


class _Noted(Transaction):
    """Notes what it is asked."""

    def __init__(self, of: Transaction) -> None:
        super().__init__(of.connection, of.info)
        self.asked: list[tuple[str, Any]] = []

    async def fetch(self, query: Compiled[Found], values: dict[str, Any]) -> list[Found]:
        self.asked.append((query.text, query.parameters(values)))
        return await super().fetch(query, values)


async def _explain(transaction: Transaction, read: Callable[[Transaction], Awaitable[Any]]) -> tuple[Any, list[Node]]:
    """The same of what reads in a transaction."""
    noted = _Noted(transaction)
    answer = await read(noted)
    return answer, await _scans(transaction, noted.asked)


async def _scans(transaction: Transaction, asked: list[tuple[str, Any]]) -> list[Node]:
    scans = []
    for statement, parameters in asked:
        [(found,)] = await transaction.run(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        plan = found if isinstance(found, list) else json.loads(found)
        scans += [node for node in _nodes(plan[0]["Plan"]) if "Relation Name" in node]
    return scans


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for child in plan.get("Plans", []):
        # What a condition that looks at no row has kept from beginning reads nothing, however many rows there are.
        if child["Actual Loops"] or "One-Time Filter" not in plan:
            yield from _nodes(child)


def _rows_read(scans: list[Node]) -> dict[str, float]:
    """By table; a table that a plan would read whole counts also where it was spared this time."""
    rows: Counter[str] = Counter()
    for node in scans:
        rows[node["Relation Name"]] += (
            node["Plan Rows"]
            if node["Node Type"] == "Seq Scan"
            else node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        )
    return dict(rows)


async def test_attention_reads_what_is_open_and_not_what_is_over(grown: Database, grown_url: str) -> None:
    key = new_id()
    _as_owner(
        grown_url,
        f"INSERT INTO api_keys (key_id, kind, label, secret_hash) VALUES ('{key}', 'OPERATOR', 'plans', 'x')",
        _LATE,
        "ANALYZE",
    )
    async with grown.session() as session:
        await console.name_operator(session, key)
        now = await clock(session)

        rows = DbParts(CONTEXTS)

        async def look() -> tuple[Any, ...]:
            late = await console.list_late(session, rows, now, 60, 100)
            return (
                late,
                await console.list_noticed(session, rows.notices[1], now, 100),
                await console.list_open(session, rows, 100),
            )

        (late, holds, under_way), scans = await _explained(session, look)
    assert {row["waits_for"]: row["kind"] for row in late} == _LATE_FOR
    assert len(late) == len(_LATE_FOR)
    assert all(row["store_id"] and row["due"] < now for row in late)
    assert len(holds) == 1
    assert {row["id"] for row in (*late, *holds) if row["kind"] != "review-window"} == {row["id"] for row in under_way}
    assert max(_rows_read(scans).values()) < 50


async def test_threads_are_found_by_words_that_few_or_many_titles_hold(grown: Database, grown_url: str) -> None:
    """Of 5 000 threads every title has "question", and "lantern" the ten oldest.

    The planner is told as little of these as its sample of 500 000 tells it, and asked for a page of one as of 50
    there: so it would walk through all of them.
    """
    _as_owner(
        grown_url,
        "UPDATE threads SET title = 'A lantern in the question' WHERE thread_id IN"
        " (SELECT thread_id FROM threads WHERE type = 'GENERAL' ORDER BY thread_id LIMIT 10)",
        "ALTER TABLE threads ALTER COLUMN search_text SET STATISTICS 1",
        "VACUUM ANALYZE threads",
    )
    for q, expected in (("question", 1), ("lantern", 1), ("lanterns question", 1), ("nowhere", 0)):
        async with grown.transaction() as transaction:

            async def page(noted: Transaction, q: str = q) -> list[Any]:
                return await list_threads(noted, None, None, None, q, None, 1)

            found, scans = await _explain(transaction, page)
        assert len(found) == expected, q
        assert _rows_read(scans)["threads"] < FEW_ROWS, q
    async with grown.transaction() as transaction:

        async def ids(q: str, before: UUID | None = None, store_id: UUID | None = None) -> list[UUID]:
            return [thread.thread_id for thread in await list_threads(transaction, None, store_id, None, q, before, 20)]

        lanterns = await ids("lantern")
        assert len(lanterns) == 10
        assert lanterns == sorted(lanterns, reverse=True)
        # The next page goes on, whichever way the first was found.
        assert await ids("lantern", before=lanterns[3]) == lanterns[4:]
        assert await ids("question", before=lanterns[3]) == lanterns[4:]
        first = (await list_threads(transaction, None, None, None, "lantern", None, 1))[0]
        assert first.thread_id == lanterns[0]
        of_its_store = await ids("lantern", store_id=first.context_store_id)
    assert of_its_store[0] == first.thread_id
    assert len(of_its_store) < 10


async def test_listings_on_sale_are_counted_by_an_index(grown: Database, grown_url: str) -> None:
    _as_owner(
        grown_url,
        "UPDATE stores SET status = 'PAUSED' WHERE store_id IN (SELECT store_id FROM stores ORDER BY store_id LIMIT 3)",
        "UPDATE listings SET status = 'PAUSED' WHERE listing_id IN"
        " (SELECT listing_id FROM listings ORDER BY store_id LIMIT 15)",
        "VACUUM ANALYZE listings",
    )
    with psycopg.connect(grown_url) as owner:
        expected = owner.execute(
            "SELECT count(*) FROM listings l JOIN stores s USING (store_id)"
            " WHERE l.status = 'ACTIVE' AND s.status = 'ACTIVE'"
        ).fetchone()
    assert expected is not None
    async with grown.transaction() as transaction:
        now = await clock(transaction)
        figures, scans = await _explain(transaction, lambda noted: get_figures(noted, now))
    assert (figures.listings_on_sale,) == expected
    assert 0 < figures.listings_on_sale < 1_000
    whole = {node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan"}
    assert "listings" not in whole


async def test_unanswered_commands_are_found_among_those_under_way(grown_url: str) -> None:
    """40 000 requests were answered, 100 given up before they did anything, one after."""
    _as_owner(
        grown_url,
        "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash, created_at, lease_until,"
        " completed_at, status_code) SELECT uuidv7(), uuidv7(), 'k', 'r', now() - interval '1 hour',"
        " now() - interval '1 hour', CASE WHEN n > 101 THEN now() END, CASE WHEN n > 101 THEN 201 END"
        " FROM generate_series(1, 40101) n",
        "INSERT INTO processed_commands (command_id, kind, entity_id, outcome) SELECT command_id, 'make_offer',"
        " uuidv7(), 'ok' FROM idempotency_records WHERE completed_at IS NOT NULL",
        "INSERT INTO processed_commands (command_id, kind, entity_id, outcome) SELECT command_id, 'make_offer',"
        " uuidv7(), 'ok' FROM idempotency_records WHERE completed_at IS NULL LIMIT 1",
        "VACUUM ANALYZE idempotency_records, processed_commands",
    )
    database = Database(Settings(database_url=grown_url).role_url("worker"), 1, "test-plans")
    try:
        async with database.transaction() as transaction:
            noted = _Noted(transaction)
            found = await list_unanswered(noted, {MakeOffer.kind}, 500)
            scans = await _scans(transaction, noted.asked)
    finally:
        await database.close()
    assert len(found) == 1
    assert max(_rows_read(scans).values()) <= 202


async def test_stores_that_gain_trust_are_found_by_the_hours_asked_for(grown: Database, grown_url: str) -> None:
    """Ten stores had 20 000 steps of trust, one a minute each."""
    _as_owner(grown_url, _TRUST, "ANALYZE trust_events")
    async with grown.transaction() as transaction:
        since = await clock(transaction) - timedelta(hours=1)
        spotlight, scans = await _explain(transaction, lambda noted: get_spotlight(noted, since, 3))
    assert len(spotlight.rising) == 3
    assert all(55 < gained <= 60 for _, gained in spotlight.rising)
    assert _rows_read(scans)["trust_events"] <= 600
    assert {node["Index Name"] for node in scans if node["Relation Name"] == "trust_events"} == {
        "trust_events_time_idx"
    }
