"""The kernel's own activities, which find the same every time."""

from activities.platform.upkeep_signatures import UpkeepActivities
from domain.platform.messages import AuditFinding, AuditReport, SweepReport
from tests.workflows.attempts import Attempts


class FakeUpkeep(UpkeepActivities):
    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def sweep(self) -> SweepReport:
        async with self._attempts.turn():
            return SweepReport(woken={"negotiation": 1})

    async def audit(self) -> AuditReport:
        async with self._attempts.turn():
            return AuditReport(findings=[AuditFinding(invariant=1, name="stock", breaches=0)])
