"""What is wrong with single processes, and what mends each: for ``souk doctor`` and ``souk audit --fix``.

A process keeps nothing that its projection does not hold, so waking it is always safe: it reads the rows,
does what has come due under their locks, and goes on; one that is gone is started anew. That is the only
repair made here. What waking cannot mend, work that fails over and over, is shown with the way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.platform.auditing import list_expected, running_query
from activities.platform.serving import QueueState, look_at_queues
from activities.platform.specs import Concern, Restart, WorkflowSpecs
from activities.platform.workflows import signal_process
from db.platform.database import Database
from db.platform.outages import read_pulse
from db.platform.transactions import Transaction
from domain.platform.attention import OVERDUE

ORPHANED, UNEXPECTED, STUCK = "orphaned", "unexpected", "stuck"
_RETRYING = 3
_MOST = 500


@dataclass(frozen=True, slots=True)
class Ailment:
    """One process and what is wrong with it. ``safe``: waking it is the whole repair."""

    kind: str
    process_id: str
    what: str
    safe: bool = True

    @property
    def command(self) -> str:
        """What resolves it, to be pasted into a shell."""
        mend = f"souk audit --fix --only {self.process_id}"
        if self.safe:
            return mend
        return f"temporal workflow terminate --workflow-id {self.process_id} --reason stuck; {mend}"


async def diagnose(database: Database, client: Client, specs: WorkflowSpecs) -> list[Ailment]:
    """Everything overdue, orphaned, unexpected or stuck, one entry per process; the gravest word wins."""
    found: dict[str, Ailment] = {}
    async with database.transaction() as transaction:
        for ailment in await _overdue(transaction, specs):
            found[ailment.process_id] = ailment
    must, may = await list_expected(database, specs)
    running = {execution.id async for execution in client.list_workflows(running_query(specs))}
    for process_id in sorted((must - running) | (running - may)):
        runs = await describe(client, process_id) is not None
        must, may = await list_expected(database, specs)
        if process_id in must and not runs:
            found[process_id] = Ailment(ORPHANED, process_id, "its projection is open and no process runs")
        elif runs and process_id not in may:
            found[process_id] = Ailment(UNEXPECTED, process_id, "it runs though its projection is closed or missing")
    for process_id in sorted(running):
        if trouble := await describe(client, process_id):
            found[process_id] = Ailment(STUCK, process_id, trouble, safe=False)
    return sorted(found.values(), key=lambda ailment: (ailment.kind, ailment.process_id))


async def find_queues(database: Database, client: Client, specs: WorkflowSpecs) -> list[QueueState]:
    """Every task queue, and whether it is served."""
    async with database.transaction() as transaction:
        pulse = await read_pulse(transaction)
    return await look_at_queues(client, specs.contexts.queues, pulse.parts, pulse.now)


async def list_concerns(database: Database, specs: WorkflowSpecs) -> list[Concern]:
    """What waits for owners or operators; no process is at fault."""
    async with database.transaction() as transaction:
        return await specs.list_concerns(transaction, _MOST)


async def _overdue(transaction: Transaction, specs: WorkflowSpecs) -> list[Ailment]:
    return [
        Ailment(OVERDUE, spec.workflow_id(due.key), due.late)
        for spec in specs.all
        for due in await spec.list_due(transaction, _MOST)
        if due.late is not None
    ]


async def describe(client: Client, process_id: str) -> str | None:
    """None when it does not run; else what it retries over and over, or nothing."""
    try:
        described = await client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return None
    raw = described.raw_description
    if raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt >= _RETRYING:
        return f"its workflow task failed {raw.pending_workflow_task.attempt - 1} times"
    for pending in raw.pending_activities:
        if pending.attempt >= _RETRYING:
            return f"its activity {pending.activity_type.name} failed {pending.attempt - 1} times"
    return ""


async def repair(database: Database, client: Client, specs: WorkflowSpecs, ailments: Sequence[Ailment]) -> int:
    """Wake every process for which that is safe. Returns how many; running it again changes nothing more."""
    restart = Restart(database, client, specs)
    mended = 0
    for ailment in ailments:
        if not ailment.safe:
            continue
        spec, key = specs.find(ailment.process_id)
        if ailment.kind == UNEXPECTED or not await restart.wake(spec, key):
            await signal_process(client, ailment.process_id)
        mended += 1
    return mended
