"""Invariant 8, which needs the engine as well as the rows, beside those that SQL alone can check."""

import asyncio

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.platform.specs import WorkflowSpecs
from db.platform.audit import audit_invariants, audit_snapshot
from db.platform.contexts import DbParts
from db.platform.database import Database
from domain.platform.messages import AuditFinding

INVARIANT_8 = "every open projection has a running process, and every running process an open projection"
# A process and its projection change within moments of each other. Where a worker died the engine gives its tasks to
# another one after ten seconds in its queue and ten under way; a difference must outlast that.
_LOOKS = 25
_PAUSE_SECONDS = 1.0


def running_query(specs: WorkflowSpecs) -> str:
    """Visibility's question for every running workflow of the declared types."""
    names = ", ".join(f'"{name}"' for name in specs.types)
    return f'ExecutionStatus = "Running" AND WorkflowType IN ({names})'


async def list_expected(database: Database, specs: WorkflowSpecs) -> tuple[set[str], set[str]]:
    """The workflow ids that must run, and those that may."""
    async with database.transaction() as transaction:
        return await specs.list_expected(transaction)


async def audit_projections(database: Database, rows: DbParts) -> list[AuditFinding]:
    """Every invariant but the eighth, in one snapshot of the database."""
    async with database.transaction() as transaction:
        await audit_snapshot(transaction)
        return await audit_invariants(transaction, rows.invariants)


async def audit_processes(client: Client, database: Database, specs: WorkflowSpecs) -> AuditFinding:
    """Invariant 8: compares open projections with what runs.

    Visibility lags behind, so it only proposes; a difference counts when the process itself, asked
    directly, and its projection still differ after several looks.
    """
    must, may = await list_expected(database, specs)
    running = {execution.id async for execution in client.list_workflows(running_query(specs))}
    suspects = (must - running) | (running - may)
    for look in range(_LOOKS):
        if not suspects:
            break
        if look:
            await asyncio.sleep(_PAUSE_SECONDS)
        must, may = await list_expected(database, specs)
        suspects = {key for key in suspects if (key not in may if await _is_running(client, key) else key in must)}
    return AuditFinding(invariant=8, name=INVARIANT_8, breaches=len(suspects), examples=sorted(suspects)[:5])


async def _is_running(client: Client, process_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING
