"""Who may call what belongs to no context: operations, health, the doors of tools and agents."""

from collections.abc import Mapping

from domain.platform.access import AGENT, OPERATOR, PUBLIC, UNGATED, Access

ACCESS: Mapping[str, Access] = {
    "POST /v1/operations/expire-offers": OPERATOR,
    "POST /v1/operations/audit": OPERATOR,
    "GET /v1/operations/attention": OPERATOR,
    "GET /v1/operations/processes/{kind}/{id}": OPERATOR,
    "GET /v1/operations/audit-log.csv": OPERATOR,
    "GET /v1/operations/audit-log": OPERATOR,
    "POST /v1/operations/orders/{order_id}/cancel": OPERATOR,
    "POST /v1/operations/orders/{order_id}/refund": OPERATOR,
    "POST /v1/operations/orders/{order_id}/appeal-decision": OPERATOR,
    "POST /v1/operations/stores/{store_id}/close": OPERATOR,
    "POST /v1/operations/messages/{message_id}/hide": OPERATOR,
    "POST /v1/operations/messages/{message_id}/show": OPERATOR,
    "POST /v1/operations/keys/{key_id}/revoke": OPERATOR,
    "POST /v1/operations/stores/{store_id}/nudge-trust": OPERATOR,
    "POST /v1/operations/processes/{kind}/{id}/wake": OPERATOR,
    "POST /v1/operations/terms/{id}/reveal": OPERATOR,
    "POST /v1/operators/session": OPERATOR,
    "POST /codec/encode": OPERATOR,
    "POST /codec/decode": OPERATOR,
    "GET /healthz": UNGATED,
    "GET /readyz": UNGATED,
    "GET /readyz/reads": UNGATED,
    "GET /metrics": UNGATED,
    "GET /problems/{code}": UNGATED,
    "GET /.well-known/oauth-protected-resource": PUBLIC,
    "GET /.well-known/oauth-protected-resource/mcp": PUBLIC,
    "GET /.well-known/agent-card.json": PUBLIC,
    "POST /a2a": PUBLIC,
    "POST /mcp": AGENT,
    "GET /mcp": AGENT,
    "DELETE /mcp": AGENT,
}
