"""Checkout's rows as audit, outages and console know them."""

from db.checkout.audit import INVARIANTS
from db.checkout.waits import NOT_AWAITED, WAITS
from db.platform.contexts import DbPart, ProcessView

_VIEW = ProcessView(
    kind="checkout",
    projection="SELECT c.*, o.since AS owes_refund_since FROM operator_checkouts c CROSS JOIN LATERAL"
    " (SELECT min(refunded_at) AS since FROM operator_owed_refunds WHERE checkout_id = c.checkout_id) o"
    " WHERE checkout_id = :id",
    late=(
        (
            "SELECT checkout_id, store_id, expires_at, 'the end of a session past its time' FROM operator_checkouts"
            " WHERE closed_at IS NULL AND status <> 'complete_in_progress' AND expires_at < :due"
        ),
        (
            "SELECT checkout_id, store_id, updated_at, 'a completion that stands still' FROM operator_checkouts"
            " WHERE status = 'complete_in_progress' AND updated_at < :due"
        ),
        (
            "SELECT checkout_id, store_id, min(refunded_at), 'the money of a refunded order to be paid back'"
            " FROM operator_owed_refunds WHERE refunded_at < :due GROUP BY checkout_id, store_id"
        ),
    ),
    is_open=lambda row: row["closed_at"] is None or row["owes_refund_since"] is not None,
)

PART = DbPart(name="checkout", invariants=INVARIANTS, waits=WAITS, not_awaited=NOT_AWAITED, views=(_VIEW,))
