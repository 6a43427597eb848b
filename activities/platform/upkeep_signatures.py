"""The kernel's activities by name and type."""

from abc import abstractmethod

from temporalio import activity

from activities.platform.signatures import Activities
from domain.platform.messages import AuditReport, SweepReport


class UpkeepActivities(Activities):
    """What is done for all contexts alike."""

    @activity.defn(name="sweep")
    @abstractmethod
    async def sweep(self) -> SweepReport:
        """Wake every workflow that should have acted by now, and do the housekeeping of old rows."""

    @activity.defn(name="audit")
    @abstractmethod
    async def audit(self) -> AuditReport:
        """Check the invariants."""
