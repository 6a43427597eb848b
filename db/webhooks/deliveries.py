"""What a delivery reads and writes: the event that stands first in line, and what became of a try.

Everything is recorded under the endpoint's lock and only if its cursor still stands where the event was read:
a replay or another run that moved it meanwhile wins, and the try counts for nothing but the receiver.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.market.inbox import inbox_items
from db.platform.commit_order import Position, position_of
from db.platform.events import notify
from db.platform.feed import FeedFilter, activity_item, list_after
from db.platform.inbox import InboxFilter, list_inbox_after
from db.platform.transactions import Transaction
from db.webhooks.endpoints import pause
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.market.feeds import InboxItem
from domain.platform.events import PrivateEvent, PublicEvent
from domain.platform.feeds import ActivityItem
from domain.webhooks.delivery import Attempt, Consequence, decide_delivery
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import PauseReason, WebhookNews, WebhookSource, WebhookStatus


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event to deliver: its place, the id that is the same on every try, and the item its reader may see."""

    place: Position
    event_id: UUID
    type: str
    occurred_at: datetime
    item: ActivityItem | InboxItem


async def find_next_event(session: AsyncSession, endpoint: WebhookEndpoint) -> PendingEvent | None:
    """The first settled event after the endpoint's cursor that it wants, or None."""
    if endpoint.source == WebhookSource.INBOX:
        kinds = frozenset(PrivateEvent.named(name) for name in endpoint.types)
        found = await list_inbox_after(
            await Transaction.of(session), endpoint.agent_id, endpoint.place, 1, InboxFilter(kinds)
        )
        if not found:
            return None
        items = await inbox_items(await Transaction.of(session), endpoint.agent_id, found)
        return PendingEvent(
            position_of(found[0]), found[0].inbox_event_id, items[0].type.value, items[0].created_at, items[0]
        )
    wanted = FeedFilter(
        store_id=endpoint.store_id,
        listing_id=endpoint.listing_id,
        types=frozenset(PublicEvent.named(name) for name in endpoint.types),
    )
    events = await list_after(await Transaction.of(session), endpoint.place, 1, wanted)
    if not events:
        return None
    item = activity_item(events[0])
    return PendingEvent(position_of(events[0]), item.activity_event_id, item.type.value, item.created_at, item)


async def record_attempt(
    session: AsyncSession,
    webhook_id: UUID,
    read_at: Position,
    event: PendingEvent,
    attempt: Attempt,
    policy: WebhookPolicy,
    luck: float,
) -> Consequence | None:
    """Write what follows from a try. None when the endpoint is gone, paused or was moved meanwhile."""
    endpoint = await locks.lock_webhook(session, webhook_id)
    if endpoint is None or endpoint.place != read_at or endpoint.status != WebhookStatus.ACTIVE:
        return None
    now = await locks.clock(session)
    decision = decide_delivery(
        policy,
        attempt,
        failed_tries=endpoint.failed_tries,
        failing_since=endpoint.failing_since,
        now=now,
        luck=luck,
    )
    endpoint.last_attempt_at = now
    endpoint.last_status = attempt.status
    endpoint.last_error = attempt.error
    if decision.consequence is Consequence.DELIVERED:
        endpoint.last_delivered_at = now
        endpoint.failing_since = None
        advance(endpoint, event.place)
        await session.execute(
            delete(WebhookDeadLetter).where(
                WebhookDeadLetter.webhook_id == webhook_id, WebhookDeadLetter.event_id == event.event_id
            )
        )
        return decision.consequence
    endpoint.failing_since = endpoint.failing_since or now
    match decision.consequence:
        case Consequence.RETRY:
            endpoint.failed_tries += 1
            endpoint.next_attempt_at = decision.next_attempt_at
        case Consequence.DEAD_LETTER:
            await _bury(session, endpoint, event, attempt)
            advance(endpoint, event.place)
        case Consequence.PAUSE_FAILING:
            _give_up(session, endpoint, PauseReason.FAILING)
        case Consequence.PAUSE_GONE:
            _give_up(session, endpoint, PauseReason.GONE)
    return decision.consequence


async def skip_event(session: AsyncSession, webhook_id: UUID, read_at: Position, event: PendingEvent) -> None:
    """Pass by an event that the endpoint's format has nothing to say about."""
    endpoint = await locks.lock_webhook(session, webhook_id)
    if endpoint is not None and endpoint.place == read_at:
        advance(endpoint, event.place)


async def record_test(session: AsyncSession, webhook_id: UUID, test_id: UUID, attempt: Attempt) -> None:
    """How a test went; nothing if another was asked for meanwhile."""
    endpoint = await locks.lock_webhook(session, webhook_id)
    if endpoint is not None and endpoint.test_id == test_id:
        endpoint.test_sent_at = await locks.clock(session)
        endpoint.test_status = attempt.status
        endpoint.test_error = attempt.error


async def purge_dead_letters(session: AsyncSession, retention_days: int) -> int:
    """Forget dead letters past their retention. Returns how many."""
    cutoff = func.now() - func.make_interval(0, 0, 0, retention_days)
    result = await session.execute(delete(WebhookDeadLetter).where(WebhookDeadLetter.dead_at < cutoff))
    assert isinstance(result, CursorResult)
    return result.rowcount


def advance(endpoint: WebhookEndpoint, place: Position) -> None:
    """On to the next event, with all its tries."""
    endpoint.cursor_txid, endpoint.cursor_seq = place
    endpoint.failed_tries = 0
    endpoint.next_attempt_at = None


def _give_up(session: AsyncSession, endpoint: WebhookEndpoint, reason: PauseReason) -> None:
    """Pause, and tell the owner. The event stays first in line."""
    pause(endpoint, reason)
    notify(
        session,
        endpoint.agent_id,
        WebhookNews.WEBHOOK_PAUSED,
        meta={"webhook_id": str(endpoint.webhook_id), "reason": reason.value},
    )


async def _bury(session: AsyncSession, endpoint: WebhookEndpoint, event: PendingEvent, attempt: Attempt) -> None:
    row = {
        "txid": event.place[0],
        "seq": event.place[1],
        "type": event.type,
        "occurred_at": event.occurred_at,
        "tries": endpoint.failed_tries + 1,
        "last_status": attempt.status,
        "last_error": attempt.error,
    }
    made = insert(WebhookDeadLetter).values(webhook_id=endpoint.webhook_id, event_id=event.event_id, **row)
    # A replayed event may die a second time.
    await session.execute(
        made.on_conflict_do_update(
            index_elements=["webhook_id", "event_id"], set_={**row, "dead_at": func.clock_timestamp()}
        )
    )
