"""What the console reads: private processes without their terms, the operators' log, and terms after a reason.

Every transaction that reads here first names its operator; the views are empty for anybody else, and their
columns leave out prices, quantities and messages (migration 0002).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.tables import ApiKey, OperatorAuditEntry

Row = Mapping[str, Any]

# A security-barrier view is not taken apart by the planner: joined, it is read whole. LATERAL with OFFSET 0 gives it
# the other row's key instead. Only what is known to leak nothing (keys, dates, IS NULL, but not a state) goes down to
# its table's index. So every branch starts from what is due, and orders from those that are open.
_LATE = """
SELECT 'negotiation' AS kind, negotiation_id AS id, seller_store_id AS store_id, expires_at AS due,
  'an answer to the standing offer' AS waits_for
FROM operator_standing_offers WHERE expires_at < :due
UNION ALL
SELECT 'negotiation', negotiation_id, seller_store_id, expires_at, 'the buyer''s purchase of an accepted offer'
FROM operator_holds WHERE released_at IS NULL AND expires_at < :due
UNION ALL
SELECT * FROM (
  SELECT 'order', order_id, store_id,
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
UNION ALL
SELECT 'review-window', w.order_id, o.store_id, w.closes_at, 'the buyer''s review'
FROM review_windows w CROSS JOIN LATERAL (
  SELECT store_id FROM operator_orders WHERE order_id = w.order_id OFFSET 0) o
WHERE w.status = 'OPEN' AND w.closes_at < :due
UNION ALL
SELECT 'store-trust', store_id, store_id, min(occurred_at),
  'the fold of ' || count(*) || ' facts into the store''s trust'
FROM trust_facts WHERE folded_at IS NULL AND occurred_at < :due GROUP BY store_id
UNION ALL
SELECT 'store-trust', store_id, store_id, min(due_at), 'the record of unanswered questions'
FROM support_questions WHERE answered_at IS NULL AND missed_at IS NULL AND due_at < :due GROUP BY store_id
UNION ALL
SELECT 'checkout', checkout_id, store_id, expires_at, 'the end of a session past its time'
FROM operator_checkouts WHERE closed_at IS NULL AND status <> 'complete_in_progress' AND expires_at < :due
UNION ALL
SELECT 'checkout', checkout_id, store_id, updated_at, 'a completion that stands still'
FROM operator_checkouts WHERE status = 'complete_in_progress' AND updated_at < :due
UNION ALL
SELECT 'checkout', checkout_id, store_id, min(refunded_at), 'the money of a refunded order to be paid back'
FROM operator_owed_refunds WHERE refunded_at < :due GROUP BY checkout_id, store_id
ORDER BY due LIMIT :limit
"""

_HOLDS = """
SELECT 'negotiation' AS kind, negotiation_id AS id, seller_store_id AS store_id, expires_at AS due,
  'the buyer''s purchase of an accepted offer' AS waits_for
FROM operator_holds WHERE released_at IS NULL AND expires_at BETWEEN :now AND :until ORDER BY expires_at LIMIT :limit
"""

_APPEALS = """
SELECT 'order' AS kind, order_id AS id, store_id, appealed_at AS since, appeal_due_at AS due,
  'your decision on a buyer''s appeal, until ' || to_char(appeal_due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
    || ' UTC' AS waits_for
FROM operator_appeals ORDER BY appeal_due_at LIMIT :limit
"""

_FAILING_WEBHOOKS = """
SELECT 'webhook' AS kind, webhook_id AS id, failing_since AS since,
  CASE WHEN status = 'PAUSED' THEN 'its owner, who was told that it is paused: ' || lower(pause_reason)
       ELSE 'a receiver that takes its deliveries' END AS waits_for
FROM operator_webhooks WHERE failing_since IS NOT NULL ORDER BY failing_since LIMIT :limit
"""

_OPEN = """
SELECT 'negotiation' AS kind, negotiation_id AS id, seller_store_id AS store_id, status::text AS status,
  opened_at AS since FROM operator_negotiations WHERE closed_at IS NULL
UNION ALL
SELECT 'order', order_id, store_id, status::text, placed_at FROM operator_orders WHERE closed_at IS NULL
ORDER BY since DESC LIMIT :limit
"""

_PROJECTIONS = {
    "negotiation": "SELECT * FROM operator_negotiations WHERE negotiation_id = :id",
    "order": "SELECT * FROM operator_orders WHERE order_id = :id",
    "review-window": "SELECT w.*, o.store_id, o.listing_id FROM review_windows w"
    " JOIN operator_orders o USING (order_id) WHERE w.order_id = :id",
    "store-trust": "SELECT store_id, overall_score, rated, sequence, folds, last_updated_at, decay_due_at,"
    " (SELECT count(*) FROM trust_facts f WHERE f.store_id = p.store_id AND folded_at IS NULL) AS facts_waiting"
    " FROM trust_profiles p WHERE store_id = :id",
    # Its status is no state of its process, so it has another name here.
    "webhook": "SELECT webhook_id, agent_id, source, format, status AS endpoint, pause_reason, failed_tries,"
    " failing_since, next_attempt_at, last_attempt_at, last_delivered_at, last_status, dead_letters, created_at,"
    " NULL::uuid AS store_id, NULL::timestamptz AS closed_at FROM operator_webhooks WHERE webhook_id = :id",
    "checkout": "SELECT c.*, o.since AS owes_refund_since FROM operator_checkouts c CROSS JOIN LATERAL"
    " (SELECT min(refunded_at) AS since FROM operator_owed_refunds WHERE checkout_id = c.checkout_id) o"
    " WHERE checkout_id = :id",
}
KINDS = tuple(_PROJECTIONS)


async def name_operator(session: AsyncSession, key_id: UUID) -> None:
    """Say who reads, for the rest of the transaction."""
    await session.execute(text("SELECT set_config('souk.operator', :key, true)"), {"key": str(key_id)})


async def _rows(session: AsyncSession, query: str, **values: Any) -> Sequence[Row]:
    return [dict(row) for row in (await session.execute(text(query), values)).mappings()]


async def get_last_call(session: AsyncSession, agent_id: UUID) -> datetime | None:
    """When one of the agent's keys was last used."""
    query = text("SELECT last_active_at FROM operator_agents WHERE agent_id = :id")
    last: datetime | None = await session.scalar(query, {"id": agent_id})
    return last


async def list_late(session: AsyncSession, now: datetime, grace_seconds: float, limit: int) -> Sequence[Row]:
    """Processes whose date passed more than ``grace_seconds`` ago without the process having moved."""
    return await _rows(session, _LATE, due=now - timedelta(seconds=grace_seconds), limit=limit)


async def list_expiring_holds(session: AsyncSession, now: datetime, within_seconds: float, limit: int) -> Sequence[Row]:
    return await _rows(session, _HOLDS, now=now, until=now + timedelta(seconds=within_seconds), limit=limit)


async def list_appeals(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Appeals that await a decision, those that are due first."""
    return await _rows(session, _APPEALS, limit=limit)


async def list_failing_webhooks(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Endpoints that take nothing, those that fail longest first."""
    return await _rows(session, _FAILING_WEBHOOKS, limit=limit)


async def list_open(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Negotiations and orders under way, the newest first."""
    return await _rows(session, _OPEN, limit=limit)


async def get_projection(session: AsyncSession, kind: str, entity: UUID) -> Row | None:
    """``kind``: negotiation, order, review-window, store-trust, webhook, checkout."""
    rows = await _rows(session, _PROJECTIONS[kind], id=entity)
    return rows[0] if rows else None


async def list_rounds(session: AsyncSession, negotiation_id: UUID) -> Sequence[Row]:
    query = "SELECT * FROM operator_offers WHERE negotiation_id = :id ORDER BY round"
    return await _rows(session, query, id=negotiation_id)


async def reveal_terms(session: AsyncSession, audit_id: UUID, entity: UUID) -> dict[str, Any]:
    """The terms behind a negotiation or an order. The entry ``audit_id`` was written in this transaction."""
    found = await session.scalar(
        text("SELECT souk_reveal_terms(:entity, :audit)"), {"entity": entity, "audit": audit_id}
    )
    return dict(found)


async def hide_message(session: AsyncSession, audit_id: UUID, message_id: UUID, *, hide: bool) -> bool:
    """Hide a message's words or show them again. The entry ``audit_id`` was written in this transaction.

    False when it is so already.
    """
    query = text("SELECT souk_hide_message(:message, :hide, :audit)")
    return bool(await session.scalar(query, {"message": message_id, "hide": hide, "audit": audit_id}))


async def log_once(
    session: AsyncSession, audit_id: UUID, key_id: UUID, action: str, reason: str, meta: dict[str, int | str]
) -> bool:
    """Write an entry of the operators' log. False when this very command has written it before."""
    if await session.get(OperatorAuditEntry, audit_id) is not None:
        return False
    session.add(OperatorAuditEntry(audit_id=audit_id, key_id=key_id, action=action, reason=reason, meta=meta))
    await session.flush()
    return True


async def list_audit(session: AsyncSession, before: UUID | None, limit: int) -> list[tuple[OperatorAuditEntry, str]]:
    """The operators' log with the label of each entry's key, newest first."""
    query = (
        select(OperatorAuditEntry, ApiKey.label)
        .join(ApiKey, ApiKey.key_id == OperatorAuditEntry.key_id)
        .order_by(OperatorAuditEntry.audit_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(OperatorAuditEntry.audit_id < before)
    return [(row[0], row[1]) for row in await session.execute(query)]


async def revoke_any_key(session: AsyncSession, key_id: UUID) -> bool:
    """Revoke a key of any kind. Doing it again changes nothing. False when there is no such key."""
    known = await session.get(ApiKey, key_id)
    if known is not None and known.revoked_at is None:
        await session.execute(
            update(ApiKey)
            .where(ApiKey.key_id == key_id)
            .values(revoked_at=text("now()"))
            .execution_options(synchronize_session=False)
        )
    return known is not None
