"""The market's workflows as operators see them, without terms, and what else they should know of.

A security-barrier view is not taken apart by the planner: joined, it is read whole. LATERAL with OFFSET 0 gives it the
other row's key instead. Only what is known to leak nothing (keys, dates, IS NULL, but not a state) goes down to its
table's index. So every query starts from what is due, and orders from those that are open.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.console import read_rows
from db.platform.contexts import Notice, ProcessView, Row
from domain.market.appeals import APPEAL_HELP, appeal_kind

HOLD_EXPIRING = "hold expiring"

_LATE_ORDERS = """
SELECT * FROM (
  SELECT order_id, store_id,
    CASE WHEN status = 'PLACED' THEN least(promised_at, CASE WHEN paid_at IS NULL THEN payment_due_at END)
         WHEN refund_requested_at IS NOT NULL AND refund_declined_at IS NULL THEN refund_answer_due_at
         WHEN appealed_at IS NOT NULL AND appeal_declined_at IS NULL THEN appeal_due_at
         ELSE greatest(return_window_closes_at, CASE WHEN appealed_at IS NULL THEN appeal_by END) END AS due,
    CASE WHEN status = 'PLACED' THEN 'payment or the merchant''s delivery'
         WHEN refund_requested_at IS NOT NULL AND refund_declined_at IS NULL
           THEN 'the merchant''s answer to a refund request'
         WHEN appealed_at IS NOT NULL AND appeal_declined_at IS NULL THEN 'the operators'' decision on an appeal'
         ELSE 'the end of the return window' END
  FROM operator_orders WHERE closed_at IS NULL) open_orders
WHERE due < :due
"""

VIEWS = (
    ProcessView(
        kind="negotiation",
        projection="SELECT * FROM operator_negotiations WHERE negotiation_id = :id",
        late=(
            (
                "SELECT negotiation_id, seller_store_id, expires_at, 'an answer to the standing offer'"
                " FROM operator_standing_offers WHERE expires_at < :due"
            ),
            (
                "SELECT negotiation_id, seller_store_id, expires_at, 'the buyer''s purchase of an accepted offer'"
                " FROM operator_holds WHERE released_at IS NULL AND expires_at < :due"
            ),
        ),
        open="SELECT negotiation_id, seller_store_id, status::text, opened_at FROM operator_negotiations"
        " WHERE closed_at IS NULL",
    ),
    ProcessView(
        kind="order",
        projection="SELECT * FROM operator_orders WHERE order_id = :id",
        late=(_LATE_ORDERS,),
        open="SELECT order_id, store_id, status::text, placed_at FROM operator_orders WHERE closed_at IS NULL",
    ),
    ProcessView(
        kind="review-window",
        projection="SELECT w.*, o.store_id, o.listing_id FROM review_windows w"
        " JOIN operator_orders o USING (order_id) WHERE w.order_id = :id",
        late=(
            (
                "SELECT w.order_id, o.store_id, w.closes_at, 'the buyer''s review'"
                " FROM review_windows w CROSS JOIN LATERAL ("
                "   SELECT store_id FROM operator_orders WHERE order_id = w.order_id OFFSET 0) o"
                " WHERE w.status = 'OPEN' AND w.closes_at < :due"
            ),
        ),
    ),
    ProcessView(
        kind="store-trust",
        projection="SELECT store_id, overall_score, rated, sequence, folds, last_updated_at, decay_due_at,"
        " (SELECT count(*) FROM trust_facts f WHERE f.store_id = p.store_id AND folded_at IS NULL) AS facts_waiting"
        " FROM trust_profiles p WHERE store_id = :id",
        late=(
            (
                "SELECT store_id, store_id, min(occurred_at),"
                " 'the fold of ' || count(*) || ' facts into the store''s trust'"
                " FROM trust_facts WHERE folded_at IS NULL AND occurred_at < :due GROUP BY store_id"
            ),
            (
                "SELECT store_id, store_id, min(due_at), 'the record of unanswered questions'"
                " FROM support_questions WHERE answered_at IS NULL AND missed_at IS NULL AND due_at < :due"
                " GROUP BY store_id"
            ),
        ),
        is_open=lambda _: True,
    ),
)

NOTICES = (
    Notice(
        why=lambda row, now: appeal_kind(row["since"], row["due"], now),
        query="SELECT 'order', order_id, store_id, appealed_at, appeal_due_at,"
        " 'your decision on a buyer''s appeal, until '"
        " || to_char(appeal_due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'"
        " FROM operator_appeals ORDER BY appeal_due_at LIMIT :limit",
        help=APPEAL_HELP,
    ),
    Notice(
        why=lambda *_: HOLD_EXPIRING,
        query="SELECT 'negotiation', negotiation_id, seller_store_id, expires_at, expires_at,"
        " 'the buyer''s purchase of an accepted offer' FROM operator_holds WHERE released_at IS NULL"
        " AND expires_at BETWEEN :now AND :now + interval '10 minutes' ORDER BY expires_at LIMIT :limit",
        help="Nothing to do: unbought, the stock returns by itself.",
        urgent=False,
    ),
)


async def list_rounds(session: AsyncSession, negotiation_id: UUID) -> Sequence[Row]:
    """The rounds of a negotiation without their terms, the first one first."""
    query = "SELECT * FROM operator_offers WHERE negotiation_id = :id ORDER BY round"
    return await read_rows(session, query, id=negotiation_id)
