"""Souk through PgBouncer in transaction mode, as Debian packages it: fewer server sessions than transactions in flight.

Whatever a session keeps, prepared statements, settings, listens, locks, would be somebody else's the next moment.
"""

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
import pytest

from config.settings import Settings
from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.ports import choose
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.databases import make_database
from tests.e2e.people import Agent, Shop, eventually
from tests.invariants import assert_sound
from tests.running import RunningSouk

PGBOUNCER = Path("/usr/sbin/pgbouncer")
SERVER_SESSIONS = 3
"""Per role: API and worker have pools of 8 and more."""
PER_AGENT = 400

pytestmark = [
    pytest.mark.slow(seconds=25),
    pytest.mark.skipif(not PGBOUNCER.exists(), reason=f"no pgbouncer at {PGBOUNCER}"),
]


class PgBouncer:
    """One PgBouncer before one Postgres. ``url`` is what to connect to, ``admin`` its console."""

    def __init__(self, postgres: EmbeddedPostgres, folder: Path) -> None:
        self.port = choose("127.0.0.1", 0, "a test")
        self.url = f"postgresql://souk@127.0.0.1:{self.port}/{{}}"
        # It refuses to run as root. Postgres' own account may open Postgres' socket.
        self.account = pwd.getpwuid(postgres.socket_dir.stat().st_uid) if os.geteuid() == 0 else None
        users = folder / "users.txt"
        users.write_text("".join(f'"{name}" ""\n' for name in ("souk", "souk_api", "souk_worker")))
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={postgres.socket_dir} port=5432\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\nadmin_users = souk\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVER_SESSIONS}\nmax_client_conn = 500\n"
        )
        for path in (folder, users, settings):
            path.chmod(0o755)
        self._settings = settings

    def __enter__(self) -> Self:
        user = {"user": self.account.pw_uid, "group": self.account.pw_gid} if self.account else {}
        self._process = subprocess.Popen([PGBOUNCER, str(self._settings)], stderr=subprocess.PIPE, text=True, **user)
        eventually(self._answers, until=bool)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._process.communicate()[1]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def show(self, what: str) -> list[dict[str, object]]:
        with psycopg.connect(self.url.format("pgbouncer"), autocommit=True) as console:
            console.prepare_threshold = None
            shown = psycopg.ClientCursor(console).execute(f"SHOW {what}")
            names = [column.name for column in shown.description or ()]
            return [dict(zip(names, row, strict=True)) for row in shown]


@pytest.fixture(scope="module")
def bouncer(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PgBouncer]:
    folder = tmp_path_factory.mktemp("pgbouncer")
    for parent in folder.parents[:3]:
        if parent.name.startswith(("pytest-", "pgbouncer")):
            parent.chmod(0o711)
    with PgBouncer(postgres, folder) as running:
        yield running


@pytest.fixture(scope="module")
def pooled(postgres: EmbeddedPostgres, bouncer: PgBouncer) -> Iterator[RunningSouk]:
    name = f"pooled_{uuid4().hex[:8]}"
    url = make_database(postgres, name)
    with EmbeddedTemporal(None) as temporal:
        settings = Settings(
            database_url=url,
            pooler_url=bouncer.url.format(name),
            temporal_address=temporal.address,
            payload_keys=TEST_KEY_RING,
            credential_secret="a secret for the tests",
            log_level="ERROR",
            **PATIENT,
            limits={"per_agent": f"{PER_AGENT}/hour", "offers_per_agent": "1000000/hour"},
        )
        with RunningSouk(settings) as running:
            yield running


def test_a_market_trades_through_it(pooled: RunningSouk, bouncer: PgBouncer) -> None:
    """More traders at once than server sessions; each sees its own offers and nobody else's; the books add up."""
    shop = Shop.open(pooled.url, inventory_on_hand=100, delivery="SHIPPED")
    buyers = [Agent.register(pooled.url, "CUSTOMER") for _ in range(12)]

    def trade(buyer: Agent) -> str:
        deal = shop.deal(buyer, 900)
        order = buyer.post("/v1/orders", {"offer_id": deal["offer_id"]})
        shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")
        buyer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Bright."})
        return str(deal["offer_id"])

    with ThreadPoolExecutor(12) as pool:
        offers = list(pool.map(trade, buyers))
        looks = [(n, m) for n in range(12) for m in range(12)]
        seen = list(pool.map(lambda who: buyers[who[0]].call("GET", f"/v1/offers/{offers[who[1]]}").status_code, looks))
    assert seen == [200 if n == m else 404 for n, m in looks]
    pools = [row for row in bouncer.show("POOLS") if row["user"] in {"souk_api", "souk_worker"}]
    for user in ("souk_api", "souk_worker"):
        assert sum(int(str(row["cl_active"])) + int(str(row["cl_waiting"])) for row in pools if row["user"] == user)
        servers = [row for row in bouncer.show("SERVERS") if row["user"] == user]
        assert 0 < len(servers) <= SERVER_SESSIONS
    pooled.run(_sound(pooled))


async def _sound(pooled: RunningSouk) -> None:
    database = Database(pooled.settings.role_url("worker"), 2, "test-audit")
    try:
        await assert_sound(database)
    finally:
        await database.close()


def test_statements_are_not_prepared_by_name(pooled: RunningSouk) -> None:
    """The same statement often enough that the driver would prepare it, on every session there is."""
    agents = [Agent.register(pooled.url, "CUSTOMER") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: agents[n % 8].call("GET", "/v1/agents/me").status_code, range(400)))
    assert set(answers) == {200}
    with psycopg.connect(pooled.settings.pooled_url("api").replace("+psycopg", ""), prepare_threshold=None) as one:
        found = one.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE '\\_pg3%'").fetchall()
    assert found == []


def test_limits_hold_over_it(pooled: RunningSouk) -> None:
    agent = Agent.register(pooled.url, "CUSTOMER")
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: agent.call("GET", "/v1/agents/me").status_code, range(PER_AGENT + 100)))
    assert (answers.count(200), answers.count(429)) == (PER_AGENT, 100)


def test_listening_goes_past_it(pooled: RunningSouk, bouncer: PgBouncer) -> None:
    """The feed's and the webhooks' listeners hold sessions of Postgres itself, past the pooler."""
    with psycopg.connect(pooled.settings.database_url, autocommit=True) as owner:
        names = eventually(
            lambda: {
                row[0]: row[1]
                for row in owner.execute(
                    "SELECT application_name, query FROM pg_stat_activity"
                    " WHERE datname = current_database()"
                    " AND application_name IN ('souk-api-feed', 'souk-webhook-listener')"
                )
            },
            until=lambda found: (
                set(found) == {"souk-api-feed", "souk-webhook-listener"}
                and all("LISTEN" in query for query in found.values())
            ),
        )
        clients = {row["application_name"] for row in bouncer.show("CLIENTS")}
        assert clients >= {"souk-api", "souk-api-admission", "souk-market"}
        assert not clients & set(names)
        locks = owner.execute(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        ).fetchall()
        assert sorted(locks) == [("souk-api-presence",), ("souk-webhook-listener",)]
    shop = Shop.open(pooled.url)
    shop.feed("STORE_CREATED", "LISTING_DROPPED")  # what may be read only later is new to a stream
    with Agent(pooled.url).http.stream("GET", f"/v1/activity/stream?store_id={shop.store_id}") as stream:
        path = f"/v1/listings/{shop.listing_id}/price"
        shop.owner.call("PATCH", path, {"price_cents": 777, "reason": "cheaper"})
        # The store's trust may move in between.
        assert "event: STORE_UPDATE_POSTED" in stream.iter_lines()
