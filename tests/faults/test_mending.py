"""``souk doctor`` and ``souk audit --fix`` name a lapsed hold, a missing nudge and a lost process, and mend them.

What fails over and over they name and leave alone; the console shows it too.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

from activities.market.negotiation import PostgresNegotiationActivities
from config.settings import Settings
from db.platform.database import Database
from domain.market.commands import AcceptOffer, NegotiationStart, RejectOffer
from domain.platform.attention import verdict
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.databases import make_database
from tests.e2e.people import Agent, Shop, eventually
from tests.faults.command_line import souk
from tests.hostile.callers import operator_key
from tests.running import RunningSouk
from workflows.client import connect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def neglected(postgres: EmbeddedPostgres) -> Iterator[RunningSouk]:
    """A Souk whose sweep sleeps, so that what is lost stays lost."""
    name = f"neglected_{uuid4().hex[:8]}"
    url = make_database(postgres, name)
    # The server marks a process as failing at its first failed task and not at its fifth, which takes a minute.
    at_once = {"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": 1}
    with EmbeddedTemporal(None, dynamic_config=at_once) as temporal:
        settings = Settings(
            database_url=url,
            temporal_address=temporal.address,
            payload_keys=TEST_KEY_RING,
            credential_secret="a secret for the tests",
            log_level="ERROR",
            **PATIENT,
            sweep_interval_seconds=3_600,
        )
        with RunningSouk(settings) as running:
            yield running


@pytest.fixture(autouse=True)
def hasty_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker dies here, whose tasks an audit would have to wait for."""
    monkeypatch.setattr("activities.platform.auditing._LOOKS", 5)


def until_said(running: RunningSouk, code: int, *words: str, command: tuple[str, ...] = ("doctor",)) -> str:
    """What it says once it says all of this with this exit code: Temporal's list of processes lags behind."""
    _, said = eventually(
        lambda: souk(running, *command),
        until=lambda told: told[0] == code and all(word in told[1] for word in words),
    )
    return said


def lose(running: RunningSouk, process_id: str) -> None:
    """The process is gone, as if its history had been lost."""

    async def terminate() -> None:
        client = await connect(running.settings.temporal_address, "souk", TEST_KEY_RING)
        await client.get_workflow_handle(process_id).terminate("a test")

    asyncio.run(terminate())


def test_what_was_lost_is_named_and_mended(neglected: RunningSouk) -> None:
    assert souk(neglected, "doctor") == (0, f"{verdict([])}\n")
    shop, buyer, other = Shop.open(neglected.url), *(Agent.register(neglected.url, "CUSTOMER") for _ in range(2))
    lapsed = shop.deal(buyer, 900)
    standing = shop.offer(other, 800)
    lost = [f"negotiation/{lapsed['negotiation_id']}", f"negotiation/{standing['negotiation_id']}"]
    for process_id in lost:
        lose(neglected, process_id)
    with psycopg.connect(neglected.settings.database_url, autocommit=True) as connection:
        past = "now() - interval '1 minute'"
        connection.execute(f"UPDATE offers SET purchase_by = {past} WHERE offer_id = %s", [lapsed["offer_id"]])
        connection.execute(f"UPDATE stock_holds SET expires_at = {past} WHERE offer_id = %s", [lapsed["offer_id"]])

    said = until_said(neglected, 1, *(f"orphaned {process_id}" for process_id in lost))
    for process_id in lost:
        assert f"souk audit --fix --only {process_id}" in said

    code, said = souk(neglected, "audit", "--fix", "--dry-run")
    assert code == 1  # the eighth invariant is still broken: nothing was touched
    assert all(f"would wake: {process_id}" in said for process_id in lost)
    assert buyer.get(f"/v1/offers/{lapsed['offer_id']}")["status"] == "ACCEPTED"

    code, said = souk(neglected, "audit", "--fix", "--only", lost[1])
    assert f"woke: {lost[1]}" in said
    assert f"woke: {lost[0]}" not in said
    assert code == 1
    code, said = souk(neglected, "audit", "--fix")
    assert code == 0, said
    assert f"woke: {lost[0]}" in said
    expired = buyer.get(f"/v1/offers/{lapsed['offer_id']}")
    assert (expired["status"], expired["close_reason"]) == ("EXPIRED", "NOT_PURCHASED")
    # What was not due goes on where it was.
    assert shop.owner.post(f"/v1/offers/{standing['offer_id']}/accept", {"round": 1})["status"] == "ACCEPTED"
    until_said(neglected, 0)


