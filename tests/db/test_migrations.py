"""Migrations run forward and back, on an empty and on a filled database, and match the models."""

from itertools import pairwise

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

import db.checkout.tables
import db.market.tables
import db.platform.tables
import db.webhooks.tables  # noqa: F401  the metadata knows a table once its module is imported
from config.settings import Settings
from db.migrate import downgrade, upgrade
from db.platform.base import Base
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.revisions import is_migrated, newest_revision
from souk.stack.embedded import EmbeddedPostgres
from tests.builders import ask, make_agent, make_shop

pytestmark = pytest.mark.slow(seconds=10)


@pytest.fixture
def fresh_url(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS fresh WITH (FORCE)")
        connection.execute("CREATE DATABASE fresh")
    return postgres.url(database="fresh")


def _objects(url: str) -> set[str]:
    """Everything the schema consists of, by name."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT 'type ' || typname FROM pg_type
              WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
            UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT 'policy ' || policyname FROM pg_policies WHERE schemaname = 'public'
            UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
            """
        ).fetchall()
    return {row[0] for row in rows} - {
        "relation alembic_version",
        "relation alembic_version_pkc",
        "constraint alembic_version_pkc",
        "constraint alembic_version_version_num_not_null",
    }


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "db/migrations")
    return config


def test_a_start_sees_without_alembic_whether_there_is_something_to_migrate(fresh_url: str) -> None:
    assert newest_revision() == ScriptDirectory.from_config(_config()).get_current_head()
    seen = []
    for migrate in (lambda: None, lambda: upgrade(fresh_url), lambda: downgrade(fresh_url, "-1")):
        migrate()
        with psycopg.connect(fresh_url) as connection:
            seen.append(is_migrated(connection))
    assert seen == [False, True, False]


def test_forward_and_back_on_an_empty_database(fresh_url: str) -> None:
    upgrade(fresh_url)
    complete = _objects(fresh_url)
    downgrade(fresh_url)
    assert _objects(fresh_url) == set()
    upgrade(fresh_url)
    assert _objects(fresh_url) == complete


