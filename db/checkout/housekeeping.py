"""Personal data out, some days after it was last needed; carts nobody came back to."""

from db.platform.transactions import Transaction

# A completed session is over when all of its orders are: until then its buyer may have to be reached.
_SCRUB = """
    UPDATE checkouts c SET buyer = NULL, fulfillment = '{"methods": []}'::jsonb, scrubbed_at = now()
    WHERE c.scrubbed_at IS NULL AND c.closed_at < now() - make_interval(days => %(days)s)
      AND NOT EXISTS (SELECT 1 FROM checkout_lines l JOIN orders r ON r.order_id = l.order_id
                      WHERE l.checkout_id = c.checkout_id
                        AND (r.closed_at IS NULL OR r.closed_at >= now() - make_interval(days => %(days)s)))
"""
_CARTS = "DELETE FROM carts WHERE least(expires_at, canceled_at) < now() - make_interval(days => %(days)s)"

# Answers kept for repeated requests show who buys and where to send it.
_ANSWERS = """
    DELETE FROM idempotency_records
    WHERE response_body ? 'personal' AND created_at < now() - make_interval(days => %(days)s)
"""
_PURGE = f"""
    WITH scrubbed AS ({_SCRUB} RETURNING 1), carts AS ({_CARTS} RETURNING 1), answers AS ({_ANSWERS} RETURNING 1)
    SELECT (SELECT count(*) FROM scrubbed) + (SELECT count(*) FROM carts) + (SELECT count(*) FROM answers)
"""  # noqa: S608 - no value in it


async def delete_personal_data(transaction: Transaction, days: int) -> int:
    """Empty sessions and delete carts that ended ``days`` ago, and answers that old. Returns how many."""
    [(done,)] = await transaction.run(_PURGE, {"days": days})
    return int(done)
