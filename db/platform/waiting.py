"""What a wait is: a date in a row by which a party must act, and how it is moved when the party could not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """A date column. The SQL parts name the row ``t``; what they may join is in ``joins``.

    ``parts``: who must work for the date to count, first the queue whose workflows judge it.
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


MOMENTS = frozenset({
    "created_at", "updated_at", "last_updated_at", "last_active_at", "opened_at", "closed_at", "placed_at",
    "delivered_at", "accepted_at", "rejected_at", "canceled_at", "released_at", "paid_at", "refunded_at",
    "delivery_refunded_at", "refund_requested_at", "refund_declined_at", "asked_at", "answered_at", "missed_at",
    "occurred_at", "folded_at", "timestamp", "completed_at", "revoked_at", "fetched_at", "scrubbed_at", "dead_at",
    "last_attempt_at", "last_delivered_at", "test_requested_at", "test_sent_at", "beat_at", "accounted_at",
    "resumed_at", "began_at", "ended_at", "recorded_at", "hidden_at", "appealed_at", "appeal_declined_at",
})  # fmt: skip
"""Columns that say when something happened: by these names in any table."""

NOT_AWAITED = {
    ("idempotency_records", "lease_until"): "the API's own lease",
    ("rate_limit_windows", "expires_at"): "the API's own counter",
    ("extended_dates", "old_date"): "the record of a date",
    ("extended_dates", "new_date"): "the record of a date",
}
"""Dates of the kernel's own tables that no party has to keep, and why."""
