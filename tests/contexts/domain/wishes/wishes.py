"""A wish: its names, its messages, its rule, what it refuses."""

from datetime import datetime
from uuid import UUID

from domain.platform.errors import ErrorKind, declare, upheld_by
from domain.platform.events import PublicEvent
from domain.platform.messages import Message

WISHES_QUEUE = "souk-wishes"
WISH = "Wish"

WISH_NOT_FOUND = declare("wish.not_found", ErrorKind.NOT_FOUND, "There is no such wish.")
WISH_OPEN = declare("wish.open", ErrorKind.CONFLICT, "You have an open wish already.")
upheld_by(WISH_OPEN, "one_open_wish_per_agent")


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


def has_lapsed(lapses_at: datetime, now: datetime) -> bool:
    """A wish lapses at its date."""
    return lapses_at <= now
