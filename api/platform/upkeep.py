"""The kernel's own workflows, on demand: the sweep and the audit."""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from domain.platform.messages import AuditReport, SweepReport
from domain.platform.workflows import AUDIT, SWEEP

_RPC_TIMEOUT = timedelta(seconds=60)
Answer = TypeVar("Answer")


class Upkeep:
    """``queue``: where the kernel's workflows run."""

    def __init__(self, client: Client, queue: str) -> None:
        self._client = client
        self._queue = queue

    async def sweep(self, run_id: UUID) -> SweepReport:
        """Wake everything overdue now. The same ``run_id`` joins the same sweep."""
        return await self._run(SWEEP, f"sweep/{run_id}", SweepReport)

    async def audit(self, run_id: UUID) -> AuditReport:
        return await self._run(AUDIT, f"audit/{run_id}", AuditReport)

    async def _run(self, workflow: str, workflow_id: str, answer: type[Answer]) -> Answer:
        found: Answer = await self._client.execute_workflow(
            workflow,
            id=workflow_id,
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=answer,
            rpc_timeout=_RPC_TIMEOUT,
        )
        return found
