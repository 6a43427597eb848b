"""Activity of the MarketAudit process."""

import asyncio

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.market.signatures import AuditActivities
from db.market.audit import audit_invariants, audit_snapshot, list_open_processes
from db.session import Database
from domain.market.commands import AuditFinding, AuditReport

INVARIANT_8 = "every open projection has a running process, and every running process an open projection"
_RUNNING = 'ExecutionStatus = "Running" AND WorkflowType IN ("Negotiation", "Order", "ReviewWindow", "StoreTrust")'
# A process and its projection change within moments of each other; a difference must outlast that.
_LOOKS = 5
_PAUSE_SECONDS = 1.0


async def audit_projections(database: Database) -> list[AuditFinding]:
    """Invariants 1 to 7, in one snapshot of the database."""
    async with database.transaction() as session:
        await audit_snapshot(session)
        return await audit_invariants(session)


async def audit_processes(client: Client, database: Database) -> AuditFinding:
    """Invariant 8: compares open projections with what runs.

    Visibility lags behind, so it only proposes; a difference counts when the process itself, asked
    directly, and its projection still differ after several looks.
    """
    async with database.transaction() as session:
        expected = await list_open_processes(session)
    running = {execution.id async for execution in client.list_workflows(_RUNNING)}
    suspects = expected ^ running
    for look in range(_LOOKS):
        if not suspects:
            break
        if look:
            await asyncio.sleep(_PAUSE_SECONDS)
        async with database.transaction() as session:
            expected = await list_open_processes(session)
        suspects = {key for key in suspects if await _is_running(client, key) != (key in expected)}
    return AuditFinding(invariant=8, name=INVARIANT_8, breaches=len(suspects), examples=sorted(suspects)[:5])


async def _is_running(client: Client, process_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING


class PostgresAuditActivities(AuditActivities):
    """The real one."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client

    @activity.defn(name="audit_market")
    async def audit_market(self) -> AuditReport:
        projections = await audit_projections(self._database)
        return AuditReport(findings=[*projections, await audit_processes(self._client, self._database)])
