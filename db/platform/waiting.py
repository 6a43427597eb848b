"""What a wait is: a date in a row by which a party must act, and how it is moved when the party could not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """A date column. The SQL parts name the row ``t``; what they may join is in ``joins``.

    ``since``: when the wait began. ``open``: whether the row still waits for this date. ``remind``: when the awaited
    party is reminded, null once it was; with ``reminded`` a column keeps that it was instead. ``tell``: the agents who
    hear of the new date; None where another wait tells them, or the row itself does.
    ``about``: the ids of the event that tells them, as columns of the inbox. ``process`` and ``act`` say in whose story
    operators read of it, and what the time is for.
    """

    name: str
    process: str
    act: str
    parts: tuple[str, ...]
    table: str
    key: str
    date: str
    since: str
    open: str
    remind: str | None = None
    reminded: str | None = None
    joins: str = ""
    tell: str | None = None
    about: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """The date columns that the wait accounts for."""
        names = (self.date, self.remind, self.reminded)
        return frozenset((self.table, name) for name in names if name is not None)
