"""Who may see and change the rows of webhooks, and what the database refuses of them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from psycopg import IntegrityError, ProgrammingError

from db.platform.database import Database
from db.platform.ids import new_id
from db.webhooks import endpoints
from domain.platform.errors import DomainError
from domain.webhooks.states import WebhookSource
from tests.builders import make_shop
from tests.db.webhooks.webhook_rows import Rows


async def test_an_agent_sees_and_changes_its_own_endpoints_only(worker_database: Database, api_database: Database):
    rows, other = await Rows.make(worker_database), await Rows.make(worker_database)
    webhook = await rows.webhook()
    async with worker_database.transaction() as transaction:
        await transaction.run(
            "INSERT INTO webhook_dead_letters (webhook_id, event_id, txid, seq, type, occurred_at, tries) "
            "VALUES (%(id)s, %(event)s, 1, 1, 'OFFER_MADE', now(), 10)",
            {"id": webhook, "event": new_id()},
        )

    async def count(viewer: UUID | None) -> list[int]:
        async with api_database.transaction(viewer=viewer) as transaction:
            tables = ("webhook_endpoints", "webhook_dead_letters", "operator_webhooks")
            return [(await transaction.run(f"SELECT count(*) FROM {table}", ()))[0][0] for table in tables]

    assert await count(rows.agent) == [1, 1, 0]
    assert await count(other.agent) == [0, 0, 0]
    assert await count(None) == [0, 0, 0]
    for act in (
        lambda transaction: endpoints.get_endpoint(transaction, other.agent, webhook),
        lambda transaction: endpoints.lock_endpoint(transaction, other.agent, webhook),
        lambda transaction: endpoints.delete_endpoint(transaction, other.agent, webhook),
        lambda transaction: endpoints.replay(transaction, other.agent, webhook, (0, 0)),
    ):
        with pytest.raises(DomainError):
            async with api_database.transaction(viewer=other.agent) as transaction:
                await act(transaction)
    async with api_database.transaction(viewer=other.agent) as transaction:
        await transaction.run("UPDATE webhook_endpoints SET url = 'https://thief.example/'", ())
        await transaction.run("DELETE FROM webhook_endpoints", ())
    assert await count(rows.agent) == [1, 1, 0]
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with api_database.transaction(viewer=other.agent) as transaction:
            await transaction.run(
                "INSERT INTO webhook_endpoints (webhook_id, agent_id, url, source, cursor_txid, cursor_seq) "
                "VALUES (gen_random_uuid(), %(agent)s, 'https://thief.example/', 'INBOX', 0, 0)",
                {"agent": rows.agent},
            )
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with api_database.transaction(viewer=rows.agent) as transaction:
            await transaction.run("DELETE FROM webhook_dead_letters", ())
    async with api_database.transaction(viewer=rows.agent) as transaction:
        await endpoints.delete_endpoint(transaction, rows.agent, webhook)
    assert await count(rows.agent) == [0, 0, 0]


async def test_operators_see_no_address(api_database: Database):
    async with api_database.transaction() as transaction:
        rows = await transaction.run(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'operator_webhooks'", ()
        )
        names = {name for (name,) in rows}
    assert {"status", "failing_since", "dead_letters"} <= names
    assert names & {"url", "description", "last_error", "test_error"} == set()


@pytest.mark.parametrize(
    "change",
    [
        "source = 'OTHER'",
        "status = 'DEAD'",
        "status = 'PAUSED'",
        "pause_reason = 'GONE'",
        "store_id = (SELECT store_id FROM stores LIMIT 1)",
        "failed_tries = -1",
        "failed_tries = 1",
    ],
)
async def test_the_database_refuses_what_does_not_fit(worker_database: Database, change: str):
    rows = await Rows.make(worker_database)
    async with worker_database.transaction() as transaction:
        await make_shop(transaction)
    webhook = await rows.webhook()
    with pytest.raises(IntegrityError):
        async with worker_database.transaction() as transaction:
            await transaction.run(f"UPDATE webhook_endpoints SET {change} WHERE webhook_id = %(id)s", {"id": webhook})


async def test_two_who_make_the_last_one_at_once(worker_database: Database, api_database: Database):
    rows = await Rows.make(worker_database)

    async def one() -> bool:
        try:
            async with api_database.transaction(viewer=rows.agent) as transaction:
                await endpoints.insert_endpoint(
                    transaction, new_id(), rows.agent, url="https://agent.example/", source=WebhookSource.INBOX,
                    types=[], store_id=None, listing_id=None, description=None, max_per_agent=2,
                )  # fmt: skip
        except DomainError:
            return False
        return True

    outcomes: Sequence[bool] = await asyncio.gather(*(one() for _ in range(5)))
    assert sum(outcomes) == 2
