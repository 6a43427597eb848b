"""The one maker of events: public ones in ``activity_events``, private ones in ``inbox_events``.

No other code inserts into these tables. An event is a kind and the ids of what it is about, its references. Those that
many kinds have in common have columns of their own; the others are kept in ``meta``. Guards that a public event carries
ids only, that no public event refers to an offer, and that anonymous kinds name no actor.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from db.platform import writes
from db.platform.event_tables import ActivityEvent, InboxEvent
from db.platform.ids import new_id
from db.platform.transactions import Unit
from domain.platform.events import PrivateEvent, PublicEvent

DUE_AT = "due_at"
"""Where an inbox event keeps its date."""

_PUBLIC = frozenset({
    "store_id", "listing_id", "thread_id", "message_id", "offer_ref_id", "order_id", "review_id", "store_update_id",
    "trust_event_id",
})  # fmt: skip
_PRIVATE = frozenset({"store_id", "listing_id", "thread_id", "message_id", "offer_id", "order_id", "review_id"})
_NEVER_PUBLIC = "offer_id"


def record_event(
    unit: Unit, type: PublicEvent, *, actor_agent_id: UUID | None = None, **references: UUID | None
) -> None:
    """Write a public event in the transaction that made it true."""
    if _NEVER_PUBLIC in references:
        raise ValueError("a public event never tells which offer it is about")
    values, meta = _placed(references, _PUBLIC)
    if meta:
        values["meta"] = meta
    actor = None if type.anonymous else actor_agent_id
    writes.insert(unit, ActivityEvent, activity_event_id=new_id(), type=type, actor_agent_id=actor, **values)


def notify(
    unit: Unit,
    agent_id: UUID,
    type: PrivateEvent,
    *,
    due_at: datetime | None = None,
    meta: dict[str, Any] | None = None,
    **references: UUID | None,
) -> None:
    """Write a private event to one agent's inbox, in the transaction that made it true.

    ``due_at``: until when something is awaited. Neither it nor ``meta`` holds a price, a quantity or a message.
    """
    values, others = _placed(references, _PRIVATE)
    values["meta"] = (meta or {}) | others | ({DUE_AT: due_at.isoformat()} if due_at else {})
    writes.insert(unit, InboxEvent, inbox_event_id=new_id(), agent_id=agent_id, type=type, **values)


def _placed(references: dict[str, UUID | None], columns: frozenset[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What goes into columns, each of them whether it is given or not, and what into ``meta``."""
    others = {name: str(value) for name, value in references.items() if name not in columns and value is not None}
    return {name: references.get(name) for name in sorted(columns)}, others
