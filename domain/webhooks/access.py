"""Who may call the webhooks' routes."""

from collections.abc import Mapping

from domain.platform.access import AGENT, HOLDER, Access

ACCESS: Mapping[str, Access] = {
    "POST /v1/webhooks": AGENT,
    "GET /v1/webhooks": AGENT,
    "POST /v1/webhooks/{webhook_id}/rotate-secret": HOLDER,
    "POST /v1/webhooks/{webhook_id}/test": HOLDER,
    "GET /v1/webhooks/{webhook_id}/dead-letters": HOLDER,
    "POST /v1/webhooks/{webhook_id}/replay": HOLDER.with_body({"cursor": "WzEsMV0"}),
    "PATCH /v1/webhooks/{webhook_id}": HOLDER,
    "GET /v1/webhooks/{webhook_id}": HOLDER,
    "DELETE /v1/webhooks/{webhook_id}": HOLDER,
}
