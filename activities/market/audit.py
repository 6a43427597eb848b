"""Activity of the MarketAudit process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.beats import beating
from activities.market.signatures import AuditActivities
from db.audit import audit_invariants, audit_snapshot
from db.market.audit import list_open_processes
from db.session import Database
from domain.market.commands import AuditFinding, AuditReport
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST

INVARIANT_8 = "every open projection has a running process, and every running process an open projection"
# A process and its projection change within moments of each other. Where a worker died the engine gives its tasks to
# another one after ten seconds in its queue and ten under way; a difference must outlast that.
_LOOKS = 25
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ProcessBook:
    """Which processes of some types there are to be.

    ``list_ids`` answers with those that must run and with those that may.
    """

    types: tuple[str, ...]
    list_ids: Callable[[AsyncSession], Awaitable[tuple[set[str], set[str]]]]


async def _market_ids(session: AsyncSession) -> tuple[set[str], set[str]]:
    found = await list_open_processes(session)
    return found, found


MARKET_BOOK = ProcessBook((NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST), _market_ids)


def running_query(books: Sequence[ProcessBook]) -> str:
    """Visibility's question for every running process of the books' types."""
    names = ", ".join(f'"{name}"' for book in books for name in book.types)
    return f'ExecutionStatus = "Running" AND WorkflowType IN ({names})'


async def list_ids(database: Database, books: Sequence[ProcessBook]) -> tuple[set[str], set[str]]:
    """The processes that must run, and those that may."""
    must: set[str] = set()
    may: set[str] = set()
    async with database.transaction() as session:
        for book in books:
            some, all_ = await book.list_ids(session)
            must |= some
            may |= all_
    return must, may


async def audit_projections(database: Database) -> list[AuditFinding]:
    """Every invariant but the eighth, in one snapshot of the database."""
    async with database.transaction() as session:
        await audit_snapshot(session)
        return await audit_invariants(session)


async def audit_processes(client: Client, database: Database, others: Sequence[ProcessBook] = ()) -> AuditFinding:
    """Invariant 8: compares open projections with what runs.

    Visibility lags behind, so it only proposes; a difference counts when the process itself, asked
    directly, and its projection still differ after several looks.
    """
    books = (MARKET_BOOK, *others)
    must, may = await list_ids(database, books)
    running = {execution.id async for execution in client.list_workflows(running_query(books))}
    suspects = (must - running) | (running - may)
    for look in range(_LOOKS):
        if not suspects:
            break
        if look:
            await asyncio.sleep(_PAUSE_SECONDS)
        must, may = await list_ids(database, books)
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


class PostgresAuditActivities(AuditActivities):
    """The real one."""

    def __init__(self, database: Database, client: Client, others: Sequence[ProcessBook] = ()) -> None:
        self._database = database
        self._client = client
        self._others = others

    @activity.defn(name="audit_market")
    @beating()
    async def audit_market(self) -> AuditReport:
        projections = await audit_projections(self._database)
        return AuditReport(findings=[*projections, await audit_processes(self._client, self._database, self._others)])
