"""Upkeep that every sweep does: partitions ahead of time, old records out."""

from sqlalchemy import delete, func, select, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.tables import IdempotencyRecord, ProcessedCommand, RateLimitWindow

MONTHS_AHEAD = 3
# Admissions take many in the order of their keys: whoever took them in another one, and waited, could stop them.
_CLOSED_WINDOWS = (
    select(RateLimitWindow.key).where(RateLimitWindow.expires_at < func.now()).with_for_update(skip_locked=True)
)


async def make_partitions(session: AsyncSession) -> int:
    """Make the feed's partitions for the coming months. Returns how many were missing."""
    made = await session.scalar(text("SELECT souk_make_activity_partitions(:months)"), {"months": MONTHS_AHEAD})
    return int(made or 0)


async def purge_old_records(session: AsyncSession, retention_days: int) -> int:
    """Delete idempotency records and processed commands past their retention, and windows that have closed.

    Returns how many rows. Commit soon: who calls again while its window is being deleted waits for that.
    """
    cutoff = func.now() - func.make_interval(0, 0, 0, retention_days)
    purged = 0
    for statement in (
        delete(IdempotencyRecord).where(IdempotencyRecord.created_at < cutoff),
        delete(ProcessedCommand).where(ProcessedCommand.created_at < cutoff),
        delete(RateLimitWindow).where(RateLimitWindow.key.in_(_CLOSED_WINDOWS)),
    ):
        result = await session.execute(statement.execution_options(synchronize_session=False))
        assert isinstance(result, CursorResult)
        purged += result.rowcount
    return purged
