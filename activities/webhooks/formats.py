"""How an event is written and signed for an endpoint: the seam for other protocols than Standard Webhooks.

To add a format: give it a name in ``WebhookFormat`` (``domain/webhooks/states.py``), implement ``Format`` in a module
of its own context, and declare it as one of the ``formats`` of that context's ``WorkerPart``. ``render`` runs in a
transaction of the worker's role and may read what it needs; it must read only what the endpoint's owner may see. It
answers None for events the format has nothing to say about: they are passed by. ``sign`` runs outside of it, once per
try, and sees the final address and bytes. Endpoints of such a format are made by
``db.webhooks.endpoints.ensure_endpoint``; owners can make STANDARD ones only. Everything else, order, retries, dead
letters, pauses, replay, is the delivery's and the same for all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks.webhooks import Webhook

from db.webhooks.deliveries import PendingEvent
from db.webhooks.tables import WebhookEndpoint
from domain.webhooks.secrets import derive_secret, signing_versions

TEST_TYPE = "TEST"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request before it is signed. ``message_id`` is the same on every try of the same event."""

    message_id: str
    url: str
    body: bytes
    sent_at: datetime


class Format(Protocol):
    """One protocol."""

    async def render(self, session: AsyncSession, endpoint: WebhookEndpoint, event: PendingEvent) -> bytes | None:
        """The body of an event, or None to pass it by."""

    def render_test(self, endpoint: WebhookEndpoint, test_id: UUID, asked_at: datetime) -> bytes:
        """The body of a test event."""

    def sign(self, endpoint: WebhookEndpoint, outgoing: Outgoing) -> Mapping[str, str]:
        """All headers of the request but its length, ``Content-Type`` included."""


Formats = Mapping[str, Format]


class StandardFormat:
    """Standard Webhooks: ``{type, timestamp, data}``, signed with each secret that is valid now.

    ``data`` is the item as ``/v1/inbox`` or ``/v1/activity`` serve it.
    """

    def __init__(self, credential_secret: bytes) -> None:
        self._credential_secret = credential_secret

    async def render(self, session: AsyncSession, endpoint: WebhookEndpoint, event: PendingEvent) -> bytes | None:
        return _body(event.type, event.occurred_at, event.item.model_dump(mode="json"))

    def render_test(self, endpoint: WebhookEndpoint, test_id: UUID, asked_at: datetime) -> bytes:
        return _body(TEST_TYPE, asked_at, {"webhook_id": str(endpoint.webhook_id), "test_id": str(test_id)})

    def sign(self, endpoint: WebhookEndpoint, outgoing: Outgoing) -> Mapping[str, str]:
        versions = signing_versions(endpoint.secret_version, endpoint.previous_secret_until, outgoing.sent_at)
        secrets = [derive_secret(self._credential_secret, endpoint.webhook_id, version) for version in versions]
        text = outgoing.body.decode()
        signatures = [
            Webhook(secret).sign(msg_id=outgoing.message_id, timestamp=outgoing.sent_at, data=text)
            for secret in secrets
        ]
        return {
            "Content-Type": "application/json",
            "webhook-id": outgoing.message_id,
            "webhook-timestamp": str(int(outgoing.sent_at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _body(type: str, occurred_at: datetime, data: dict[str, Any]) -> bytes:
    document = {"type": type, "timestamp": occurred_at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
