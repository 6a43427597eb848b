"""Every date by which a party must act: the one list of what an outage moves.

A context declares its own (``db/market/waits.py``, ``db/checkout/waits.py``) and adds them here. Every other date
column of the database is in ``NOT_AWAITED`` there with the reason; ``tests/db/test_waits.py`` holds both against the
schema, so that a new date cannot be forgotten.
"""

from db.checkout import waits as checkout
from db.market import waits as market
from db.platform.waiting import Wait

# In the order in which rows are locked: sessions, offers with their holds, orders with their windows, questions.
WAITS: tuple[Wait, ...] = (*checkout.WAITS, *market.WAITS)

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
    ("carts", "expires_at"): "a cart is a note of its owner; nothing is lost with it that is not put together again",
    ("trust_profiles", "decay_due_at"): "the market's own rhythm, no party's",
    ("webhook_endpoints", "next_attempt_at"): "the market's own next try",
    ("webhook_endpoints", "failing_since"): "since when deliveries fail; a pause for it loses no event",
    ("webhook_endpoints", "previous_secret_until"): "a credential's life; a longer one is a risk",
    ("idempotency_records", "lease_until"): "the API's own lease",
    ("rate_limit_windows", "expires_at"): "the API's own counter",
    ("extended_dates", "old_date"): "the record of a date",
    ("extended_dates", "new_date"): "the record of a date",
}
"""Dates that no party has to keep, or that an outage shall not move, and why."""
