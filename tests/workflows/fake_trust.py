"""StoreTrust's activity and the nudges over the books."""

from uuid import UUID

from temporalio import activity

from activities.market.signatures import AuditActivities, NudgeActivities, TrustActivities
from domain.market import errors
from domain.market.commands import AuditFinding, AuditReport, StoreTrustStart, SweepReport, TrustFold
from tests.workflows.books import STORE, Books


class FakeTrust(TrustActivities):
    def __init__(self, books: Books) -> None:
        self._books = books

    @activity.defn(name="fold_trust")
    async def fold_trust(self, start: StoreTrustStart) -> TrustFold:
        books = self._books
        async with books.turn("fold_trust") as now:
            if start.store_id != STORE:
                raise errors.STORE_NOT_FOUND.error()
            taken = min(books.pending_facts, books.fold_batch)
            books.pending_facts -= taken
            books.folds.append(taken)
            more = taken == books.fold_batch
            return TrustFold(
                store_id=STORE, facts=taken, overall_milli=500, more=more, deadline=now + books.fold_within
            )


class FakeNudges(NudgeActivities):
    """Only counts: what a nudge does to its process is tested where that process is."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @activity.defn(name="nudge_store_trust")
    async def nudge_store_trust(self, start: StoreTrustStart) -> None:
        async with self._books.turn("nudge_store_trust"):
            return

    @activity.defn(name="nudge_negotiations_on_listing")
    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int:
        async with self._books.turn("nudge_negotiations_on_listing"):
            return 0

    @activity.defn(name="sweep")
    async def sweep(self) -> SweepReport:
        async with self._books.turn("sweep"):
            return SweepReport(negotiations=1)


class FakeAudit(AuditActivities):
    def __init__(self, books: Books) -> None:
        self._books = books

    @activity.defn(name="audit_market")
    async def audit_market(self) -> AuditReport:
        async with self._books.turn("audit_market"):
            return AuditReport(findings=[AuditFinding(invariant=1, name="stock", breaches=0)])
