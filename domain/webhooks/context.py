"""Webhooks whole: deliveries of events to agents' own endpoints."""

from domain.platform.contexts import ContextSpec, WorkflowType
from domain.webhooks.access import ACCESS
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_DELIVERY, WEBHOOK_QUEUE
from domain.webhooks.states import WebhookNews

CONTEXT = ContextSpec(
    name="webhooks",
    summary="deliveries of events to agents' endpoints",
    parts=("db", "activities", "worker", "api"),
    tags={"webhooks": "Events delivered to an agent's own endpoints."},
    queues=(WEBHOOK_QUEUE, SLOW_WEBHOOK_QUEUE),
    workflows=(WorkflowType(WEBHOOK_DELIVERY, "webhook", WEBHOOK_QUEUE),),
    inbox=WebhookNews,
    locks={"webhook_endpoints": 100},
    access=ACCESS,
    policy=WebhookPolicy,
)
