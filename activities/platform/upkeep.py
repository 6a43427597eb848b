"""The sweep and the audit, over the workflow types and the rows of all contexts."""

from temporalio.client import Client

from activities.platform.auditing import audit_processes, audit_projections
from activities.platform.heartbeats import heartbeating
from activities.platform.specs import WorkflowSpecs
from activities.platform.sweeping import Sweeper
from activities.platform.upkeep_signatures import UpkeepActivities
from db.platform.database import Database
from domain.platform.messages import AuditReport, SweepReport


class PostgresUpkeepActivities(UpkeepActivities):
    """The real ones."""

    def __init__(self, database: Database, client: Client, specs: WorkflowSpecs) -> None:
        self._database = database
        self._client = client
        self._specs = specs
        self._sweeper = Sweeper(database, client, specs)

    @heartbeating()
    async def sweep(self) -> SweepReport:
        tidied = await self._sweeper.tidy()
        woken = await self._sweeper.wake_due()
        return SweepReport(woken=woken, tidied=tidied, unanswered=await self._sweeper.tell_unanswered())

    @heartbeating()
    async def audit(self) -> AuditReport:
        findings = await audit_projections(self._database, self._specs.rows)
        return AuditReport(findings=[*findings, await audit_processes(self._client, self._database, self._specs)])
