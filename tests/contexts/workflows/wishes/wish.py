"""The Wish workflow: waits for the wish's date, and has it recorded."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import pydantic

    from tests.contexts.activities.wishes.signatures import WishActivities
    from tests.contexts.domain.wishes.wishes import WISH, WishStart
    from workflows.platform.process import WaitingProcess
    from workflows.platform.recording import record


@workflow.defn(name=WISH, failure_exception_types=[pydantic.ValidationError])
class Wish(WaitingProcess):
    @workflow.init
    def __init__(self, start: WishStart) -> None:
        super().__init__("OPEN")

    @workflow.run
    async def run(self, start: WishStart) -> None:
        while True:
            self._nudged = False
            snapshot = await record(WishActivities.settle_wish, "record what has come due", start)
            if snapshot.deadline is None:
                return
            self._report("OPEN", "its date", snapshot.deadline, wish=snapshot.wish_id)
            await self._wait(snapshot.deadline)
