"""What the market's workflows tell each other once a step is committed."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.market.signatures import NudgeActivities
    from activities.platform.heartbeats import HEARTBEAT_TIMEOUT
    from domain.market.commands import ReviewWindowStart, StoreTrustStart, Tell
    from domain.market.policy import MarketPolicy
    from domain.market.processes import BOUGHT, negotiation_process
    from workflows.platform.recording import ATTEMPT, RETRY


class MarketNotices:
    """Whom the last steps of one workflow concern. ``trust_moved``: the store's trust has a new fact to fold."""

    def __init__(self, policy: MarketPolicy) -> None:
        self._policy = policy
        self.trust_moved = False

    async def send(
        self, store_id: UUID, *, review_window: ReviewWindowStart | None = None, void_window_of: UUID | None = None
    ) -> None:
        """Tell the workflows that the last steps concern, the store's trust among them when it moved.

        In the worker's own process: a signal, a child or a task of the queue would each cost the sender
        further workflow tasks, and an interrupted telling is repeated all the same.
        """
        trust = StoreTrustStart(store_id=store_id, policy=self._policy) if self.trust_moved else None
        self.trust_moved = False
        if trust is None and review_window is None and void_window_of is None:
            return
        await workflow.execute_local_activity_method(
            NudgeActivities.tell_processes,
            Tell(store_trust=trust, review_window=review_window, void_window_of=void_window_of),
            start_to_close_timeout=ATTEMPT,
            retry_policy=RETRY,
            summary="tell the processes this step concerns",
        )

    async def bought(self, negotiation_id: UUID) -> None:
        """End the negotiation whose offer was bought. One that is over hears nothing.

        By the engine itself: it takes the signal with the answer of the purchase, and the buyer does not wait for it.
        That is worth the task in which the sender hears that it went through.
        """
        negotiation = workflow.get_external_workflow_handle(negotiation_process(negotiation_id))
        with suppress(ApplicationError):
            await negotiation.signal(BOUGHT)

    async def sold_out(self, listing_id: UUID) -> None:
        """Wake the other negotiations of a listing that has no stock left."""
        await workflow.execute_activity_method(
            NudgeActivities.nudge_negotiations_on_listing,
            listing_id,
            start_to_close_timeout=timedelta(minutes=1),
            # The sender may end only after it: whoever carried it and died must not be waited for.
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            summary="the listing sold out: wake its other negotiations",
        )
