"""The ReviewWindow process: opens at delivery, closes when the review is posted or the window has passed.

Guards that an order has at most one review, posted in time by its buyer.
"""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.market.signatures import ReviewActivities as Record
    from domain.market.commands import Done, PostReview, ReviewWindowSnapshot, ReviewWindowStart
    from domain.market.processes import NUDGE, REVIEW_WINDOW
    from workflows.market.process import MarketProcess, record


@workflow.defn(
    name=REVIEW_WINDOW,
    failure_exception_types=[pydantic.ValidationError],
)
class ReviewWindow(MarketProcess):
    @workflow.init
    def __init__(self, start: ReviewWindowStart) -> None:
        super().__init__(start.policy, "OPEN")
        self._start = start
        self._snapshot: ReviewWindowSnapshot | None = None
        if start.opened is None:
            self._nudged = True
        else:
            self._keep(start.opened)

    @workflow.run
    async def run(self, start: ReviewWindowStart) -> None:
        while True:
            while self._snapshot is None or not self._snapshot.closed:
                if self._nudged:
                    await self._look_again()
                if self._snapshot is None or not self._snapshot.closed:
                    await self._wait(self._next_date())
            await self._finish()
            if not self._nudged:
                return
            # What had no window yet may have one by now.
            await self._look_again()

    @workflow.update(name="post_review")
    async def post_review(self, command: PostReview) -> Done:
        async with self._lock:
            self._keep(await record(Record.post_review, "record the review", self._start, command))
        return Done(entity_id=command.command_id)

    @workflow.signal(name=NUDGE)
    def nudge(self) -> None:
        """Look again: the order was refunded, or a sweep found the window passed."""
        self._nudged = True

    async def _look_again(self) -> None:
        async with self._lock:
            self._nudged = False
            self._keep(await record(Record.settle_review_window, "record what has come due", self._start))

    async def _tell_others(self) -> None:
        await self._tell(self._start.store_id)

    def _next_date(self) -> datetime | None:
        if self._snapshot is None:
            return None
        return self._snapshot.deadline or self._snapshot.closes_at

    def _keep(self, snapshot: ReviewWindowSnapshot) -> None:
        self._snapshot = snapshot
        self._trust_moved |= snapshot.trust_moved
        self._report(
            "CLOSED" if snapshot.closed else "OPEN",
            "nothing: it is over" if snapshot.closed else "the buyer's review",
            snapshot.closes_at,
            searchable=False,
            order=snapshot.order_id,
            listing=snapshot.listing_id,
            store=snapshot.store_id,
        )
