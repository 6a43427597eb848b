"""The invariants of all contexts, run together in one snapshot."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from db.checkout import audit as checkout
from db.market import audit as market
from domain.market.commands import AuditFinding

INVARIANTS: Mapping[int, tuple[str, str]] = dict(sorted((market.INVARIANTS | checkout.INVARIANTS).items()))


async def audit_invariants(session: AsyncSession | AsyncConnection) -> list[AuditFinding]:
    """Run every invariant but the eighth in one transaction. It must read a single snapshot: see ``audit_snapshot``."""
    findings = []
    for number, (name, query) in INVARIANTS.items():
        rows = [str(row[0]) for row in (await session.execute(text(query))).all()]
        findings.append(AuditFinding(invariant=number, name=name, breaches=len(rows), examples=rows[:5]))
    return findings


async def audit_snapshot(session: AsyncSession) -> None:
    """Make the transaction read one snapshot, so that a market in motion audits clean. Call it first."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
