"""The WebhookDelivery process: one per endpoint, for as long as the endpoint exists.

It only waits: for a nudge, or for the date of the next try. All it knows is in the endpoint's row, which the
activity reads and writes, so it may be nudged, restarted or started anew without harm. No address, no payload and
no secret is in its history, and the history stays short: it starts anew every so many turns.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.platform.heartbeats import HEARTBEAT_TIMEOUT
    from activities.webhooks.signatures import WebhookActivities
    from domain.webhooks.commands import DeliveryReport, WebhookStart
    from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_DELIVERY, WEBHOOK_QUEUE
    from domain.webhooks.states import DeliveryState
    from workflows.platform.process import WaitingProcess

_TURNS_PER_RUN = 30
# Without end: while Postgres is away, or this worker does not know a format, the process keeps trying.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_TURN = timedelta(minutes=2)
_AWAITED = {
    DeliveryState.IDLE: "the next event",
    DeliveryState.BACKING_OFF: "the next try",
    DeliveryState.PAUSED: "its owner",
}


@workflow.defn(name=WEBHOOK_DELIVERY, failure_exception_types=[pydantic.ValidationError])
class WebhookDelivery(WaitingProcess):
    @workflow.init
    def __init__(self, start: WebhookStart) -> None:
        super().__init__()
        self._slow = start.slow

    @workflow.run
    async def run(self, start: WebhookStart) -> None:
        for _ in range(_TURNS_PER_RUN):
            self._nudged = False
            report = await workflow.execute_activity_method(
                WebhookActivities.deliver_webhooks,
                start,
                # A receiver that hangs takes a place among its like; one quick turn brings it back.
                task_queue=SLOW_WEBHOOK_QUEUE if self._slow else WEBHOOK_QUEUE,
                start_to_close_timeout=_TURN,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=_RETRY,
                summary="deliver what is due",
            )
            if report.state is DeliveryState.DELETED:
                return
            if report.slow is not None:
                self._slow = report.slow
            self._tell_operators(report)
            if report.state is not DeliveryState.MORE and not self._nudged:
                await self._wait(report.next_look_at)
        workflow.continue_as_new(start.model_copy(update={"slow": self._slow}))

    def _tell_operators(self, report: DeliveryReport) -> None:
        failed = f", {report.failed_tries} tries failed, last status {report.last_status}"
        trouble = failed if report.failed_tries else ""
        self._report(
            report.state.value,
            f"{_AWAITED.get(report.state, 'nothing')}{trouble}",
            report.next_look_at,
            searchable=report.state is not DeliveryState.MORE,
        )
