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

    from activities.attributes import STATE
    from activities.beats import SILENCE
    from activities.webhooks.signatures import WebhookActivities
    from domain.market.processes import NUDGE
    from domain.webhooks.commands import DeliveryReport, WebhookStart
    from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_DELIVERY, WEBHOOK_QUEUE
    from domain.webhooks.states import DeliveryState

_TURNS_PER_RUN = 30
# Without end: while Postgres is away, or this worker does not know a format, the process keeps trying.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_TURN = timedelta(minutes=2)
# So long a killed worker holds up what it had begun.
# The database's clock decides whether a date has passed; where it runs behind Temporal's, look again soon.
_LOOK_AGAIN_SECONDS = 0.5


@workflow.defn(name=WEBHOOK_DELIVERY, failure_exception_types=[pydantic.ValidationError])
class WebhookDelivery:
    @workflow.init
    def __init__(self, start: WebhookStart) -> None:
        self._slow = start.slow
        self._nudged = False
        self._state = workflow.info().typed_search_attributes.get(STATE)

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
                heartbeat_timeout=SILENCE,
                retry_policy=_RETRY,
                summary="deliver what is due",
            )
            if report.state is DeliveryState.DELETED:
                return
            if report.slow is not None:
                self._slow = report.slow
            self._tell_operators(report)
            if report.state is not DeliveryState.MORE and not self._nudged:
                await self._wait(report)
        workflow.continue_as_new(start.model_copy(update={"slow": self._slow}))

    async def _wait(self, report: DeliveryReport) -> None:
        """Until a nudge, or the date of the next try."""
        timeout = None
        if report.next_look_at is not None:
            timeout = max((report.next_look_at - workflow.now()).total_seconds(), _LOOK_AGAIN_SECONDS)
        try:
            await workflow.wait_condition(lambda: self._nudged, timeout=timeout, timeout_summary="the next try")
        except TimeoutError:
            return

    def _tell_operators(self, report: DeliveryReport) -> None:
        if report.state is not DeliveryState.MORE and report.state.value != self._state:
            self._state = report.state.value
            workflow.upsert_search_attributes([STATE.value_set(report.state.value)])
        until = f" until {report.next_look_at:%Y-%m-%d %H:%M:%S} UTC" if report.next_look_at else ""
        failed = f", {report.failed_tries} tries failed, last status {report.last_status}"
        trouble = failed if report.failed_tries else ""
        workflow.set_current_details(f"**{report.state}**{until}{trouble}")

    @workflow.signal(name=NUDGE)
    def nudge(self) -> None:
        """There is something to deliver, or its owner changed something."""
        self._nudged = True
