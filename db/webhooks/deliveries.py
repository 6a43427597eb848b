"""What a delivery reads and writes: the event that stands first in line, and what became of a try.

Everything is recorded under the endpoint's lock and only if its cursor still stands where the event was read:
a replay or another run that moved it meanwhile wins, and the try counts for nothing but the receiver.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func
from sqlalchemy.dialects.postgresql import insert

from db import locks
from db.market.inbox import inbox_items
from db.platform import writes
from db.platform.commit_order import Position, position_of
from db.platform.events import notify
from db.platform.feed import FeedFilter, activity_item, list_after
from db.platform.inbox import InboxFilter, list_inbox_after
from db.platform.statements import Query, counting
from db.platform.transactions import Transaction
from db.webhooks.endpoints import at, paused
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.market.feeds import InboxItem
from domain.platform.events import PrivateEvent, PublicEvent
from domain.platform.feeds import ActivityItem
from domain.webhooks.delivery import Attempt, Consequence, decide_delivery
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import PauseReason, WebhookNews, WebhookSource, WebhookStatus

_letter = WebhookDeadLetter.table
_DIG_UP = Query(
    delete(_letter).where(_letter.c.webhook_id == bindparam("webhook_id"), _letter.c.event_id == bindparam("event_id"))
)
_DEAD = ("txid", "seq", "type", "occurred_at", "tries", "last_status", "last_error")
_BURIED = insert(_letter).values(
    {name: bindparam(name, type_=_letter.c[name].type) for name in ("webhook_id", "event_id", *_DEAD)}
)
# A replayed event may die a second time.
_BURY = Query(
    _BURIED.on_conflict_do_update(
        index_elements=["webhook_id", "event_id"],
        set_={**{name: _BURIED.excluded[name] for name in _DEAD}, "dead_at": func.clock_timestamp()},
    )
)
_TOO_OLD = _letter.c.dead_at < func.now() - func.make_interval(0, 0, 0, bindparam("days"))
_PURGE = counting(delete(_letter).where(_TOO_OLD))


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event to deliver: its place, the id that is the same on every try, and the item its reader may see."""

    place: Position
    event_id: UUID
    type: str
    occurred_at: datetime
    item: ActivityItem | InboxItem


async def find_next_event(transaction: Transaction, endpoint: WebhookEndpoint) -> PendingEvent | None:
    """The first settled event after the endpoint's cursor that it wants, or None."""
    if endpoint.source == WebhookSource.INBOX:
        kinds = frozenset(PrivateEvent.named(name) for name in endpoint.types)
        found = await list_inbox_after(transaction, endpoint.agent_id, endpoint.place, 1, InboxFilter(kinds))
        if not found:
            return None
        items = await inbox_items(transaction, endpoint.agent_id, found)
        return PendingEvent(
            position_of(found[0]), found[0].inbox_event_id, items[0].type.value, items[0].created_at, items[0]
        )
    wanted = FeedFilter(
        store_id=endpoint.store_id,
        listing_id=endpoint.listing_id,
        types=frozenset(PublicEvent.named(name) for name in endpoint.types),
    )
    events = await list_after(transaction, endpoint.place, 1, wanted)
    if not events:
        return None
    item = activity_item(events[0])
    return PendingEvent(position_of(events[0]), item.activity_event_id, item.type.value, item.created_at, item)


async def record_attempt(
    transaction: Transaction,
    webhook_id: UUID,
    read_at: Position,
    event: PendingEvent,
    attempt: Attempt,
    policy: WebhookPolicy,
    luck: float,
) -> Consequence | None:
    """Write what follows from a try. None when the endpoint is gone, paused or was moved meanwhile."""
    endpoint = await locks.lock_webhook(transaction, webhook_id)
    if endpoint is None or endpoint.place != read_at or endpoint.status != WebhookStatus.ACTIVE:
        return None
    now = await locks.clock(transaction)
    decision = decide_delivery(
        policy,
        attempt,
        failed_tries=endpoint.failed_tries,
        failing_since=endpoint.failing_since,
        now=now,
        luck=luck,
    )
    tried: dict[str, Any] = {"last_attempt_at": now, "last_status": attempt.status, "last_error": attempt.error}
    match decision.consequence:
        case Consequence.DELIVERED:
            tried |= {"last_delivered_at": now, "failing_since": None, **at(event.place)}
            await transaction.rows(_DIG_UP, webhook_id=webhook_id, event_id=event.event_id)
        case Consequence.RETRY:
            tried |= {"failed_tries": endpoint.failed_tries + 1, "next_attempt_at": decision.next_attempt_at}
        case Consequence.DEAD_LETTER:
            await _bury(transaction, endpoint, event, attempt)
            tried |= at(event.place)
        case Consequence.PAUSE_FAILING:
            tried |= _give_up(transaction, endpoint, PauseReason.FAILING)
        case Consequence.PAUSE_GONE:
            tried |= _give_up(transaction, endpoint, PauseReason.GONE)
    writes.change(transaction, endpoint, **({"failing_since": endpoint.failing_since or now} | tried))
    return decision.consequence


async def skip_event(transaction: Transaction, webhook_id: UUID, read_at: Position, event: PendingEvent) -> None:
    """Pass by an event that the endpoint's format has nothing to say about."""
    endpoint = await locks.lock_webhook(transaction, webhook_id)
    if endpoint is not None and endpoint.place == read_at:
        writes.change(transaction, endpoint, **at(event.place))


async def record_test(transaction: Transaction, webhook_id: UUID, test_id: UUID, attempt: Attempt) -> None:
    """How a test went; nothing if another was asked for meanwhile."""
    endpoint = await locks.lock_webhook(transaction, webhook_id)
    if endpoint is not None and endpoint.test_id == test_id:
        now = await locks.clock(transaction)
        writes.change(transaction, endpoint, test_sent_at=now, test_status=attempt.status, test_error=attempt.error)


async def purge_dead_letters(transaction: Transaction, retention_days: int) -> int:
    """Forget dead letters past their retention. Returns how many."""
    return await transaction.one(_PURGE, days=retention_days)


def _give_up(transaction: Transaction, endpoint: WebhookEndpoint, reason: PauseReason) -> dict[str, Any]:
    """Pause, and tell the owner. The event stays first in line."""
    notify(
        transaction,
        endpoint.agent_id,
        WebhookNews.WEBHOOK_PAUSED,
        meta={"webhook_id": str(endpoint.webhook_id), "reason": reason.value},
    )
    return paused(reason)


async def _bury(transaction: Transaction, endpoint: WebhookEndpoint, event: PendingEvent, attempt: Attempt) -> None:
    await transaction.rows(
        _BURY,
        webhook_id=endpoint.webhook_id,
        event_id=event.event_id,
        txid=event.place[0],
        seq=event.place[1],
        type=event.type,
        occurred_at=event.occurred_at,
        tries=endpoint.failed_tries + 1,
        last_status=attempt.status,
        last_error=attempt.error,
    )
