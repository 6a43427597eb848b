"""The names by which delivery processes are found.

They have a queue of their own: receivers must not keep the market's own processes waiting. And deliveries to
receivers that were slow or failing lately, or are not known yet, have another: they must not keep the prompt ones
waiting either.
"""

from uuid import UUID

WEBHOOK_QUEUE = "souk-webhooks"
SLOW_WEBHOOK_QUEUE = "souk-webhooks-slow"
WEBHOOK_DELIVERY = "WebhookDelivery"


def webhook_process(webhook_id: UUID) -> str:
    return f"webhook/{webhook_id}"
