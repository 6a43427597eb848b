"""Upkeep that every sweep does: partitions ahead of time, old records out."""

from sqlalchemy import bindparam, delete, func, select

from db.platform.statements import counting
from db.platform.tables import IdempotencyRecord, ProcessedCommand, RateLimitWindow
from db.platform.transactions import Transaction

MONTHS_AHEAD = 3
# Admissions take many in the order of their keys: whoever took them in another one, and waited, could stop them.
_CLOSED_WINDOWS = (
    select(RateLimitWindow.c.key).where(RateLimitWindow.c.expires_at < func.now()).with_for_update(skip_locked=True)
)
_CUTOFF = func.now() - func.make_interval(0, 0, 0, bindparam("days"))
_PURGE = [
    counting(delete(row.table).where(row.c.created_at < _CUTOFF)) for row in (IdempotencyRecord, ProcessedCommand)
]
_PURGE_WINDOWS = counting(delete(RateLimitWindow.table).where(RateLimitWindow.c.key.in_(_CLOSED_WINDOWS)))


async def make_partitions(transaction: Transaction) -> int:
    """Make the feed's partitions for the coming months. Returns how many were missing."""
    [(made,)] = await transaction.run("SELECT souk_make_activity_partitions(%s)", (MONTHS_AHEAD,))
    return int(made or 0)


async def purge_old_records(transaction: Transaction, retention_days: int) -> int:
    """Delete idempotency records and processed commands past their retention, and windows that have closed.

    Returns how many rows. Commit soon: who calls again while its window is being deleted waits for that.
    """
    records = [await transaction.one(purge, days=retention_days) for purge in _PURGE]
    return sum(records) + await transaction.one(_PURGE_WINDOWS)
