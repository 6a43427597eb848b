"""Every context that Souk is made of, with the settings it runs by. A new one is added here."""

from activities.checkout.context import checkout_context
from activities.market.context import market_context
from activities.platform.specs import WorkflowSpecs
from activities.webhooks.context import webhook_context
from config.settings import Settings


def workflow_specs(settings: Settings) -> WorkflowSpecs:
    """The workflow types of all contexts, as sweep, audit, doctor and console know them."""
    return WorkflowSpecs(
        (
            market_context(settings.market, settings.idempotency_retention_days),
            checkout_context(settings.checkout, settings.market),
            webhook_context(settings.webhooks),
        )
    )
