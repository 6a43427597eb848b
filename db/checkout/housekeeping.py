"""Personal data out, some days after it was last needed; carts nobody came back to."""

from sqlalchemy import text
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

# A completed session is over when all of its orders are: until then its buyer may have to be reached.
_SCRUB = text("""
    UPDATE checkouts c SET buyer = NULL, fulfillment = '{"methods": []}'::jsonb, scrubbed_at = now()
    WHERE c.scrubbed_at IS NULL AND c.closed_at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT 1 FROM checkout_lines l JOIN orders r ON r.order_id = l.order_id
                      WHERE l.checkout_id = c.checkout_id
                        AND (r.closed_at IS NULL OR r.closed_at >= now() - make_interval(days => :days)))
""")
_CARTS = text("DELETE FROM carts WHERE least(expires_at, canceled_at) < now() - make_interval(days => :days)")

# Answers kept for repeated requests show who buys and where to send it.
_ANSWERS = text("""
    DELETE FROM idempotency_records
    WHERE response_body ? 'personal' AND created_at < now() - make_interval(days => :days)
""")


async def delete_personal_data(session: AsyncSession, days: int) -> int:
    """Empty sessions and delete carts that ended ``days`` ago, and answers that old. Returns how many."""
    done = 0
    for statement in (_SCRUB, _CARTS, _ANSWERS):
        result = await session.execute(statement, {"days": days})
        assert isinstance(result, CursorResult)
        done += result.rowcount
    return done
