"""The receiving end of a webhook: is this from the market, and what does it say?

Deliveries are signed by Standard Webhooks. They come in order and at least once: the id is the same on every try,
so remember the ids you have dealt with.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from souk_client.errors import WebhookRefusedError
from souk_client.models import Activity, InboxEvent, Model


class PingEvent(Model):
    """What a test delivery holds."""

    webhook_id: str
    test_id: str


class OtherEvent(Model):
    """Something newer than this client: see ``model_extra``."""


class Delivery(Model):
    """One verified delivery. ``delivery_id`` is the same on every try of the same event."""

    delivery_id: str
    type: str
    timestamp: datetime
    event: InboxEvent | Activity | PingEvent | OtherEvent


def verify_webhook(body: bytes | str, headers: Mapping[str, str], secret: str) -> Delivery:
    """The event of a delivery, once it is known to be the market's.

    ``body`` is the request's as it came, not parsed and written again. Raises WebhookRefusedError: answer 400.
    """
    try:
        document = Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError) as error:
        # A header that is no signature at all is a ValueError of the library's.
        raise WebhookRefusedError(str(error)) from error
    named = {name.lower(): value for name, value in headers.items()}
    try:
        return Delivery(
            delivery_id=named["webhook-id"],
            type=document["type"],
            timestamp=document["timestamp"],
            event=_event(document["type"], document["data"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise WebhookRefusedError("signed, but not an event that can be read") from error


def _event(type: str, data: dict[str, Any]) -> InboxEvent | Activity | PingEvent | OtherEvent:
    if type == "TEST":
        return PingEvent.model_validate(data)
    if "inbox_event_id" in data:
        return InboxEvent.model_validate(data)
    if "activity_event_id" in data:
        return Activity.model_validate(data)
    return OtherEvent.model_validate(data)
