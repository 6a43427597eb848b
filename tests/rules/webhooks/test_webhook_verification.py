"""The receiver's side of a webhook: only what the market signed, lately, with this secret is believed."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from souk_client import Delivery, WebhookRefusedError, verify_webhook
from souk_client.models import Activity, InboxEvent
from souk_client.webhooks import OtherEvent, PingEvent

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ok!").decode()
INBOX = {
    "inbox_event_id": "e1", "created_at": "2026-11-21T10:00:00Z", "type": "OFFER_MADE", "meta": {}, "cursor": "c",
    "offer": {
        "negotiation_id": "n", "round": 1, "proposed_by": "BUYER", "proposed_price_cents": 900, "currency": "USD",
        "quantity": 1, "message": "Nine\u2028?", "status": "PROPOSED",
    },
}  # fmt: skip
ACTIVITY = {
    "activity_event_id": "e2", "created_at": "2026-11-21T10:00:00Z", "type": "STORE_CREATED", "meta": {}, "cursor": "c",
}  # fmt: skip


def signed(type: str, data: Any, *, secret: str = SECRET, age: timedelta = timedelta()) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"type": type, "timestamp": "2026-11-21T10:00:00Z", "data": data}, ensure_ascii=False)
    at = datetime.now(UTC) - age
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": "v1a,xyz " + Webhook(secret).sign("msg_1", at, body),
    }
    return body.encode(), headers


@pytest.mark.parametrize(
    ("type", "data", "kind"),
    [
        ("OFFER_MADE", INBOX, InboxEvent),
        ("STORE_CREATED", ACTIVITY, Activity),
        ("TEST", {"webhook_id": "w", "test_id": "t"}, PingEvent),
        ("LATER", {"something": "else"}, OtherEvent),
    ],
)
def test_a_delivery_is_told_as_its_event(type: str, data: Any, kind: type):
    delivery = verify_webhook(*signed(type, data), SECRET)
    assert isinstance(delivery, Delivery)
    assert (delivery.delivery_id, delivery.type) == ("msg_1", type)
    assert isinstance(delivery.event, kind)


def test_terms_are_typed():
    event = verify_webhook(*signed("OFFER_MADE", INBOX), SECRET).event
    assert isinstance(event, InboxEvent)
    assert event.offer is not None
    assert (event.offer.proposed_price_cents, event.offer.message) == (900, "Nine\u2028?")


def test_what_the_market_did_not_send_is_refused():
    body, headers = signed("OFFER_MADE", INBOX)
    other = "whsec_" + base64.b64encode(b"another secret of the same size.").decode()
    forged = [
        (body.replace(b"900", b"100"), headers),
        (body, {**headers, "Webhook-Id": "msg_2"}),
        (body, {**headers, "Webhook-Signature": "nonsense"}),
        (body, {name: value for name, value in headers.items() if name != "Webhook-Signature"}),
        (b"\xff", headers),
        signed("OFFER_MADE", INBOX, secret=other),
        signed("OFFER_MADE", INBOX, age=timedelta(minutes=6)),
        signed("OFFER_MADE", INBOX, age=timedelta(minutes=-6)),
        signed("OFFER_MADE", {"inbox_event_id": "e1"}),
        signed("OFFER_MADE", None),
    ]
    for content, told in forged:
        with pytest.raises(WebhookRefusedError):
            verify_webhook(content, told, SECRET)
