"""What row-level security and the role's grants keep apart in the platform's tables."""

from uuid import UUID

import pytest
from psycopg import ProgrammingError
from sqlalchemy import text

from config.settings import Settings
from db.platform import idempotency
from db.platform.database import Database
from db.platform.ids import new_id


async def test_a_record_is_seen_in_its_own_scope_only(api_database: Database):
    scope, other = new_id(), new_id()
    async with api_database.transaction(viewer=scope) as transaction:
        claim = await idempotency.claim(transaction, scope, b"key", b"request", 10)
        assert isinstance(claim, idempotency.Claim)
    query = text("SELECT count(*) FROM idempotency_records WHERE command_id = :id")
    for viewer, seen in ((scope, 1), (other, 0), (None, 0)):
        async with api_database.session(viewer=viewer) as session:
            assert await session.scalar(query, {"id": claim.command_id}) == seen
    async with api_database.transaction(viewer=other) as transaction:
        await idempotency.complete(transaction, claim.command_id, 200, "{}")
    async with api_database.transaction(viewer=scope) as transaction:
        assert isinstance(await idempotency.claim(transaction, scope, b"key", b"request", 10), idempotency.InFlight)


async def test_nobody_writes_into_the_scope_of_others(api_database: Database):
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with api_database.transaction(viewer=new_id()) as transaction:
            await idempotency.claim(transaction, new_id(), b"key", b"request", 10)


async def test_every_end_of_a_claim_however_often_it_was_asked(owner_url: str):
    """On one connection: the driver prepares a statement at its sixth run, Postgres plans one for good at its 11th."""
    database = Database(Settings(database_url=owner_url).role_url("api"), 1, "test-often")

    async def claim(scope: UUID, request: bytes, lease: float | None = 60) -> object:
        async with database.transaction(viewer=scope) as transaction:
            return await idempotency.claim(transaction, scope, b"key", request, lease)

    try:
        for turn in range(14):
            scope = new_id()
            first = await claim(scope, b"one", lease=0 if turn % 2 else 60)
            assert isinstance(first, idempotency.Claim)
            assert not first.resumed
            if turn % 2 == 0:
                in_flight = await claim(scope, b"one")
                assert isinstance(in_flight, idempotency.InFlight)
                assert 50 < in_flight.seconds_left <= 60
                async with database.transaction(viewer=scope) as transaction:
                    await idempotency.release(transaction, first.command_id)
            assert await claim(scope, b"other") == idempotency.Reused()
            assert await claim(scope, b"one") == idempotency.Claim(first.command_id, resumed=True)
            async with database.transaction(viewer=scope) as transaction:
                await idempotency.complete(transaction, first.command_id, 201, '{"a": "é"}')
            assert await claim(scope, b"one") == idempotency.Stored(201, '{"a": "é"}')
            assert isinstance(await claim(new_id(), b"one", lease=None), idempotency.Claim)
    finally:
        await database.close()


@pytest.mark.parametrize("table", ["offers", "orders", "trust_events", "activity_events"])
async def test_the_api_cannot_rewrite_history(api_database: Database, table: str):
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with api_database.session() as session:
                await session.execute(text(statement))