def _rights_and_views(url: str) -> set[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(
            "SELECT relname, relacl::text, CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        ).fetchall())  # fmt: skip


def test_every_way_back_leaves_what_was_there_before(fresh_url: str) -> None:
    script = ScriptDirectory.from_config(_config())
    revisions = [revision.revision for revision in script.walk_revisions()][::-1]
    for before, revision in pairwise(revisions):
        upgrade(fresh_url, before)
        known = _objects(fresh_url), _rights_and_views(fresh_url)
        upgrade(fresh_url, revision)
        downgrade(fresh_url, before)
        assert (_objects(fresh_url), _rights_and_views(fresh_url)) == known, revision


async def test_forward_and_back_on_a_filled_database(fresh_url: str) -> None:
    upgrade(fresh_url)
    upgrade(fresh_url)  # again: nothing to do
    database = Database(Settings(database_url=fresh_url).role_url("worker"), 1, "test")
    async with database.session() as session:
        shop = await make_shop(session)
        await ask(session, await make_agent(session), shop)
    await database.close()
    downgrade(fresh_url)
    assert _objects(fresh_url) == set()
    upgrade(fresh_url)


def test_orders_that_a_checkout_took_the_money_for_are_paid(fresh_url: str) -> None:
    upgrade(fresh_url, "0009")
    ids = {name: str(new_id()) for name in ("captured", "voided", "settled", "unpaid", "any")}
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        # Neither parents nor rules: only what the revision reads.
        connection.execute("SET session_replication_role = replica")
        for order in ("captured", "voided", "settled", "unpaid"):
            connection.execute(
                "INSERT INTO orders (order_id, buyer_customer_id, store_id, listing_id, unit_price_cents,"
                " total_price_cents) VALUES (%(order)s, %(any)s, %(any)s, %(any)s, 5, 5)",
                {"order": ids[order], "any": ids["any"]},
            )
        for order, status, handler in (
            ("captured", "CAPTURED", "mock"), ("voided", "VOIDED", "mock"), ("settled", "CAPTURED", "souk_market"),
        ):  # fmt: skip
            values = {"session": str(new_id()), "order": ids[order], "status": status, "new": str(new_id())}
            values["handler"] = handler
            connection.execute(
                "INSERT INTO checkout_lines (checkout_id, line_id, position, listing_id, title, shipped, quantity,"
                " unit_price_cents, base_cents, discount_cents, total_cents, order_id)"
                " VALUES (%(session)s, 'li_1', 0, %(new)s, 'A lamp', false, 1, 5, 5, 0, 5, %(order)s)",
                values,
            )
            connection.execute(
                "INSERT INTO checkout_payments (payment_id, checkout_id, attempt, handler_id, amount_cents,"
                " currency, status, updated_at)"
                " VALUES (%(new)s, %(session)s, 1, %(handler)s, 5, 'USD', %(status)s, '2026-01-02')",
                values,
            )
        upgrade(fresh_url, "0010")
        query = "SELECT order_id::text, payment_source::text, paid_at = '2026-01-02' FROM orders"
        found = {row[0]: row[1:] for row in connection.execute(query)}
    assert found.pop(ids["captured"]) == ("CAPTURED", True)
    assert found == {ids[order]: (None, None) for order in ("voided", "settled", "unpaid")}
    downgrade(fresh_url, "0009")


def test_sessions_whose_price_was_answered_are_shown(fresh_url: str) -> None:
    upgrade(fresh_url, "0011")
    ids = {name: str(new_id()) for name in ("answered", "repriced")}
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for name, told in (("answered", "[]"), ("repriced", '[{"code": "price_changed", "type": "error"}]')):
            connection.execute(
                "INSERT INTO checkouts (checkout_id, agent_id, store_id, currency, status, subtotal_cents,"
                " discount_cents, fulfillment_cents, total_cents, messages, expires_at)"
                " VALUES (%(id)s, %(id)s, %(id)s, 'USD', 'ready_for_complete', 5, 0, 0, 5, %(told)s, now())",
                {"id": ids[name], "told": told},
            )
        upgrade(fresh_url, "0012")
        found = dict(connection.execute("SELECT checkout_id::text, shown_version FROM checkouts").fetchall())
    assert found == {ids["answered"]: 1, ids["repriced"]: 0}
    downgrade(fresh_url, "0011")


def test_handles_that_look_alike_already_keep_to_their_agents(fresh_url: str) -> None:
    upgrade(fresh_url, "0021")
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        insert = (
            "INSERT INTO agents (agent_id, agent_type, handle, display_name, created_at)"
            " VALUES (gen_random_uuid(), 'CUSTOMER', %s, 'A name', %s)"
        )
        for day, handle in enumerate(("Ann_Lee", "aNN-1ee", "bob"), start=1):
            connection.execute(insert, [handle, f"2026-01-0{day}"])
        upgrade(fresh_url, "0022")
        kept = connection.execute(
            "SELECT handle, split_part(handle_skeleton, '=', 1), handle_skeleton LIKE '%=%' FROM agents"
            " ORDER BY created_at"
        ).fetchall()
        assert kept == [("Ann_Lee", "ann-1ee", False), ("aNN-1ee", "ann-1ee", True), ("bob", "bob", False)]
        for handle in ("ann.lee", "ANN--LEE", "b0b"):
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(insert, [handle, "2026-02-01"])
        connection.execute(insert, ["annlee", "2026-02-01"])
    downgrade(fresh_url, "0021")


REFUNDED = {
    # Reason, whether paid: what it becomes before 0020, 0018 and 0016.
    ("BUYER_BLOCKED", False): ("DECLINED_BY_SELLER", "DECLINED_BY_SELLER", "CANCELLED_BY_BUYER"),
    ("APPEAL_GRANTED", True): ("APPEAL_GRANTED", "BY_OPERATOR", "BY_OPERATOR"),
    ("NOT_PAID", False): ("NOT_PAID", "NOT_PAID", "CANCELLED_BY_BUYER"),
    ("DECLINED_BY_SELLER", False): ("DECLINED_BY_SELLER", "DECLINED_BY_SELLER", "CANCELLED_BY_BUYER"),
    ("DECLINED_BY_SELLER", True): ("DECLINED_BY_SELLER", "DECLINED_BY_SELLER", "DELIVERY_MISSED"),
    ("GRANTED", True): ("GRANTED", "GRANTED", "GRANTED"),
}
CLOSED = {
    # Reason, whether accepted: what it becomes before 0020 and 0008.
    ("BUYER_BLOCKED", False): ("WITHDRAWN", "WITHDRAWN"),
    ("BUYER_BLOCKED", True): ("BROKEN_BY_SELLER", "BROKEN_BY_SELLER"),
    ("RELEASED_BY_BUYER", True): ("RELEASED_BY_BUYER", "WITHDRAWN"),
    ("DECLINED", False): ("DECLINED", "DECLINED"),
}


def test_older_code_knows_every_reason_that_a_way_back_leaves(fresh_url: str) -> None:
    upgrade(fresh_url, "0020")
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for reason, paid in REFUNDED:
            connection.execute(
                "INSERT INTO orders (order_id, buyer_customer_id, store_id, listing_id, unit_price_cents,"
                " total_price_cents, status, refunded_at, refund_reason, paid_at, payment_source)"
                " VALUES (%(id)s, %(id)s, %(id)s, %(id)s, 5, 5, 'REFUNDED', now(), %(reason)s, %(paid)s, %(source)s)",
                {"id": new_id(), "reason": reason, "paid": "2026-01-02" if paid else None,
                 "source": "CONFIRMED" if paid else None},
            )  # fmt: skip
        for reason, accepted in CLOSED:
            values = {"id": new_id(), "reason": reason, "accepted": "2026-01-02" if accepted else None}
            connection.execute(
                "INSERT INTO negotiations (negotiation_id, listing_id, buyer_customer_id, seller_store_id, status,"
                " closed_at, close_reason) VALUES (%(id)s, %(id)s, %(id)s, %(id)s, 'CANCELLED', now(), %(reason)s)",
                values,
            )
            connection.execute(
                "INSERT INTO offers (offer_id, listing_id, buyer_customer_id, seller_store_id, proposed_price_cents,"
                " status, accepted_at, negotiation_id, round, proposed_by, list_price_cents, closed_at, close_reason)"
                " VALUES (%(id)s, %(id)s, %(id)s, %(id)s, 5, 'CANCELLED', %(accepted)s, %(id)s, 1, 'BUYER', 5, now(),"
                " %(reason)s)",
                values,
            )

        def _is_left(revision: str, refunded: int, closed: int) -> None:
            downgrade(fresh_url, revision)
            found = connection.execute("SELECT refund_reason FROM orders ORDER BY order_id").fetchall()
            assert found == [(became[refunded],) for became in REFUNDED.values()], revision
            for table in ("negotiations", "offers"):
                query = sql.SQL("SELECT close_reason FROM {} ORDER BY negotiation_id").format(sql.Identifier(table))
                assert connection.execute(query).fetchall() == [(became[closed],) for became in CLOSED.values()], table

        _is_left("0019", 0, 0)
        _is_left("0017", 1, 0)
        _is_left("0015", 2, 0)
        _is_left("0007", 2, 1)


def test_models_match_the_migrations(fresh_url: str) -> None:
    """Columns and tables; what autogenerate cannot see (policies, triggers) is tested by its effect."""
    upgrade(fresh_url)
    engine = create_engine(make_url(fresh_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    columns = [
        change
        for change in differences
        if isinstance(change, tuple)
        and change[0] in {"add_table", "add_column", "remove_column"}
        and not (change[0] == "remove_column" and change[3].name == "search_text")
        # The toy context makes its own, where its tests ran in the same process.
        and not (change[0] == "add_table" and change[1].name == "wishes")
    ]
    assert columns == []
