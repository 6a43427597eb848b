"""What a delivery process is started with, and what its activity reports. No address, no payload, no secret."""

from datetime import datetime
from uuid import UUID

from domain.platform.messages import Message
from domain.webhooks.states import DeliveryState


class WebhookStart(Message):
    """``slow``: the receiver has yet to show that it answers promptly."""

    webhook_id: UUID
    slow: bool = True


class DeliveryReport(Message):
    """How one turn ended. ``next_look_at``: when to try again by itself; None is when told.

    ``failed_tries`` and ``last_status`` are of the event that stands first in line. ``slow``: whether a receiver
    failed or took its time in this turn; None when nothing was sent.
    """

    state: DeliveryState
    next_look_at: datetime | None = None
    delivered: int = 0
    failed_tries: int = 0
    last_status: int | None = None
    slow: bool | None = None
