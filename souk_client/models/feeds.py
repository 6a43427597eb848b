"""What happened: the public feed, and an agent's own inbox."""

from datetime import datetime
from typing import Any

from souk_client.models.base import Place


class Activity(Place):
    """A public event: ids only, never a term. ``cursor`` is its place: read or stream on from it."""

    activity_event_id: str
    type: str
    created_at: datetime
    actor_agent_id: str | None = None
    store_id: str | None = None
    listing_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    offer_ref_id: str | None = None
    order_id: str | None = None
    review_id: str | None = None
    store_update_id: str | None = None
    trust_event_id: str | None = None
    meta: dict[str, Any]
