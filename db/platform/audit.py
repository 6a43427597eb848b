"""The invariants of what every context shares, and the run of all contexts' invariants in one snapshot."""

from db.platform.contexts import Invariants
from db.platform.transactions import Transaction
from domain.platform.messages import AuditFinding

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
OWN: Invariants = {
    11: (
        "no event has a place that only another cluster's transactions can have given it (else run `souk migrate`)",
        """
        SELECT 'activity event ' || activity_event_id FROM activity_events WHERE txid >= souk_beyond()
        UNION ALL
        SELECT 'inbox event ' || inbox_event_id FROM inbox_events WHERE txid >= souk_beyond()
        """,
    ),
    12: (
        "an activity event holds ids and nothing else, and lies in the partition of its month",
        f"""
        SELECT 'activity event ' || a.activity_event_id FROM activity_events a
          WHERE EXISTS (SELECT 1 FROM jsonb_each_text(a.meta) r WHERE r.value !~ '{_UUID}')
        UNION ALL
        SELECT * FROM (SELECT 'activity_events_default holds rows' FROM activity_events_default LIMIT 1) strays
        """,  # noqa: S608 - a pattern of our own
    ),
}
"""Number 8 needs the engine as well: ``activities.platform.auditing``."""


async def audit_invariants(transaction: Transaction, contexts: Invariants) -> list[AuditFinding]:
    """Run every invariant but the eighth in one transaction. It must read a single snapshot: see ``audit_snapshot``."""
    findings = []
    for number, (name, query) in sorted({**OWN, **contexts}.items()):
        rows = [str(row[0]) for row in await transaction.run(query)]
        findings.append(AuditFinding(invariant=number, name=name, breaches=len(rows), examples=rows[:5]))
    return findings


async def audit_snapshot(transaction: Transaction) -> None:
    """Make the transaction read one snapshot, so that rows in motion audit clean. Call it first."""
    await transaction.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
