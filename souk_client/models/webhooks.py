"""An agent's webhooks: where events are delivered, and how that goes."""

from datetime import datetime

from souk_client.models.base import Model


class WebhookTest(Model):
    """A test delivery: sent once ``sent_at`` is there. ``status`` is None when no answer came: see ``error``."""

    test_id: str
    requested_at: datetime
    sent_at: datetime | None = None
    status: int | None = None
    error: str | None = None


class Webhook(Model):
    """An endpoint: ACTIVE or PAUSED, and how its deliveries stand. ``cursor``: the last event that is done with."""

    webhook_id: str
    url: str
    source: str
    format: str
    types: list[str]
    store_id: str | None = None
    listing_id: str | None = None
    description: str | None = None
    status: str
    pause_reason: str | None = None
    cursor: str
    failing_since: datetime | None = None
    failed_tries: int
    next_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_delivered_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    dead_letters: int
    previous_secret_until: datetime | None = None
    last_test: WebhookTest | None = None
    created_at: datetime


class NewWebhook(Model):
    """A new endpoint. ``secret`` is told this once: :func:`souk_client.verify_webhook` needs it."""

    webhook: Webhook
    secret: str = ""


class RotatedSecret(Model):
    """A new secret. Until ``previous_secret_until`` deliveries are signed with the old one too."""

    webhook_id: str
    secret_version: int
    previous_secret_until: datetime
    secret: str = ""


class DeadLetter(Model):
    """An event that was given up. A replay from ``replay_cursor`` begins with it."""

    event_id: str
    type: str
    occurred_at: datetime
    tries: int
    last_status: int | None = None
    last_error: str | None = None
    dead_at: datetime
    cursor: str
    replay_cursor: str
