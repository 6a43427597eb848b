"""What follows from one try to deliver an event.

The tries of an event follow a schedule of growing waits; after the last one it is a dead letter and the next
event's turn comes. An endpoint at which nothing succeeded for days is paused, one that answers 410 at once. A
success forgets everything that failed before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.webhooks.policy import WebhookPolicy

_GONE = 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the status that came back, or why none did. ``retry_after_seconds`` as the receiver asked."""

    status: int | None
    error: str | None = None
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Consequence(StrEnum):
    DELIVERED = "DELIVERED"
    RETRY = "RETRY"
    DEAD_LETTER = "DEAD_LETTER"
    PAUSE_FAILING = "PAUSE_FAILING"
    PAUSE_GONE = "PAUSE_GONE"


@dataclass(frozen=True, slots=True)
class Decision:
    """``next_attempt_at`` is set for RETRY only."""

    consequence: Consequence
    next_attempt_at: datetime | None = None


def decide_delivery(
    policy: WebhookPolicy,
    attempt: Attempt,
    *,
    failed_tries: int,
    failing_since: datetime | None,
    now: datetime,
    luck: float,
) -> Decision:
    """What becomes of the event and its endpoint after a try.

    ``failed_tries`` of this event came before; ``failing_since`` is the first failure after the last success of
    the endpoint, None if there is none. ``luck`` from 0 to 1 spreads the retries of many endpoints.
    """
    if attempt.delivered:
        return Decision(Consequence.DELIVERED)
    if attempt.status == _GONE:
        return Decision(Consequence.PAUSE_GONE)
    if failing_since is not None and (now - failing_since).total_seconds() >= policy.pause_after_seconds:
        return Decision(Consequence.PAUSE_FAILING)
    if failed_tries >= len(policy.retry_seconds):
        return Decision(Consequence.DEAD_LETTER)
    wait = policy.retry_seconds[failed_tries] * (1 + policy.jitter_share * luck)
    if attempt.retry_after_seconds is not None:
        # It may ask for more patience than the schedule has, within bounds, and never for less.
        wait = max(wait, min(attempt.retry_after_seconds, policy.retry_after_max_seconds))
    return Decision(Consequence.RETRY, now + timedelta(seconds=wait))
