"""Webhooks' rows as outages and console know them."""

from db.platform.contexts import DbPart, Notice, ProcessView
from domain.webhooks.states import FAILING, FAILING_HELP

PART = DbPart(
    name="webhooks",
    not_awaited={
        ("webhook_endpoints", "next_attempt_at"): "the market's own next try",
        ("webhook_endpoints", "failing_since"): "since when deliveries fail; a pause for it loses no event",
        ("webhook_endpoints", "previous_secret_until"): "a credential's life; a longer one is a risk",
    },
    views=(
        ProcessView(
            kind="webhook",
            # Its status is no state of its process, so it has another name here.
            projection="SELECT webhook_id, agent_id, source, format, status AS endpoint, pause_reason, failed_tries,"
            " failing_since, next_attempt_at, last_attempt_at, last_delivered_at, last_status, dead_letters,"
            " created_at, NULL::uuid AS store_id, NULL::timestamptz AS closed_at"
            " FROM operator_webhooks WHERE webhook_id = :id",
            # A quiet endpoint may do without a workflow, and a paused one may have one.
            may_rest=lambda row: row["next_attempt_at"] is None,
        ),
    ),
    notices=(
        Notice(
            why=lambda *_: FAILING,
            query="SELECT 'webhook', webhook_id, NULL::uuid, failing_since, NULL::timestamptz,"
            " CASE WHEN status = 'PAUSED' THEN 'its owner, who was told that it is paused: ' || lower(pause_reason)"
            " ELSE 'a receiver that takes its deliveries' END"
            " FROM operator_webhooks WHERE failing_since IS NOT NULL ORDER BY failing_since LIMIT :limit",
            help=FAILING_HELP,
        ),
    ),
)
