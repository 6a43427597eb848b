"""What row-level security and the role's grants keep apart in the platform's tables."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db.ids import new_id
from db.platform import idempotency
from db.session import Database


async def test_a_record_is_seen_in_its_own_scope_only(api_database: Database):
    scope, other = new_id(), new_id()
    async with api_database.transaction(viewer=scope) as session:
        claim = await idempotency.claim(session, scope, b"key", b"request", 10)
        assert isinstance(claim, idempotency.Claim)
    query = text("SELECT count(*) FROM idempotency_records WHERE command_id = :id")
    for viewer, seen in ((scope, 1), (other, 0), (None, 0)):
        async with api_database.transaction(viewer=viewer) as session:
            assert await session.scalar(query, {"id": claim.command_id}) == seen
    async with api_database.transaction(viewer=other) as session:
        await idempotency.complete(session, claim.command_id, 200, "{}")
    async with api_database.transaction(viewer=scope) as session:
        assert isinstance(await idempotency.claim(session, scope, b"key", b"request", 10), idempotency.InFlight)


async def test_nobody_writes_into_the_scope_of_others(api_database: Database):
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with api_database.transaction(viewer=new_id()) as session:
            await idempotency.claim(session, new_id(), b"key", b"request", 10)


@pytest.mark.parametrize("table", ["offers", "orders", "trust_events", "activity_events"])
async def test_the_api_cannot_rewrite_history(api_database: Database, table: str):
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with api_database.transaction() as session:
                await session.execute(text(statement))
