"""The Sweep and the Audit: short workflows that look over the rows and workflows of all contexts.

A schedule runs a Sweep every little while, and the endpoint for external schedulers runs one on demand: it wakes every
workflow that should have acted by now. All triggers are idempotent.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.platform.heartbeats import HEARTBEAT_TIMEOUT
    from activities.platform.upkeep_signatures import UpkeepActivities
    from domain.platform.messages import AuditReport, SweepReport
    from domain.platform.workflows import AUDIT, SWEEP


@workflow.defn(name=SWEEP)
class Sweep:
    @workflow.run
    async def run(self) -> SweepReport:
        return await workflow.execute_activity_method(
            UpkeepActivities.sweep,
            start_to_close_timeout=timedelta(minutes=5),
            # The next sweep waits for this one: not for a worker that died with it.
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary="wake what is overdue",
        )


@workflow.defn(name=AUDIT)
class Audit:
    @workflow.run
    async def run(self) -> AuditReport:
        return await workflow.execute_activity_method(
            UpkeepActivities.audit,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="check the invariants",
        )
