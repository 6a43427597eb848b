"""What goes in and out of the webhook routes."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from api.market.views import NOW, uid
from api.platform.schemas import Name, RequestModel, ResponseModel, example
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.platform.cursors import encode_cursor
from domain.platform.numbers import Whole
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import PauseReason, WebhookFormat, WebhookSource, WebhookStatus

MAX_TYPES = 50
MAX_OVERLAP_SECONDS = 7 * 24 * 3600

_WEBHOOK: dict[str, Any] = {
    "webhook_id": uid(0xB0),
    "url": "https://agent.example/souk",
    "source": "INBOX",
    "format": "STANDARD",
    "types": ["OFFER_MADE", "ORDER_PLACED"],
    "store_id": None,
    "listing_id": None,
    "description": "Orders and offers",
    "status": "ACTIVE",
    "pause_reason": None,
    "cursor": "WzgxMiwxMDQ0XQ",
    "failing_since": None,
    "failed_tries": 0,
    "next_attempt_at": None,
    "last_attempt_at": NOW,
    "last_delivered_at": NOW,
    "last_status": 204,
    "last_error": None,
    "dead_letters": 0,
    "previous_secret_until": None,
    "last_test": None,
    "created_at": NOW,
}
_SHOWN = "whsec_q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJ0A8="
_TEST: dict[str, Any] = {
    "test_id": uid(0xB1),
    "requested_at": NOW,
    "sent_at": None,
    "status": None,
    "error": None,
}

Address = Annotated[str, StringConstraints(min_length=8, max_length=2_000)]
EventType = Annotated[str, StringConstraints(max_length=60, pattern=r"^[A-Z_]{1,60}$")]
EventTypes = Annotated[list[EventType], Field(max_length=MAX_TYPES, description="event types; none is all of them")]


class WebhookIn(RequestModel):
    """``store_id`` and ``listing_id`` narrow ACTIVITY. ``types`` are the source's."""

    url: Address
    source: WebhookSource
    types: EventTypes = []
    store_id: UUID | None = None
    listing_id: UUID | None = None
    description: Name | None = None
    model_config = example(
        {
            "url": "https://agent.example/souk",
            "source": "INBOX",
            "types": ["OFFER_MADE", "ORDER_PLACED"],
            "description": "Orders and offers",
        }
    )


class WebhookPatch(RequestModel):
    """Fields that are left out stay. ACTIVE goes on from the cursor at once, with all tries left."""

    url: Address | None = None
    types: EventTypes | None = None
    description: Name | None = None
    status: WebhookStatus | None = None
    model_config = example({"status": "ACTIVE"})


class WebhookTest(ResponseModel):
    """A test event: sent once ``sent_at`` is there. ``status`` is null when no answer came: see ``error``."""

    test_id: UUID
    requested_at: datetime
    sent_at: datetime | None
    status: int | None
    error: str | None
    model_config = example(_TEST)


class WebhookOut(ResponseModel):
    """An endpoint and how its deliveries stand.

    ``cursor``: the last event that is done with. ``failed_tries`` of the event that stands first in line.
    ``failing_since``: nothing was delivered since then. ``dead_letters``: how many events were given up.
    """

    webhook_id: UUID
    url: str
    source: WebhookSource
    format: WebhookFormat
    types: list[str]
    store_id: UUID | None
    listing_id: UUID | None
    description: str | None
    status: WebhookStatus
    pause_reason: PauseReason | None
    cursor: str
    failing_since: datetime | None
    failed_tries: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    dead_letters: int
    previous_secret_until: datetime | None
    last_test: WebhookTest | None
    created_at: datetime
    model_config = example(_WEBHOOK)

    @classmethod
    def of(cls, row: WebhookEndpoint, dead_letters: int = 0) -> Self:
        test = None
        if row.test_id is not None and row.test_requested_at is not None:
            test = WebhookTest(
                test_id=row.test_id,
                requested_at=row.test_requested_at,
                sent_at=row.test_sent_at,
                status=row.test_status,
                error=row.test_error,
            )
        special = {"cursor", "dead_letters", "last_test"}
        own = {name: getattr(row, name) for name in cls.model_fields if name not in special}
        return cls(**own, cursor=encode_cursor(*row.place), dead_letters=dead_letters, last_test=test)


class WebhookMade(ResponseModel):
    """``secret`` is shown by this answer only, and by its repetition with the same Idempotency-Key and API key."""

    webhook: WebhookOut
    secret: str = ""
    model_config = example({"webhook": _WEBHOOK, "secret": _SHOWN})


class Webhooks(ResponseModel):
    items: list[WebhookOut]
    next_cursor: str | None = None


class RotateIn(RequestModel):
    """For how many seconds the old secret signs besides the new one."""

    overlap_seconds: Annotated[int, Whole(0, MAX_OVERLAP_SECONDS)] = int(WebhookPolicy().rotation_overlap_seconds)
    model_config = example({"overlap_seconds": 3600})


class Rotated(ResponseModel):
    webhook_id: UUID
    secret_version: int
    previous_secret_until: datetime
    secret: str = ""
    model_config = example(
        {"webhook_id": uid(0xB0), "secret_version": 2, "previous_secret_until": NOW, "secret": _SHOWN}
    )


class ReplayIn(RequestModel):
    """Deliver everything after this place again: the cursor of an event, or a dead letter's ``replay_cursor``."""

    cursor: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    model_config = example({"cursor": "WzgxMiwxMDQzXQ"})


class DeadLetterOut(ResponseModel):
    """An event that was given up. A replay from ``replay_cursor`` begins with it; ``cursor`` is its own place."""

    event_id: UUID
    type: str
    occurred_at: datetime
    tries: int
    last_status: int | None
    last_error: str | None
    dead_at: datetime
    cursor: str
    replay_cursor: str
    model_config = example(
        {
            "event_id": uid(0xA0),
            "type": "ORDER_PLACED",
            "occurred_at": NOW,
            "tries": 10,
            "last_status": 500,
            "last_error": "the endpoint answered 500",
            "dead_at": NOW,
            "cursor": "WzgxMiwxMDQ0XQ",
            "replay_cursor": "WzgxMiwxMDQzXQ",
        }
    )

    @classmethod
    def of(cls, row: WebhookDeadLetter) -> Self:
        special = {"cursor", "replay_cursor"}
        own = {name: getattr(row, name) for name in cls.model_fields if name not in special}
        before = encode_cursor(row.txid, max(row.seq - 1, 0))
        return cls(**own, cursor=encode_cursor(row.txid, row.seq), replay_cursor=before)