def test_a_missing_nudge_is_an_overdue_fold(neglected: RunningSouk) -> None:
    shop, buyer = Shop.open(neglected.url), Agent.register(neglected.url, "CUSTOMER")
    order = shop.buy(buyer)
    lose(neglected, f"store-trust/{shop.store_id}")
    buyer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "It shines."})
    lost = f"store-trust/{shop.store_id}"
    # The review's own nudge started it again. This fact comes without one, when what came with one is folded.
    eventually(
        lambda: buyer.get(f"/v1/stores/{shop.store_id}/trust/events")["items"],
        until=lambda steps: any(step["reason"] == "REVIEW_POSTED" for step in steps),
    )
    with psycopg.connect(neglected.settings.database_url, autocommit=True) as connection:
        fact = connection.execute(
            "INSERT INTO trust_facts (fact_id, store_id, source_event_id, reason, subject_agent_id, listing_id,"
            " occurred_at) SELECT gen_random_uuid(), store_id, gen_random_uuid(), 'OFFER_HONORED',"
            " buyer_customer_id, listing_id, now() - interval '1 minute' FROM orders WHERE order_id = %s"
            " RETURNING fact_id",
            [order["order_id"]],
        ).fetchall()
    assert len(fact) == 1
    until_said(neglected, 1, f"overdue {lost}: a missing nudge")
    assert f"would wake: {lost} (a missing nudge" in souk(neglected, "audit", "--fix", "--dry-run")[1]
    assert f"overdue {lost}" in souk(neglected, "doctor")[1]
    _, said = souk(neglected, "audit", "--fix")
    assert f"woke: {lost} (a missing nudge" in said
    until_said(neglected, 0)


async def carry_out_unheard(settings: Settings, offer: dict[str, Any], by: UUID, kind: str) -> None:
    """The merchant's answer is recorded; then the worker, the engine and the caller die at once."""
    database = Database(settings.role_url("worker"), 1, "test")
    activities = PostgresNegotiationActivities(database, b"unused")
    start = NegotiationStart(
        negotiation_id=UUID(offer["negotiation_id"]), listing_id=UUID(offer["listing_id"]),
        store_id=UUID(offer["seller_store_id"]), policy=settings.market,
    )  # fmt: skip
    told = RejectOffer if kind == "reject" else AcceptOffer
    command = told(
        command_id=uuid4(), negotiation_id=start.negotiation_id, offer_id=UUID(offer["offer_id"]), by_agent_id=by
    )
    try:
        await (activities.reject_offer if kind == "reject" else activities.accept_offer)(start, command)
    finally:
        await database.close()
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash, lease_until)"
            " VALUES (%s, %s, %s, 'r', now() - interval '10 seconds')",
            [command.command_id, by, command.command_id.bytes],
        )


def test_processes_learn_what_was_carried_out_and_nobody_was_told(neglected: RunningSouk) -> None:
    shop = Shop.open(neglected.url)
    rejected, accepted = (shop.offer(Agent.register(neglected.url, "CUSTOMER"), 800) for _ in range(2))
    for offer, kind in ((rejected, "reject"), (accepted, "accept")):
        asyncio.run(carry_out_unheard(neglected.settings, offer, UUID(shop.owner.agent_id), kind))
    lost = f"negotiation/{accepted['negotiation_id']}"
    lose(neglected, lost)
    until_said(
        neglected,
        1,
        f"unexpected negotiation/{rejected['negotiation_id']}: it runs though its projection is closed",
        f"orphaned {lost}",
    )
    operator = Agent(neglected.url, asyncio.run(operator_key(neglected.settings)))
    assert operator.post("/v1/operations/expire-offers")["unanswered"] == 2
    until_said(neglected, 0)
    # The engine keeps what it was told: once is enough.
    assert operator.post("/v1/operations/expire-offers")["unanswered"] == 0


@workflow.defn(name="Order", sandboxed=False)
class BrokenOrder:
    """Its workflow task fails for ever, as after a release with a mistake in it."""

    @workflow.run
    async def run(self) -> None:
        raise KeyError("a mistake")


@workflow.defn(name="Negotiation", sandboxed=False)
class StuckNegotiation:
    """Its activity fails for ever."""

    @workflow.run
    async def run(self) -> None:
        retries = RetryPolicy(initial_interval=timedelta(milliseconds=5), backoff_coefficient=1)
        await workflow.execute_activity(
            fail, start_to_close_timeout=timedelta(seconds=5), retry_policy=retries, summary="for ever"
        )


@activity.defn(name="tell_others")
async def fail() -> None:
    raise RuntimeError("there is nobody to tell")


