"""What needs a person, and how that is said: one judgement for the console, the doctor and whoever asks them.

A thing needs attention from the moment it is known until it is mended; nothing is held back for being young. A webhook
that takes nothing is its owner's to mend, and an operator should know of it all the same.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

UNSERVED = "queue not served"
OVERDUE = "overdue"
HOLD_EXPIRING = "hold expiring"
WEBHOOK_FAILING = "webhook failing"
APPEAL = "appeal"
LATE_APPEAL = "late appeal"
LATE_SECONDS = 5.0
"""A date that passed longer ago than this should have been acted on: by the sweep, the doctor and the console alike."""

WEBHOOK_HELP = (
    "Its owner must mend the receiver, and was told if it is paused; nothing is lost meanwhile. "
    "Tell the owner if it lasts."
)
APPEAL_HELP = "Decide it: grant or decline the appeal. Nobody's decision by then declines it."
_INFORMATION = frozenset({HOLD_EXPIRING})


def appeal_kind(appealed_at: datetime, due_at: datetime, now: datetime) -> str:
    """An appeal that awaits the operators; late once half of their time for it has passed."""
    return LATE_APPEAL if now - appealed_at > due_at - now else APPEAL


def needs_attention(why: str) -> bool:
    """Whether something of this kind wants a person, and is not just good to know."""
    return why not in _INFORMATION


def verdict(found: Iterable[str]) -> str:
    """One line over everything that was found, by what is wrong with each."""
    counts = Counter(why for why in found if needs_attention(why))
    if not counts:
        return "Nothing needs attention: queues are served, processes within their dates, webhooks delivered."
    listed = ", ".join(f"{count} {why}" for why, count in sorted(counts.items()))
    return f"{counts.total()} {'thing needs' if counts.total() == 1 else 'things need'} attention: {listed}."
