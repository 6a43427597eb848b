"""The named states and kinds of webhooks."""

from enum import StrEnum

from domain.platform.events import PrivateEvent


class WebhookSource(StrEnum):
    """Which log is delivered: the owner's private events, or the public ones."""

    INBOX = "INBOX"
    ACTIVITY = "ACTIVITY"


class WebhookFormat(StrEnum):
    """How an event is written and signed. ``activities/webhooks/formats.py`` tells how to add one."""

    STANDARD = "STANDARD"
    UCP_ORDER = "UCP_ORDER"


class WebhookStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class PauseReason(StrEnum):
    """By its owner; because every delivery failed for days; because the endpoint answered 410 Gone."""

    BY_OWNER = "BY_OWNER"
    FAILING = "FAILING"
    GONE = "GONE"


class DeliveryState(StrEnum):
    """What a delivery process has found or reached. MORE: it took a break and goes on at once."""

    IDLE = "IDLE"
    MORE = "MORE"
    BACKING_OFF = "BACKING_OFF"
    PAUSED = "PAUSED"
    DELETED = "DELETED"


class WebhookNews(PrivateEvent):
    """Private events of an endpoint's owner."""

    WEBHOOK_PAUSED = "WEBHOOK_PAUSED"


FAILING = "webhook failing"
FAILING_HELP = (
    "Its owner must mend the receiver, and was told if it is paused; nothing is lost meanwhile. "
    "Tell the owner if it lasts."
)
"""What operators read of an endpoint that takes nothing: its owner's to mend, and they should know of it all the same.
"""
