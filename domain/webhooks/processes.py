"""The names by which delivery processes are found.

They have a queue of their own: slow receivers must not keep the market's own processes waiting.
"""

from uuid import UUID

WEBHOOK_QUEUE = "souk-webhooks"
WEBHOOK_DELIVERY = "WebhookDelivery"


def webhook_process(webhook_id: UUID) -> str:
    return f"webhook/{webhook_id}"
