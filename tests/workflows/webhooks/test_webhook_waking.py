"""Who wakes delivery processes: the listener on a commit, the sweep for what was missed, one listener of many."""

import asyncio
from uuid import UUID

import psycopg
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.platform.sweeping import Sweeper
from config.settings import Settings
from config.specs import workflow_specs
from db.platform.database import Database
from db.platform.events import notify
from db.platform.ids import new_id
from db.webhooks.endpoints import insert_endpoint
from domain.market.states import InboxType
from domain.webhooks.processes import WEBHOOK_DELIVERY, WEBHOOK_QUEUE, webhook_process
from domain.webhooks.states import WebhookSource
from tests.builders import make_agent
from tests.workflows.waiting import until
from worker.webhooks import Listener


async def waiting_webhook(database: Database, *, told: bool) -> tuple[UUID, UUID]:
    """An endpoint and its agent; with ``told`` there is something to deliver."""
    async with database.session() as session:
        agent = await make_agent(session)
    async with database.transaction() as transaction:
        row = await insert_endpoint(
            transaction, new_id(), agent, url="https://agent.example/?token=not-to-be-told", source=WebhookSource.INBOX,
            types=[], store_id=None, listing_id=None, description=None, max_per_agent=1,
        )  # fmt: skip
    if told:
        await tell(database, agent)
    return row.webhook_id, agent


async def tell(database: Database, agent: UUID) -> None:
    async with database.session() as session:
        notify(session, agent, InboxType.OFFER_MADE)


async def signals(client: Client, webhook: UUID) -> int:
    """How often its process was nudged; none runs is none."""
    try:
        history = await client.get_workflow_handle(webhook_process(webhook)).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return 0
        raise
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)


async def test_the_sweep_starts_what_is_missing(worker_database: Database, temporal_client: Client):
    missed, _ = await waiting_webhook(worker_database, told=True)
    quiet, _ = await waiting_webhook(worker_database, told=False)
    specs = workflow_specs(Settings())
    specs.all = tuple(spec for spec in specs.all if spec.type.name == WEBHOOK_DELIVERY)
    woken = await Sweeper(worker_database, temporal_client, specs).wake_due()
    assert woken["webhook"] >= 1
    described = await temporal_client.get_workflow_handle(webhook_process(missed)).describe()
    assert (described.workflow_type, described.task_queue) == (WEBHOOK_DELIVERY, WEBHOOK_QUEUE)
    assert await signals(temporal_client, quiet) == 0
    # Nothing of the address is where an operator of Temporal looks.
    history = (await temporal_client.get_workflow_handle(webhook_process(missed)).fetch_history()).to_json()
    assert "agent.example" not in history + str(described.raw_description)


async def test_the_listener_wakes_on_a_commit_and_once_for_a_burst(worker_database: Database, temporal_client: Client):
    late, _ = await waiting_webhook(worker_database, told=True)
    webhook, agent = await waiting_webhook(worker_database, told=False)
    async with Listener(temporal_client, worker_database).running():

        async def late_woken() -> bool:
            return await signals(temporal_client, late) > 0

        async def woken() -> bool:
            return await signals(temporal_client, webhook) > 0

        await until(late_woken)
        await asyncio.gather(*(tell(worker_database, agent) for _ in range(20)))
        await until(woken)
        assert await signals(temporal_client, webhook) < 10


async def test_another_listener_takes_over(worker_database: Database, temporal_client: Client):
    first = Listener(temporal_client, worker_database)
    second = Listener(temporal_client, worker_database)
    async with second.running():
        async with first.running():
            await asyncio.sleep(0)
        webhook, agent = await waiting_webhook(worker_database, told=False)
        await tell(worker_database, agent)

        async def woken() -> bool:
            return await signals(temporal_client, webhook) > 0

        await until(woken)


async def test_a_listener_survives_the_loss_of_its_connections(
    worker_database: Database, temporal_client: Client, owner_url: str
):
    async with Listener(temporal_client, worker_database).running():
        for _ in range(2):
            with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'souk-webhook-listener' AND datname = current_database()"
                )
            webhook, agent = await waiting_webhook(worker_database, told=False)
            await tell(worker_database, agent)

            async def woken(webhook: UUID = webhook) -> bool:
                return await signals(temporal_client, webhook) > 0

            await until(woken)
