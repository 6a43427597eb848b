"""A Temporal that is killed and comes back on its file, and a Postgres that fails over under a running market."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest

from config.settings import Settings
from domain.market.policy import MarketPolicy
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import TEST_KEY_RING
from tests.databases import make_database
from tests.e2e.people import Agent, Shop, eventually
from tests.running import RunningSouk

pytestmark = pytest.mark.slow


@pytest.fixture
def on_file(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[tuple[RunningSouk, EmbeddedTemporal]]:
    """A Souk of its own whose Temporal keeps its histories in a file."""
    name = f"restarts_{uuid4().hex[:8]}"
    url = make_database(postgres, name)
    with EmbeddedTemporal(tmp_path) as temporal:
        settings = Settings(
            database_url=url,
            temporal_address=temporal.address,
            payload_keys=TEST_KEY_RING,
            credential_secret="a secret for the tests",
            log_level="ERROR",
            # Late enough that the processes' own timers act and not the sweep.
            sweep_interval_seconds=600,
            update_timeout_seconds=10,
            idempotency_lease_seconds=10,
            market=MarketPolicy(purchase_window_seconds=5),
        )
        with RunningSouk(settings) as running:
            yield running, temporal


def kill(server: EmbeddedTemporal | EmbeddedPostgres) -> None:
    assert server.child.pid is not None
    psutil.Process(server.child.pid).send_signal(signal.SIGKILL)
    eventually(server.child.poll, until=lambda code: code is not None)


def insistent(agent: Agent, path: str, body: object, key: str) -> dict[str, object]:
    """A good client: the same key until there is an answer."""
    answer = eventually(
        lambda: agent.call("POST", path, body, key=key), until=lambda a: a.status_code not in {409, 503}, seconds=240
    )
    assert answer.status_code < 300, answer.text
    made: dict[str, object] = answer.json()
    return made


def test_temporal_comes_back_on_its_file(on_file: tuple[RunningSouk, EmbeddedTemporal]) -> None:
    souk, temporal = on_file
    shop, buyer = Shop.open(souk.url), Agent.register(souk.url, "CUSTOMER")
    deal = shop.deal(buyer, 900)
    standing = shop.offer(Agent.register(souk.url, "CUSTOMER"), 800)
    kill(temporal)
    assert shop.owner.call("GET", f"/v1/offers/{standing['offer_id']}").status_code == 200  # reads go on
    key = str(uuid4())
    away = shop.owner.call("POST", f"/v1/offers/{standing['offer_id']}/accept", {"round": 1}, key=key)
    assert (away.status_code, away.json()["code"]) == (503, "service.unavailable")
    temporal.start()
    accepted = insistent(shop.owner, f"/v1/offers/{standing['offer_id']}/accept", {"round": 1}, key)
    assert accepted["status"] == "ACCEPTED"
    # The timer that was set before the crash returns the hold that nobody bought.
    lapsed = eventually(
        lambda: buyer.get(f"/v1/offers/{deal['offer_id']}"), until=lambda o: o["status"] == "EXPIRED", seconds=120
    )
    assert lapsed["close_reason"] == "NOT_PURCHASED"


def test_connections_lost_in_the_middle_of_trade(on_file: tuple[RunningSouk, EmbeddedTemporal]) -> None:
    """Every session is ended again and again while buyers buy; both pools recover and every order is there once."""
    souk, _ = on_file
    shop = Shop.open(souk.url, inventory_on_hand=40)
    buyers = [Agent.register(souk.url, "CUSTOMER") for _ in range(6)]
    for buyer in buyers:
        shop.ask(buyer)
    keys = [(buyer, str(uuid4())) for buyer in buyers for _ in range(3)]
    with ThreadPoolExecutor(6) as pool, psycopg.connect(souk.settings.database_url, autocommit=True) as owner:
        orders = [
            pool.submit(insistent, buyer, "/v1/orders", {"listing_id": shop.listing_id}, key) for buyer, key in keys
        ]
        cuts, pause = 0, 0.4
        while not all(order.done() for order in orders):
            found = owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename IN ('souk_api', 'souk_worker') AND datname = current_database()"
            ).fetchall()
            cuts += len(found)
            owner.execute("SELECT pg_sleep(%s)", [pause])
            # On a slow machine nothing would ever be done between two cuts.
            pause = min(pause * 1.1, 5)
        assert cuts > 0
        ids = {order.result()["order_id"] for order in orders}
        assert len(ids) == len(keys)
        rows = owner.execute("SELECT order_id FROM orders WHERE listing_id = %s", [shop.listing_id]).fetchall()
        assert {str(row[0]) for row in rows} == ids
        left = owner.execute(
            "SELECT inventory_on_hand FROM listings WHERE listing_id = %s", [shop.listing_id]
        ).fetchone()
    assert left == (40 - len(keys),)
