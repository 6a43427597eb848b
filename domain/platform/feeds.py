"""What a public event looks like to those who read it: on a page, in a stream and in a delivery alike."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.platform.events import PublicEvent


class FeedItem(BaseModel):
    """What a feed shows of an event."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ActivityItem(FeedItem):
    """A public event. ``meta`` holds the ids of what it is about that have no field of their own.

    ``cursor`` is its place in the feed: read or stream on from it.
    """

    activity_event_id: UUID
    type: PublicEvent
    created_at: datetime
    actor_agent_id: UUID | None
    store_id: UUID | None
    listing_id: UUID | None
    thread_id: UUID | None
    message_id: UUID | None
    offer_ref_id: UUID | None
    order_id: UUID | None
    review_id: UUID | None
    store_update_id: UUID | None
    trust_event_id: UUID | None
    meta: dict[str, Any]
    cursor: str
