"""The StoreTrust process: one per store, for as long as the store exists.

Sleeps until a nudge, the next reply deadline or the next decay, then folds every pending fact in one
transaction: many nudges, one fold. Starts anew when its history grows. Guards nothing itself — the facts'
unique sources and the profile's lock do — so it may be nudged, restarted or doubled without harm.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.market.signatures import TrustActivities as Record
    from domain.market.commands import StoreTrustStart
    from domain.market.processes import STORE_TRUST
    from workflows.platform.process import WaitingProcess
    from workflows.platform.recording import record


@workflow.defn(
    name=STORE_TRUST,
    failure_exception_types=[pydantic.ValidationError],
)
class StoreTrust(WaitingProcess):
    @workflow.init
    def __init__(self, start: StoreTrustStart) -> None:
        super().__init__("WATCHING")

    @workflow.run
    async def run(self, start: StoreTrustStart) -> None:
        while True:
            self._nudged = False
            fold = await record(Record.fold_trust, "fold pending facts", start)
            folded_at = workflow.now()
            self._report(
                "WATCHING",
                "facts",
                fold.deadline,
                store=fold.store_id,
                overall=f"{fold.overall_milli / 1000:.3f}",
            )
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start)
            if not fold.more and not self._nudged:
                await self._wait(fold.deadline)
            # A fact after a pause is folded at once; those who come soon after a fold share the next one.
            pause = folded_at + timedelta(seconds=start.policy.trust_fold_delay_seconds) - workflow.now()
            if pause > timedelta(0):
                await workflow.sleep(pause)
