"""Webhooks: events delivered by POST to an address of one's own."""

from collections.abc import Sequence
from typing import Literal

from souk_client.calls import PAGE_SIZE, Call, PageCall, adapter, get, given, listed, post
from souk_client.models import DeadLetter, NewWebhook, Page, RotatedSecret, Webhook, WebhookTest


def add_webhook(
    url: str,
    source: Literal["INBOX", "ACTIVITY"],
    *,
    types: Sequence[str] | None = None,
    store_id: str | None = None,
    listing_id: str | None = None,
    description: str | None = None,
    key: str | None = None,
) -> Call[NewWebhook]:
    """Have one's inbox, or public activity, delivered from now on. Keep the answer's ``secret``: it is told once."""
    return post(
        "/v1/webhooks",
        NewWebhook,
        key,
        url=url,
        source=source,
        types=types,
        store_id=store_id,
        listing_id=listing_id,
        description=description,
    )


def webhooks() -> Call[Page[Webhook]]:
    """All webhooks of one's own."""
    return get("/v1/webhooks", Page[Webhook])


def webhook(webhook_id: str) -> Call[Webhook]:
    """One webhook, and how its deliveries stand."""
    return get(f"/v1/webhooks/{webhook_id}", Webhook)


def update_webhook(
    webhook_id: str,
    *,
    url: str | None = None,
    types: Sequence[str] | None = None,
    description: str | None = None,
    status: Literal["ACTIVE", "PAUSED"] | None = None,
) -> Call[Webhook]:
    """Move, narrow, describe, pause it, or take it up again. Repeating it changes nothing."""
    body = given({"url": url, "types": types, "description": description, "status": status})
    return Call("PATCH", f"/v1/webhooks/{webhook_id}", adapter(Webhook), body=body)


def remove_webhook(webhook_id: str) -> Call[None]:
    """Deliver nothing more there."""
    return Call("DELETE", f"/v1/webhooks/{webhook_id}", adapter(type(None)))


def rotate_webhook_secret(
    webhook_id: str, *, overlap_seconds: int | None = None, key: str | None = None
) -> Call[RotatedSecret]:
    """A new secret; for a while deliveries are signed with both."""
    return post(f"/v1/webhooks/{webhook_id}/rotate-secret", RotatedSecret, key, overlap_seconds=overlap_seconds)


def send_test(webhook_id: str, *, key: str | None = None) -> Call[WebhookTest]:
    """Send a test event now."""
    return post(f"/v1/webhooks/{webhook_id}/test", WebhookTest, key)


def dead_letters(webhook_id: str, *, limit: int = PAGE_SIZE) -> PageCall[DeadLetter]:
    """Events that were given up, in the order they happened."""
    return listed(f"/v1/webhooks/{webhook_id}/dead-letters", DeadLetter, limit)


def replay_webhook(webhook_id: str, cursor: str, *, key: str | None = None) -> Call[Webhook]:
    """Deliver everything after a place again, with the same ids as the first time."""
    return post(f"/v1/webhooks/{webhook_id}/replay", Webhook, key, cursor=cursor)
