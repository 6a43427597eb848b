"""The ReviewWindow process: opens at delivery, closes when the review is posted or the window has passed.

Guards that an order has at most one review, posted in time by its buyer.
"""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.market.signatures import ReviewActivities as Record
    from domain.market.commands import PostReview, ReviewWindowSnapshot, ReviewWindowStart
    from domain.market.processes import REVIEW_WINDOW
    from domain.platform.messages import Done
    from workflows.market.notices import MarketNotices
    from workflows.platform.process import WaitingProcess
    from workflows.platform.recording import record


@workflow.defn(
    name=REVIEW_WINDOW,
    failure_exception_types=[pydantic.ValidationError],
)
class ReviewWindow(WaitingProcess):
    @workflow.init
    def __init__(self, start: ReviewWindowStart) -> None:
        super().__init__("OPEN")
        self._start = start
        self._notices = MarketNotices(start.policy)
        self._lock = asyncio.Lock()
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

    @workflow.update(name=PostReview.kind)
    async def post_review(self, command: PostReview) -> Done:
        async with self._lock:
            self._keep(await record(Record.post_review, "record the review", self._start, command))
        return Done(entity_id=command.command_id)

    async def _look_again(self) -> None:
        async with self._lock:
            self._nudged = False
            self._keep(await record(Record.settle_review_window, "record what has come due", self._start))

    async def _tell_others(self) -> None:
        await self._notices.send(self._start.store_id)

    def _next_date(self) -> datetime | None:
        if self._snapshot is None:
            return None
        return self._snapshot.deadline or self._snapshot.closes_at

    def _keep(self, snapshot: ReviewWindowSnapshot) -> None:
        self._snapshot = snapshot
        self._changed = True
        self._notices.trust_moved |= snapshot.trust_moved
        self._report(
            "CLOSED" if snapshot.closed else "OPEN",
            "nothing: it is over" if snapshot.closed else "the buyer's review",
            snapshot.closes_at,
            searchable=False,
            order=snapshot.order_id,
            listing=snapshot.listing_id,
            store=snapshot.store_id,
        )
