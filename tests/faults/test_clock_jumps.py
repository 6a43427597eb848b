"""The database's clock jumps, forwards and back, between the steps of a trade: nothing breaks and all adds up.

The database of this test has functions of its own in place of ``now`` and ``clock_timestamp``, found first by
every statement and every column's default, so that its clock can be set.
"""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from config.settings import Settings
from db.migrate import upgrade
from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.e2e.people import Agent, Shop, eventually
from tests.invariants import assert_sound
from tests.running import RunningSouk

_CLOCK = """
    CREATE SCHEMA jump;
    CREATE TABLE jump.ahead (seconds double precision NOT NULL);
    INSERT INTO jump.ahead VALUES (0);
    CREATE FUNCTION jump.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
      $$ SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT seconds FROM jump.ahead)) $$;
    CREATE FUNCTION jump.now() RETURNS timestamptz LANGUAGE sql STABLE AS
      $$ SELECT pg_catalog.now() + make_interval(secs => (SELECT seconds FROM jump.ahead)) $$;
    GRANT USAGE ON SCHEMA jump TO PUBLIC;
    GRANT SELECT ON jump.ahead TO PUBLIC;
    ALTER DATABASE jumping SET search_path = public, jump, pg_catalog;
"""
_HOUR = 3600


class Jumping:
    def __init__(self, souk: RunningSouk) -> None:
        self.souk = souk
        self.url = souk.url

    def set_clock(self, hours: float) -> None:
        """So many hours away from the real time."""
        with psycopg.connect(self.souk.settings.database_url, autocommit=True) as connection:
            connection.execute("UPDATE jump.ahead SET seconds = %s", [hours * _HOUR])

    def audit(self) -> None:
        async def look() -> None:
            database = Database(self.souk.settings.role_url("worker"), 1, "test-jumping")
            await assert_sound(database)
            await database.close()

        asyncio.run(look())


@pytest.fixture(scope="module")
def jumping(postgres: EmbeddedPostgres) -> Iterator[Jumping]:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE jumping")
    url = postgres.url(database="jumping")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLOCK)
    upgrade(url)
    with (
        EmbeddedTemporal(None) as temporal,
        RunningSouk(
            Settings(
                database_url=url,
                temporal_address=temporal.address,
                payload_keys=TEST_KEY_RING,
                credential_secret="a secret for the tests",
                log_level="ERROR",
                **PATIENT,
                sweep_interval_seconds=1,
            )
        ) as running,
    ):
        yield Jumping(running)


@pytest.mark.parametrize("step", [-1.0, -0.001, 5.0], ids=["an hour back", "seconds back", "hours ahead"])
def test_a_trade_over_jumps(jumping: Jumping, step: float) -> None:
    hours = 0.0

    def jump() -> None:
        nonlocal hours
        hours += step
        jumping.set_clock(hours)

    jumping.set_clock(0)
    shop, buyer = Shop.open(jumping.url, delivery="SHIPPED"), Agent.register(jumping.url, "CUSTOMER")
    thread = shop.ask(buyer)
    jump()
    shop.owner.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": "It does."})
    offer = shop.offer(buyer, 900)
    jump()
    deal = shop.owner.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
    assert deal["status"] == "ACCEPTED"
    jump()
    order = buyer.post("/v1/orders", {"offer_id": offer["offer_id"]})
    jump()
    delivered = shop.owner.post(f"/v1/orders/{order['order_id']}/deliver", {"payment_received": True})
    assert delivered["status"] == "DELIVERED"
    jump()
    buyer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "In time."})
    jump()
    buyer.post(f"/v1/orders/{order['order_id']}/refund-request", {"reason": "It went out."})
    folded = eventually(
        lambda: buyer.get(f"/v1/stores/{shop.store_id}/trust/events")["items"],
        until=lambda events: any(event["reason"] == "REVIEW_POSTED" for event in events),
    )
    assert {event["reason"] for event in folded} >= {"REVIEW_POSTED", "OFFER_HONORED"}
    jumping.audit()


def test_a_jump_ahead_takes_nobodys_time(jumping: Jumping) -> None:
    """Nobody could act in the hours that the clock has skipped: they count as an outage, and dates move by them."""
    jumping.set_clock(0)
    shop, buyer = Shop.open(jumping.url), Agent.register(jumping.url, "CUSTOMER")
    offer = shop.offer(buyer, 900)
    jumping.set_clock(24 * 3)
    # Until the outage is recorded no refusal is final: the caller is told to come again.
    answer = eventually(
        lambda: shop.owner.call("POST", f"/v1/offers/{offer['offer_id']}/accept"),
        until=lambda found: found.status_code != 503,
    )
    accepted = answer.json()
    assert accepted["status"] == "ACCEPTED"
    assert accepted["expires_at"] > offer["expires_at"]
    # And back: what was decided stays decided.
    jumping.set_clock(0)
    assert buyer.get(f"/v1/offers/{offer['offer_id']}")["status"] == "ACCEPTED"
    jumping.audit()
