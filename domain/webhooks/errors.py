"""Refusals about webhooks."""

from domain.market.errors import LISTING_NOT_FOUND, STORE_NOT_FOUND
from domain.platform.errors import ErrorKind, declare, upheld_by

WEBHOOK_NOT_FOUND = declare("webhook.not_found", ErrorKind.NOT_FOUND, "You have no such webhook.", "GET /v1/webhooks")
WEBHOOK_ADDRESS = declare(
    "webhook.address_refused",
    ErrorKind.RULE_VIOLATION,
    "Souk does not deliver to this address.",
    "use an https address of a public host, on port 443 or above 1023",
    "to try it on one machine, run Souk with SOUK_SERVES_OTHERS=false",
)
WEBHOOK_TOO_MANY = declare(
    "webhook.too_many",
    ErrorKind.CONFLICT,
    "You have as many webhooks as one agent may have.",
    "DELETE /v1/webhooks/{webhook_id} of one that is not needed",
)
WEBHOOK_FILTER = declare(
    "webhook.filter_invalid",
    ErrorKind.INVALID,
    "types must be event types of the source; store_id and listing_id go with ACTIVITY only.",
)

upheld_by(STORE_NOT_FOUND, "webhook_endpoints_store_id_fkey")
upheld_by(LISTING_NOT_FOUND, "webhook_endpoints_listing_id_fkey")
