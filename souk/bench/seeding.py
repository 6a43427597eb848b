"""Fills a database with a market's past, by SQL: events by the million, and every row they speak of.

Rows go in with triggers and foreign keys held back, and every foreign key is checked afterwards; the log's months
are loaded as tables and then attached, which builds their indexes and checks their keys as Postgres does it.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from db.market import trust
from domain.market.policy import MarketPolicy
from domain.market.trust import TrustState
from souk.stack.errors import StackError

Tell = Callable[[str], None]
MILLION = 1_000_000
FULL = 10 * MILLION
_SPAN = timedelta(days=80)
_FIRST_TX = 10
_TABLES = (
    "agents", "stores", "products", "listings", "threads", "messages", "negotiations", "offers", "orders", "reviews",
    "review_windows", "interaction_evidence", "stock_holds", "stock_movements", "store_stats", "inbox_events",
    "trust_profiles",
)  # fmt: skip
# Their indexes are made when their rows are in: row by row they would take most of the time.
_INDEXED_LAST = ("products", "threads", "messages", "negotiations", "offers", "inbox_events", "stock_movements")
# Each kind of event, from the rows it speaks of. In the log's order these are mixed by time.
_EVENTS = """
SELECT overlay({key}::text PLACING '{mark}' FROM 16 FOR 3)::uuid, '{type}'::activity_type, {at}, {actor}, {store},
  {listing}, {thread}, {message}, {order}, {review} FROM {table} t {joined} WHERE {where}"""
_NONE = "NULL::uuid"


@dataclass(frozen=True, slots=True)
class _Source:
    type: str
    table: str
    key: str
    at: str
    actor: str = _NONE
    store: str = _NONE
    listing: str = _NONE
    thread: str = _NONE
    message: str = _NONE
    order: str = _NONE
    review: str = _NONE
    joined: str = ""
    where: str = "true"


_OFFER = {"table": "offers", "key": "t.offer_id", "store": "t.seller_store_id", "listing": "t.listing_id"}
_THREAD = {"store": "c.context_store_id", "listing": "c.context_listing_id"}
_ORDER = {
    "table": "orders", "key": "t.order_id", "actor": "t.buyer_customer_id", "store": "t.store_id",
    "listing": "t.listing_id", "order": "t.order_id",
}  # fmt: skip
_SOURCES = (
    _Source("STORE_CREATED", "stores", "t.store_id", "t.created_at", "t.owner_merchant_id", "t.store_id"),
    _Source("LISTING_DROPPED", "listings", "t.listing_id", "t.created_at", store="t.store_id", listing="t.listing_id"),
    _Source(
        "THREAD_CREATED", "threads", "t.thread_id", "t.created_at", "t.created_by_agent_id", "t.context_store_id",
        "t.context_listing_id", "t.thread_id",
    ),
    _Source(
        "MESSAGE_POSTED", "messages", "t.message_id", "t.created_at", "t.author_agent_id", thread="t.thread_id",
        message="t.message_id", joined="JOIN threads c USING (thread_id)", **_THREAD,
    ),
    _Source("OFFER_MADE", at="t.created_at", **_OFFER),
    _Source("OFFER_ACCEPTED", at="t.accepted_at", where="t.status = 'ACCEPTED'", **_OFFER),
    _Source("OFFER_REJECTED", at="t.closed_at", where="t.status = 'REJECTED'", **_OFFER),
    _Source("OFFER_EXPIRED", at="t.closed_at", where="t.status = 'EXPIRED'", **_OFFER),
    _Source("ORDER_PLACED", at="t.placed_at", **_ORDER),
    _Source("ORDER_DELIVERED", at="t.delivered_at", **_ORDER),
    _Source(
        "REVIEW_POSTED", "reviews", "t.review_id", "t.created_at", "t.author_customer_id", "o.store_id",
        "o.listing_id", message="t.message_id", order="t.order_id", review="t.review_id",
        joined="JOIN orders o USING (order_id)",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """A market of about so many events; everything else in proportion, at full size as the issue has it."""

    events: int

    def of(self, full: int) -> int:
        return max(10, full * self.events // FULL)

    @property
    def numbers(self) -> dict[str, int]:
        offers, threads = self.of(MILLION), self.of(MILLION // 2)
        listings, merchants = self.of(MILLION // 10), self.of(MILLION // 100)
        # An offer makes 2.3 events on average; messages fill up the rest.
        rest = self.events - threads - listings - merchants - offers * 23 // 10
        return {
            "merchants": merchants,
            "customers": self.of(9 * MILLION // 100),
            "listings": listings,
            "threads": threads,
            "messages": max(threads, rest),
            "offers": offers,
            # The word the bench searches for is as rare in a large market as in a small one.
            "rare": max(1, listings // 100),
        }


def seed(url: str, size: Size, tell: Tell) -> dict[str, int]:
    """Fill the database at ``url`` (its owner's). Returns how many rows each table has."""
    end = datetime.now(UTC) - timedelta(hours=2)  # noqa: TID251 - the past ends now
    start = end - _SPAN
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET work_mem = '512MB'")
        connection.execute("SET maintenance_work_mem = '1GB'")
        # Building an index logs its pages whole: compressing them would be most of the work.
        connection.execute("SET wal_compression = off")
        # A checkpoint for every gigabyte of log would write most pages more than once.
        _set_log_size(connection, "16GB")
        newest = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert newest is not None
        numbers = size.numbers | {
            "start": int(start.timestamp()), "span": int(_SPAN.total_seconds()), "firsttx": _FIRST_TX,
            "txs": newest[0] - _FIRST_TX - 1,
        }  # fmt: skip
        indexes = _drop_indexes(connection)
        for name, statements in _steps(numbers):
            _timed(connection, name, statements, tell)
        _timed(connection, "profiles", _profiles(), tell)
        _timed(connection, "indexes", "; ".join(indexes), tell)
        for month in _months(start, end):
            _load_month(connection, month, numbers, tell)
        connection.execute("RESET session_replication_role")
        _check_foreign_keys(connection, tell)
        _timed(connection, "vacuum and analyze", "VACUUM (ANALYZE)", tell)
        _set_log_size(connection, None)
        _timed(connection, "checkpoint", "CHECKPOINT", tell)
        return {table: _count(connection, table) for table in (*_TABLES, "activity_events")}


def _set_log_size(connection: psycopg.Connection[Any], size: str | None) -> None:
    """How much is logged before a checkpoint; None is the server's own again."""
    value = sql.Literal(size) if size else sql.SQL("DEFAULT")
    connection.execute(sql.SQL("ALTER SYSTEM SET max_wal_size = {}").format(value))
    connection.execute("SELECT pg_reload_conf()")


def _drop_indexes(connection: psycopg.Connection[Any]) -> list[str]:
    """Those of the larger tables that no constraint needs. Returns how to make them again, just as they were."""
    found = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid::regclass::text = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
        [list(_INDEXED_LAST)],
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [definition for _, definition in found]


def _steps(numbers: dict[str, int]) -> list[tuple[str, str]]:
    text = Path(__file__).with_name("seed.sql").read_text()
    filled = re.sub(r"<([a-z]+)>", lambda found: f"{numbers[found[1]]}::bigint", text)
    found = [part.split("\n", 1) for part in re.split(r"^-- step: ", filled, flags=re.MULTILINE)[1:]]
    return [(name, statements) for name, statements in found]


def _timed(connection: psycopg.Connection[Any], name: str, statements: str, tell: Tell) -> None:
    started = time.monotonic()
    connection.execute(statements.encode())
    tell(f"  {name}: {time.monotonic() - started:.1f} s")


def _profiles() -> str:
    """Profiles at the prior: what a store without a fact has."""
    genesis = trust.state_values(TrustState.genesis(), datetime.now(UTC))  # noqa: TID251 - not kept
    names = [name for name in genesis if name.endswith("_score")] + ["rank_milli", "rated"]
    return (
        f"INSERT INTO trust_profiles (store_id, {', '.join(names)}, decay_due_at)"  # noqa: S608 - numbers of our own
        f" SELECT store_id, {', '.join(str(genesis[name]) for name in names)},"
        f" now() + interval '{MarketPolicy().trust_decay_seconds} seconds' FROM stores"
    )


def _months(start: datetime, end: datetime) -> list[datetime]:
    month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = []
    while month <= end:
        found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def _load_month(connection: psycopg.Connection[Any], month: datetime, numbers: dict[str, int], tell: Tell) -> None:
    """As souk_make_activity_partitions makes one, with its rows in it before it is attached."""
    upper = (month + timedelta(days=32)).replace(day=1)
    name = f"activity_events_{month:%Y_%m}"
    where = f"{{at}} >= '{month.isoformat()}' AND {{at}} < '{upper.isoformat()}'"
    sources = " UNION ALL ".join(
        _EVENTS.format(
            **{field: getattr(source, field) for field in _Source.__dataclass_fields__ if field != "where"},
            mark=f"{0x100 + number:03x}",
            where=f"({source.where}) AND {where.format(at=source.at)}",
        )
        for number, source in enumerate(_SOURCES)
    )
    place = f"{_FIRST_TX} + ({numbers['txs']} * (extract(epoch FROM at) - {numbers['start']}) / {numbers['span']})"
    filled = f"""
        DO $$ BEGIN IF to_regclass('{name}') IS NOT NULL THEN
          EXECUTE 'ALTER TABLE activity_events DETACH PARTITION {name}'; EXECUTE 'DROP TABLE {name}';
        END IF; END $$;
        CREATE TABLE {name} (LIKE activity_events INCLUDING DEFAULTS);
        INSERT INTO {name} (activity_event_id, type, created_at, actor_agent_id, store_id, listing_id, thread_id,
            message_id, order_id, review_id, txid)
          SELECT *, ({place})::bigint FROM ({sources}) AS e(id, type, at, actor, store, listing, thread, message,
            ordered, review) ORDER BY at;
        ALTER TABLE {name} ADD CONSTRAINT month CHECK (created_at >= '{month.isoformat()}'
          AND created_at < '{upper.isoformat()}');
        """  # noqa: S608 - names and times of our own
    _timed(
        connection,
        f"events of {month:%Y-%m}",
        filled,
        tell,
    )
    _timed(
        connection,
        f"indexes and keys of {month:%Y-%m}",
        f"ALTER TABLE activity_events ATTACH PARTITION {name} FOR VALUES FROM ('{month.isoformat()}')"
        f" TO ('{upper.isoformat()}'); ALTER TABLE {name} DROP CONSTRAINT month",
        tell,
    )


def _check_foreign_keys(connection: psycopg.Connection[Any], tell: Tell) -> None:
    """Raises StackError when a row refers to nothing. The log's own keys were checked when it was attached."""
    started = time.monotonic()
    keys = connection.execute(
        "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,"
        " (SELECT array_agg(a.attname ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(num, n)"
        "   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),"
        " (SELECT array_agg(a.attname ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k(num, n)"
        "   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num)"
        " FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY(%s)",
        [list(_TABLES)],
    ).fetchall()
    for name, table, target, columns, targets in keys:
        query = sql.SQL(
            "SELECT count(*) FROM {table} t WHERE {there} AND NOT EXISTS (SELECT FROM {target} r WHERE {same})"
        ).format(
            table=sql.Identifier(table),
            target=sql.Identifier(target),
            there=sql.SQL(" AND ").join(sql.SQL("t.{} IS NOT NULL").format(sql.Identifier(c)) for c in columns),
            same=sql.SQL(" AND ").join(
                sql.SQL("r.{} = t.{}").format(sql.Identifier(b), sql.Identifier(a))
                for a, b in zip(columns, targets, strict=True)
            ),
        )
        dangling = connection.execute(query).fetchone()
        assert dangling is not None
        if dangling[0]:
            raise StackError(f"the seeded market breaks {name} of {table} {dangling[0]} times")
    tell(f"  {len(keys)} foreign keys checked: {time.monotonic() - started:.1f} s")


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert found is not None
    return int(found[0])
