"""A market whose worker is gone says so everywhere, turns nobody away for good, and gives back the time it took."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import httpx
import psycopg
import pytest

from config.settings import Settings
from domain.market.policy import MarketPolicy
from domain.platform.outages import OutagePolicy
from domain.webhooks.policy import WebhookPolicy
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.databases import make_database
from tests.e2e.people import Agent, Shop, eventually
from tests.faults.command_line import souk
from tests.hostile.callers import operator_key
from tests.running import RunningSouk

pytestmark = pytest.mark.slow

PROMISED_SECONDS = 15
POLICY = OutagePolicy(beat_seconds=0.5, tolerated_seconds=9, least_left_seconds=600)
NOBODY = "nobody serves souk-market"


@pytest.fixture
def market(postgres: EmbeddedPostgres) -> Iterator[RunningSouk]:
    """Promises of seconds, and outages that count after some."""
    url = make_database(postgres, f"dead_worker_{uuid4().hex[:8]}")
    with EmbeddedTemporal(None) as temporal:
        settings = Settings(
            database_url=url,
            temporal_address=temporal.address,
            payload_keys=TEST_KEY_RING,
            credential_secret="a secret for the tests",
            log_level="ERROR",
            **PATIENT | {"update_timeout_seconds": 2},
            sweep_interval_seconds=1,
            market=MarketPolicy(promised_delivery_seconds=PROMISED_SECONDS),
            outages=POLICY,
            webhooks=WebhookPolicy(allow_loopback=True),
        )
        with RunningSouk(settings) as running:
            yield running


def ready(market: RunningSouk) -> httpx.Response:
    return httpx.get(f"{market.url}/readyz", trust_env=False, timeout=60)


def test_a_dead_worker_is_told_and_costs_nobody_anything(market: RunningSouk) -> None:
    shop, buyer = Shop.open(market.url, delivery="SHIPPED"), Agent.register(market.url, "CUSTOMER")
    operator = Agent(market.url, asyncio.run(operator_key(market.settings)))
    order = shop.buy(buyer)
    process_id = f"order/{order['order_id']}"
    trust = operator.get(f"/v1/stores/{shop.store_id}/trust")["overall_milli"]
    assert eventually(lambda: ready(market), until=lambda answer: answer.status_code == 200).json()["queues"] == {
        "souk-market": True, "souk-checkout": True, "souk-webhooks": True, "souk-webhooks-slow": True,
    }  # fmt: skip

    market.stop_worker()
    # Readiness, the operators' list, the process and the doctor.
    told = eventually(lambda: ready(market).json(), until=lambda told: not any(told["queues"].values()))
    assert (told["code"], told["postgres"], told["temporal"]) == ("service.unavailable", True, True)
    assert httpx.get(f"{market.url}/readyz/reads", trust_env=False, timeout=60).status_code == 200
    attention = operator.get("/v1/operations/attention")
    assert "queue not served" in attention["verdict"]
    assert any((queue["trouble"] or "").startswith(NOBODY) for queue in attention["queues"])
    assert operator.get(f"/v1/operations/processes/{process_id}")["trouble"].startswith(NOBODY)
    code, said = souk(market, "doctor")
    assert code == 1
    assert NOBODY in said
    with httpx.Client(
        base_url=market.url, headers={"Origin": market.url}, follow_redirects=True, timeout=60
    ) as browser:
        front = browser.post("/console/sign-in", data={"key": operator.key}).text
        page = browser.get(f"/console/processes/{process_id}").text
        done = browser.post(
            "/console/act/wake", data={"reason": "a test", "command_id": str(uuid4()), "target": process_id}
        ).text
    assert NOBODY in front
    assert NOBODY in page
    assert "They agree" not in page
    assert "told, not done" in done

    # The promised time passes. The merchant tries, and is not turned away for good.
    promised = datetime.fromisoformat(order["promised_at"])
    items = eventually(
        lambda: {item["id"]: item for item in operator.get("/v1/operations/attention")["items"]},
        until=lambda items: order["order_id"] in items,
    )
    assert items[order["order_id"]]["waits_for"].startswith(NOBODY)
    with psycopg.connect(market.settings.database_url, autocommit=True) as connection:
        silent = "SELECT clock_timestamp() - accounted_at > tolerated FROM heartbeats WHERE part = 'souk-market'"
        eventually(lambda: connection.execute(silent).fetchone(), until=lambda row: row == (True,))
    deliver = f"/v1/orders/{order['order_id']}/deliver"
    assert shop.owner.call("POST", deliver, key="deliver-1").status_code == 503
    woken = operator.post(f"/v1/operations/processes/{process_id}/wake", {"reason": "a test"})
    assert woken["trouble"].startswith(NOBODY)
    code, said = souk(market, "audit", "--fix", "--only", process_id)
    assert code == 1
    assert "0 processes repaired, 1 told, but nobody serves the queue" in said

    market.start_worker()
    assert shop.owner.post(deliver, key="deliver-1")["status"] == "DELIVERED"
    assert eventually(lambda: ready(market), until=lambda answer: answer.status_code == 200)
    heard = eventually(
        lambda: [event for event in shop.owner.get("/v1/inbox?limit=200")["items"] if event["type"] == "DATE_EXTENDED"],
        until=lambda events: any(event["meta"]["wait"] == "delivery" for event in events),
    )
    [extended] = [event for event in heard if event["meta"]["wait"] == "delivery"]
    assert extended["order_id"] == order["order_id"]
    assert datetime.fromisoformat(extended["due_at"]) > promised
    assert datetime.fromisoformat(extended["meta"]["was_due_at"]) == promised
    story = [step["what"] for step in operator.get(f"/v1/operations/processes/{process_id}")["story"]]
    assert any("the time to deliver was extended" in what for what in story)
    assert operator.get(f"/v1/stores/{shop.store_id}/trust")["overall_milli"] >= trust
    after = operator.get("/v1/operations/attention")
    assert "souk-market" in {outage["part"] for outage in after["outages"]}


def test_a_failing_webhook_is_told_at_once_and_by_all_alike(market: RunningSouk) -> None:
    customer = Agent.register(market.url, "CUSTOMER")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    made = customer.post("/v1/webhooks", {"url": f"http://127.0.0.1:{port}/hook", "source": "ACTIVITY"})
    operator = Agent(market.url, asyncio.run(operator_key(market.settings)))
    Shop.open(market.url)
    found = eventually(
        lambda: operator.get("/v1/operations/attention"),
        until=lambda said: made["webhook"]["webhook_id"] in {item["id"] for item in said["items"]},
    )
    [item] = [item for item in found["items"] if item["why"] == "webhook failing"]
    assert item["since"] is not None
    assert "its owner must mend" in item["help"].lower()
    code, said = souk(market, "doctor")
    assert code == 1
    assert said.splitlines()[-1] == found["verdict"] == "1 thing needs attention: 1 webhook failing."
