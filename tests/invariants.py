"""The market's invariants over the whole test database, for the end of any test that wrote to it."""

from config.contexts import CONTEXTS
from db.platform.audit import audit_invariants, audit_snapshot
from db.platform.contexts import DbParts
from db.platform.database import Database


async def assert_sound(database: Database) -> None:
    """Run every invariant but the eighth in one snapshot and fail with the ids that breach one."""
    async with database.transaction() as transaction:
        await audit_snapshot(transaction)
        findings = await audit_invariants(transaction, DbParts(CONTEXTS).invariants)
    breaches = {finding.name: finding.examples for finding in findings if finding.breaches}
    assert not breaches, breaches
    assert [finding.invariant for finding in findings] == [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]
