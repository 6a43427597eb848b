"""The delivery activity's name and types, without a database or HTTP behind them.

Workflows import this module and nothing else of this package; tests implement it with fakes.
"""

from abc import abstractmethod

from temporalio import activity

from activities.platform.signatures import Activities
from domain.webhooks.commands import DeliveryReport, WebhookStart


class WebhookActivities(Activities):
    """Deliveries to one endpoint."""

    @activity.defn(name="deliver_webhooks")
    @abstractmethod
    async def deliver_webhooks(self, start: WebhookStart) -> DeliveryReport:
        """Deliver what is due, event by event, until nothing is, a try fails, or others should have their turn.

        At least once: the cursor moves after each acknowledgement, so what was sent and not recorded is sent
        again, with the same id. Harmless when repeated.
        """
