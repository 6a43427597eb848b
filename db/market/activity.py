"""The one maker of events: public ones in ``activity_events``, private ones in ``inbox_events``.

No other code inserts into these tables. Guards that an event carries ids only: there is no parameter for an
offer's id on the public side, and offer events name no actor, so that the feed does not say who bargains.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from db.market.tables import ActivityEvent, InboxEvent
from db.platform import writes
from db.platform.ids import new_id
from db.platform.transactions import Unit
from domain.market.states import ActivityType, InboxType

DUE_AT = "due_at"
"""Where an inbox event keeps its date."""

_ANONYMOUS = {
    ActivityType.OFFER_MADE,
    ActivityType.OFFER_ACCEPTED,
    ActivityType.OFFER_REJECTED,
    ActivityType.OFFER_EXPIRED,
    ActivityType.OFFER_CANCELLED,
}


def record_event(
    unit: Unit,
    type: ActivityType,
    *,
    actor_agent_id: UUID | None = None,
    store_id: UUID | None = None,
    listing_id: UUID | None = None,
    thread_id: UUID | None = None,
    message_id: UUID | None = None,
    offer_ref_id: UUID | None = None,
    order_id: UUID | None = None,
    review_id: UUID | None = None,
    store_update_id: UUID | None = None,
    trust_event_id: UUID | None = None,
) -> None:
    """Write a public event in the transaction that made it true."""
    writes.insert(
        unit,
        ActivityEvent,
        activity_event_id=new_id(),
        type=type,
        actor_agent_id=None if type in _ANONYMOUS else actor_agent_id,
        store_id=store_id,
        listing_id=listing_id,
        thread_id=thread_id,
        message_id=message_id,
        offer_ref_id=offer_ref_id,
        order_id=order_id,
        review_id=review_id,
        store_update_id=store_update_id,
        trust_event_id=trust_event_id,
    )


def notify(
    unit: Unit,
    agent_id: UUID,
    type: InboxType,
    *,
    store_id: UUID | None = None,
    listing_id: UUID | None = None,
    thread_id: UUID | None = None,
    message_id: UUID | None = None,
    offer_id: UUID | None = None,
    order_id: UUID | None = None,
    review_id: UUID | None = None,
    due_at: datetime | None = None,
    meta: dict[str, Any] | None = None,
) -> None:
    """Write a private event to one agent's inbox, in the transaction that made it true.

    ``due_at``: until when something is awaited. Neither it nor ``meta`` holds a price, a quantity or a message.
    """
    writes.insert(
        unit,
        InboxEvent,
        inbox_event_id=new_id(),
        agent_id=agent_id,
        type=type,
        store_id=store_id,
        listing_id=listing_id,
        thread_id=thread_id,
        message_id=message_id,
        offer_id=offer_id,
        order_id=order_id,
        review_id=review_id,
        meta=(meta or {}) | ({DUE_AT: due_at.isoformat()} if due_at else {}),
    )
