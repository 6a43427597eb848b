"""A webhook endpoint in memory and the activity that serves it, by the real rules and the server's clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity

from activities.webhooks.signatures import WebhookActivities
from domain.webhooks.commands import DeliveryReport, WebhookStart
from domain.webhooks.delivery import Attempt, Consequence, decide_delivery
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import DeliveryState


@dataclass
class Endpoint(WebhookActivities):
    """One endpoint's row, and the activity that serves it; ``answer`` is what its receiver says."""

    now: Callable[[], Awaitable[datetime]]
    answer: int = 204
    pending: list[str] = field(default_factory=list)
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    looks: int = 0
    queues: list[str] = field(default_factory=list)
    failed_tries: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    paused: bool = False
    deleted: bool = False
    broken: int = 0
    per_turn: int = 100
    policy: WebhookPolicy = field(default_factory=WebhookPolicy)

    async def deliver_webhooks(self, start: WebhookStart) -> DeliveryReport:
        self.looks += 1
        self.queues.append(activity.info().task_queue)
        if self.broken:
            self.broken -= 1
            raise ConnectionError("the database is away")
        now = await self.now()
        served = 0
        while not (self.deleted or self.paused) and self.pending:
            if self.next_attempt_at is not None and self.next_attempt_at > now:
                return self._report(DeliveryState.BACKING_OFF)
            if served == self.per_turn:
                return self._report(DeliveryState.MORE)
            served += 1
            self._try(now)
        if self.deleted:
            return self._report(DeliveryState.DELETED)
        return self._report(DeliveryState.PAUSED if self.paused else DeliveryState.IDLE)

    def _report(self, state: DeliveryState) -> DeliveryReport:
        due = self.next_attempt_at if state is DeliveryState.BACKING_OFF else None
        return DeliveryReport(
            state=state,
            next_look_at=due,
            failed_tries=self.failed_tries,
            last_status=self.answer,
            slow=self.answer >= 300 if self.sent else None,
        )

    def _try(self, now: datetime) -> None:
        event = self.pending[0]
        self.sent.append((event, now))
        decision = decide_delivery(
            self.policy,
            Attempt(self.answer),
            failed_tries=self.failed_tries,
            failing_since=self.failing_since,
            now=now,
            luck=0.5,
        )
        self.failing_since = None if decision.consequence is Consequence.DELIVERED else self.failing_since or now
        match decision.consequence:
            case Consequence.RETRY:
                self.failed_tries += 1
                self.next_attempt_at = decision.next_attempt_at
            case Consequence.DELIVERED | Consequence.DEAD_LETTER:
                done = self.delivered if decision.consequence is Consequence.DELIVERED else self.buried
                done.append(self.pending.pop(0))
                self.revive()
            case _:
                self.paused = True

    def revive(self) -> None:
        self.failed_tries, self.next_attempt_at = 0, None
