"""A wish: its names, its messages, its rule, what it refuses."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.platform.errors import ErrorKind, declare, upheld_by
from domain.platform.events import PublicEvent
from domain.platform.messages import Message
from domain.platform.numbers import Seconds

WISHES_QUEUE = "souk-wishes"
WISH = "Wish"

WISH_NOT_FOUND = declare("wish.not_found", ErrorKind.NOT_FOUND, "There is no such wish.", "look for it in the feed")
WISH_TOO_LONG = declare("wish.too_long", ErrorKind.INVALID, "A wish may not last so long.", "wish for less time")
WISH_OPEN = declare("wish.open", ErrorKind.CONFLICT, "You have an open wish already.", "wait until it has lapsed")
upheld_by(WISH_OPEN, "one_open_wish_per_agent")


class WishPolicy(BaseModel):
    """Numbers of wishes; seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_seconds: Seconds = 86_400


class WishEvent(PublicEvent):
    """Public events."""

    WISH_MADE = "WISH_MADE", "talk", "wish"


class WishStart(Message):
    """Starts a Wish."""

    wish_id: UUID


class WishSnapshot(Message):
    """``deadline``: when the workflow must look again; None once the wish has lapsed."""

    wish_id: UUID
    deadline: datetime | None


def check_wish(seconds: float, policy: WishPolicy) -> None:
    """Raises wish.too_long."""
    if seconds > policy.longest_seconds:
        raise WISH_TOO_LONG.error()


def has_lapsed(lapses_at: datetime, now: datetime) -> bool:
    """A wish lapses at its date."""
    return lapses_at <= now
