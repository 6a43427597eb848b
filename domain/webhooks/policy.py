"""Waits, bounds and caps of deliveries, in seconds unless the name says otherwise.

Unlike the market's processes a delivery reads them anew at every step, so a change of a setting is felt at once.
"""

from pydantic import BaseModel, ConfigDict, Field

from domain.market.policy import DAY, HOUR, MINUTE
from domain.platform.numbers import Seconds, SecondsOrZero


class WebhookPolicy(BaseModel):
    """Every tunable number of webhooks. The waits are the schedule Standard Webhooks suggests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_loopback: bool = Field(False, description="development only: deliver to this machine too, by http as well")
    retry_seconds: tuple[float, ...] = Field(
        (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
        description="the waits between the tries of one event; after the last one it is a dead letter",
    )
    jitter_share: float = Field(0.1, ge=0, le=1, description="a wait is longer by up to this share of itself")
    retry_after_max_seconds: SecondsOrZero = Field(24 * HOUR, description="a longer Retry-After counts as this long")
    pause_after_seconds: Seconds = Field(5 * DAY, description="an endpoint that failed this long is paused")
    max_per_agent: int = Field(10, ge=1, description="endpoints")
    rotation_overlap_seconds: SecondsOrZero = Field(DAY, description="both secrets sign this long, unless asked")
    dead_letter_retention_days: int = Field(90, ge=1)

    connect_timeout_seconds: Seconds = 5
    timeout_seconds: Seconds = Field(15, description="for one delivery, from the name's look-up to the status")
    concurrency: int = Field(100, ge=1, description="deliveries at once per worker process")
    slow_seconds: Seconds = Field(2, description="after a delivery this slow others get their turn first")
    turn_seconds: Seconds = Field(20, description="how long one endpoint is served before others get their turn")
    turn_events: int = Field(100, ge=1)
