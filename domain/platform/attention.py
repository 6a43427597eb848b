"""What needs a person, and how that is said: one judgement for the console, the doctor and whoever asks them.

A thing needs attention from the moment it is known until it is mended; nothing is held back for being young.
"""

from collections import Counter
from collections.abc import Iterable

UNSERVED = "queue not served"
OVERDUE = "overdue"
LATE_SECONDS = 5.0
"""A date that passed longer ago than this should have been acted on: by the sweep, the doctor and the console alike."""


def verdict(found: Iterable[str]) -> str:
    """One line over everything that needs a person, by what is wrong with each."""
    counts = Counter(found)
    if not counts:
        return "Nothing needs attention: queues are served, processes within their dates, nothing fails."
    listed = ", ".join(f"{count} {why}" for why, count in sorted(counts.items()))
    return f"{counts.total()} {'thing needs' if counts.total() == 1 else 'things need'} attention: {listed}."
