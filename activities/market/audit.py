"""Activity of the MarketAudit process."""

from temporalio.client import Client

from activities.market.signatures import AuditActivities
from activities.platform.auditing import audit_processes, audit_projections
from activities.platform.heartbeats import heartbeating
from activities.platform.specs import WorkflowSpecs
from db.platform.database import Database
from domain.market.commands import AuditReport


class PostgresAuditActivities(AuditActivities):
    """The real one."""

    def __init__(self, database: Database, client: Client, specs: WorkflowSpecs) -> None:
        self._database = database
        self._client = client
        self._specs = specs

    @heartbeating()
    async def audit_market(self) -> AuditReport:
        projections = await audit_projections(self._database)
        return AuditReport(findings=[*projections, await audit_processes(self._client, self._database, self._specs)])
