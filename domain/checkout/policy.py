"""The tunable numbers of checkout sessions; seconds unless the name says otherwise."""

from pydantic import BaseModel, ConfigDict, Field

from domain.market.policy import DAY, HOUR
from domain.platform.numbers import Seconds


class CheckoutPolicy(BaseModel):
    """A process keeps the values it was started with; a changed setting changes new processes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_seconds: Seconds = Field(6 * HOUR, description="how long a session stays open")
    cart_seconds: Seconds = 7 * DAY
    max_open_sessions: int = Field(1000, ge=1, description="per agent; a platform has many shoppers")
    max_lines: int = Field(50, ge=1, le=200)
    max_discount_codes: int = Field(10, ge=0)
    whole_addresses: bool = Field(
        default=True, description="goods are sent to whole addresses only; off for older versions in the test-only mode"
    )
    personal_data_days: int = Field(14, ge=0, description="kept after a session and its orders are closed")