async def break_down(settings: Settings, order_id: str, negotiation_id: str) -> None:
    """The two processes run on, and everything they do fails."""
    client = await connect(settings.temporal_address, "souk", TEST_KEY_RING)
    queue = "broken"
    async with Worker(client, task_queue=queue, workflows=[BrokenOrder, StuckNegotiation], activities=[fail]):
        started = []
        for kind, key in (("Order", order_id), ("Negotiation", negotiation_id)):
            process_id = f"{kind.lower()}/{key}"
            await client.get_workflow_handle(process_id).terminate("a test")
            started.append(await client.start_workflow(kind, id=process_id, task_queue=queue))
        async with asyncio.timeout(240):
            while True:
                order, negotiation = [(await handle.describe()).raw_description for handle in started]
                tries = [pending.attempt for pending in negotiation.pending_activities]
                if order.pending_workflow_task.attempt >= 3 and tries and tries[0] >= 3:
                    return
                await asyncio.sleep(0.1)


def test_what_fails_over_and_over_is_named_and_left_alone(neglected: RunningSouk) -> None:
    shop, buyer = Shop.open(neglected.url, delivery="SHIPPED"), Agent.register(neglected.url, "CUSTOMER")
    offer, order = shop.offer(buyer, 800), shop.buy(Agent.register(neglected.url, "CUSTOMER"))
    processes = [f"order/{order['order_id']}", f"negotiation/{offer['negotiation_id']}"]
    asyncio.run(break_down(neglected.settings, order["order_id"], offer["negotiation_id"]))

    said = until_said(neglected, 1, *(f"stuck {process_id}" for process_id in processes))
    for process_id, why in zip(processes, ("its workflow task failed", "its activity tell_others failed"), strict=True):
        assert f"stuck {process_id}: {why}" in said
        way_out = f"temporal workflow terminate --workflow-id {process_id} --reason stuck; souk audit --fix --only"
        assert way_out in said
    _, said = souk(neglected, "audit", "--fix")
    assert not any(f"woke: {process_id}" in said for process_id in processes)

    # The console's first page and the operator's list, without anybody having looked for it.
    operator = Agent(neglected.url, asyncio.run(operator_key(neglected.settings)))
    found = eventually(
        lambda: {item["id"]: item for item in operator.get("/v1/operations/attention")["items"]},
        until=lambda items: order["order_id"] in items,
    )[order["order_id"]]
    assert (found["why"], found["kind"], found["action"]) == ("failing", "order", None)
    own = {"Origin": neglected.url}
    with httpx.Client(base_url=neglected.url, headers=own, follow_redirects=True) as browser:
        page = browser.post("/console/sign-in", data={"key": operator.key})
    row = next(row for row in page.text.split("<tr") if order["order_id"] in row)
    assert "failing" in row
    assert "a step that fails and is tried again" in row

    # The way out that the doctor named.
    for process_id in processes:
        lose(neglected, process_id)
        mend = ("audit", "--fix", "--only", process_id)
        woke = f"woke: {process_id}"
        eventually(lambda mend=mend: souk(neglected, *mend)[1], until=lambda said, woke=woke: woke in said)
    until_said(neglected, 0)
    assert shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")["status"] == "DELIVERED"
    assert shop.owner.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})["status"] == "ACCEPTED"


def test_an_appeal_is_in_every_verdict_until_it_is_decided(neglected: RunningSouk) -> None:
    shop, buyer = Shop.open(neglected.url), Agent.register(neglected.url, "CUSTOMER")
    path = f"/v1/orders/{shop.buy(buyer)['order_id']}"
    buyer.post(f"{path}/refund-request", {"reason": "It never lit."})
    shop.owner.post(f"{path}/refund-decision", {"approve": False})
    buyer.post(f"{path}/appeal", {"reason": "secret-words-of-a-buyer"})
    operator = Agent(neglected.url, asyncio.run(operator_key(neglected.settings)))

    def is_told(kind: str) -> None:
        said = until_said(neglected, 1, f"{kind} order/{path[-36:]}: waits for a decision since ")
        found = operator.get("/v1/operations/attention")
        assert (kind, path[-36:]) in [(item["why"], item["id"]) for item in found["items"]]
        assert f"1 {kind}" in found["verdict"]
        assert f"1 {kind}" in said.splitlines()[-1]
        assert "secret-words" not in said

    is_told("appeal")
    with psycopg.connect(neglected.settings.database_url) as connection:
        connection.execute(
            "UPDATE orders SET appealed_at = appealed_at - interval '8 days' WHERE order_id = %s", [path[-36:]]
        )
    is_told("late appeal")
    operator.post(f"/v1/operations{path.removeprefix('/v1')}/appeal-decision", {"grant": False, "reason": "A test."})
    assert f"order{path[-37:]}" not in souk(neglected, "doctor")[1]
