"""Two worker processes on one market: both work, one is killed in the middle, and the books add up."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.platform.auditing import audit_processes, audit_projections
from config.specs import workflow_specs
from db.platform.database import Database
from domain.market.processes import negotiation_process, order_process
from souk.drills.stack import DrillStack
from tests.e2e.people import Agent, Shop, eventually
from workflows.client import connect

pytestmark = [pytest.mark.slow(seconds=40), pytest.mark.timeout(600)]

TRADERS, DEALS = 6, 3
_SETTINGS = {
    "SOUK_LIMITS__PER_AGENT": "1000000/minute",
    # What the killed one had under way is Temporal's to give to the other; the caller waits that long.
    "SOUK_UPDATE_TIMEOUT_SECONDS": "60",
    "SOUK_IDEMPOTENCY_LEASE_SECONDS": "70",
}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[DrillStack]:
    with DrillStack(tmp_path / "souk", _SETTINGS) as running:
        yield running


def trade(api: str, shop: Shop, buyer: Agent) -> dict[str, str]:
    """From a question to a review. Returns the ids."""
    deal = shop.deal(buyer, 900)
    order = buyer.post("/v1/orders", {"offer_id": deal["offer_id"]})
    shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")
    review = buyer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Bright."})
    return {
        "negotiation": negotiation_process(deal["negotiation_id"]),
        "order": order_process(order["order_id"]),
        "review": review["review_id"],
    }


async def workers_of(client: Client, process_ids: list[str]) -> set[str]:
    """The processes of the system that carried out these, by their own word."""
    found = set()
    for process_id in process_ids:
        async for event in client.get_workflow_handle(process_id).fetch_history_events():
            if event.HasField("workflow_task_completed_event_attributes"):
                found.add(event.workflow_task_completed_event_attributes.identity.partition("@")[0])
    return found


def test_both_work_and_one_may_die(stack: DrillStack) -> None:
    first, second = stack.parts["worker"], stack.add_worker("worker-2")
    pids = {str(part.child.pid) for part in (first, second)}
    shops = [Shop.open(stack.api, inventory_on_hand=100, delivery="SHIPPED") for _ in range(TRADERS)]
    buyers = [Agent.register(stack.api, "CUSTOMER") for _ in range(TRADERS)]

    def trade_all() -> list[dict[str, str]]:
        with ThreadPoolExecutor(TRADERS) as pool:
            rounds = [pool.submit(trade, stack.api, *pair) for pair in zip(shops, buyers, strict=True)]
            return [found.result() for found in rounds]

    async def both_have_worked(done: list[dict[str, str]]) -> bool:
        client = await connect(stack.settings.temporal_address, "souk", stack.settings.payload_keys.get_secret_value())
        return pids <= await workers_of(client, [deal[kind] for deal in done for kind in ("negotiation", "order")])

    done: list[dict[str, str]] = []
    eventually(lambda: done.extend(trade_all()) or asyncio.run(both_have_worked(done)), until=bool, seconds=180)

    # One dies while all trade; what it had begun the other takes over, and nobody has to ask twice.
    with ThreadPoolExecutor(1) as background:
        rest = background.submit(lambda: [deal for _ in range(DEALS) for deal in trade_all()])
        first.kill()
        done += rest.result(400)
    sold = sum(100 - shop.owner.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] for shop in shops)
    for kind in ("negotiation", "order", "review"):
        assert len({deal[kind] for deal in done}) == len(done) == sold
    asyncio.run(adds_up(stack))


async def adds_up(stack: DrillStack) -> None:
    client = await connect(stack.settings.temporal_address, "souk", stack.settings.payload_keys.get_secret_value())
    database = Database(stack.settings.role_url("worker"), 2, "test-audit")
    try:
        specs = workflow_specs(stack.settings)
        findings = [*await audit_projections(database, specs.rows), await audit_processes(client, database, specs)]
    finally:
        await database.close()
    assert not [finding for finding in findings if finding.breaches]
