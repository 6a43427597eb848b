"""Webhook endpoints as their owners keep them: making, finding, changing, replaying.

Under the API's role row-level security shows an agent its own only; every query names the agent besides. What
changes here and what a delivery records meet in one row, so both lock it (``locks.lock_webhook``).
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.platform.commit_order import Position
from db.platform.feed import newest_position
from db.platform.ids import new_id
from db.platform.inbox import newest_inbox_position
from db.platform.transactions import Transaction
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.webhooks.errors import WEBHOOK_NOT_FOUND, WEBHOOK_TOO_MANY
from domain.webhooks.states import PauseReason, WebhookFormat, WebhookSource, WebhookStatus


async def insert_endpoint(
    session: AsyncSession,
    webhook_id: UUID,
    agent_id: UUID,
    *,
    url: str,
    source: WebhookSource,
    types: Sequence[str],
    store_id: UUID | None,
    listing_id: UUID | None,
    description: str | None,
    max_per_agent: int,
) -> WebhookEndpoint:
    """A new endpoint that hears of what happens from now on. Raises webhook.too_many."""
    await locks.lock_agent(await Transaction.of(session), agent_id)
    held = select(func.count()).where(
        WebhookEndpoint.agent_id == agent_id, WebhookEndpoint.format == WebhookFormat.STANDARD
    )
    if (await session.scalar(held) or 0) >= max_per_agent:
        raise WEBHOOK_TOO_MANY.error(limit=max_per_agent)
    place = await _newest(session, source, agent_id)
    endpoint = WebhookEndpoint(
        webhook_id=webhook_id,
        agent_id=agent_id,
        url=url,
        source=source,
        types=list(types),
        store_id=store_id,
        listing_id=listing_id,
        description=description,
        cursor_txid=place[0],
        cursor_seq=place[1],
    )
    session.add(endpoint)
    await session.flush()
    await session.refresh(endpoint)
    return endpoint


async def ensure_endpoint(
    session: AsyncSession, agent_id: UUID, url: str, source: WebhookSource, format: str, types: Sequence[str]
) -> UUID:
    """The endpoint the market itself keeps for an agent in another format than STANDARD: one per source and format.

    Made, hearing of what happens from now on, or moved to ``url`` and ``types``; a new address starts with a
    clean slate. The caller has checked the address (``check_url``), runs this with the agent
    as the transaction's viewer, and wakes the process after the commit (``activities.webhooks.waking``).
    Raises ValueError for STANDARD: those are made by their owners.
    """
    if format == WebhookFormat.STANDARD:
        raise ValueError("endpoints of the format STANDARD are made by their owners")
    place = await _newest(session, source, agent_id)
    made = insert(WebhookEndpoint).values(
        webhook_id=new_id(),
        agent_id=agent_id,
        url=url,
        source=source,
        format=format,
        types=list(types),
        cursor_txid=place[0],
        cursor_seq=place[1],
    )
    # Two who ensure the same one at once: the second waits here and finds the first one's.
    await session.execute(
        made.on_conflict_do_nothing(
            index_elements=["agent_id", "source", "format"], index_where=text("format <> 'STANDARD'")
        )
    )
    kept = await session.scalar(
        select(WebhookEndpoint.webhook_id).where(
            WebhookEndpoint.agent_id == agent_id, WebhookEndpoint.source == source, WebhookEndpoint.format == format
        )
    )
    assert kept is not None
    endpoint = await locks.lock_webhook(session, kept)
    assert endpoint is not None
    endpoint.types = list(types)
    if endpoint.url != url:
        endpoint.url = url
        activate(endpoint)
    return kept


def activate(endpoint: WebhookEndpoint) -> None:
    """Deliver on from the cursor, at once and with all tries left."""
    endpoint.status = WebhookStatus.ACTIVE
    endpoint.pause_reason = None
    endpoint.failed_tries = 0
    endpoint.failing_since = None
    endpoint.next_attempt_at = None


def pause(endpoint: WebhookEndpoint, reason: PauseReason) -> None:
    """Keep the cursor where it is and deliver nothing."""
    endpoint.status = WebhookStatus.PAUSED
    endpoint.pause_reason = reason
    endpoint.next_attempt_at = None


async def get_endpoint(session: AsyncSession, agent_id: UUID, webhook_id: UUID) -> WebhookEndpoint:
    """Raises webhook.not_found, also for another agent's."""
    found = await session.get(WebhookEndpoint, webhook_id)
    if found is None or found.agent_id != agent_id:
        raise WEBHOOK_NOT_FOUND.error()
    return found


async def lock_endpoint(session: AsyncSession, agent_id: UUID, webhook_id: UUID) -> WebhookEndpoint:
    """An agent's endpoint, locked. Raises webhook.not_found, also for another agent's."""
    found = await locks.lock_webhook(session, webhook_id)
    if found is None or found.agent_id != agent_id:
        raise WEBHOOK_NOT_FOUND.error()
    return found


async def list_endpoints(session: AsyncSession, agent_id: UUID) -> list[WebhookEndpoint]:
    """An agent's endpoints, the oldest first. There are few."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.agent_id == agent_id)
    return list(await session.scalars(query.order_by(WebhookEndpoint.webhook_id)))


async def delete_endpoint(session: AsyncSession, agent_id: UUID, webhook_id: UUID) -> None:
    """With its dead letters. Raises webhook.not_found."""
    endpoint = await lock_endpoint(session, agent_id, webhook_id)
    await session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.webhook_id == endpoint.webhook_id))


async def rotate_secret(
    session: AsyncSession, agent_id: UUID, webhook_id: UUID, overlap_seconds: float
) -> WebhookEndpoint:
    """Go on to the next secret; the last one signs besides for as long as the overlap lasts."""
    endpoint = await lock_endpoint(session, agent_id, webhook_id)
    endpoint.secret_version += 1
    endpoint.previous_secret_until = await locks.clock(session) + timedelta(seconds=overlap_seconds)
    return endpoint


async def request_test(session: AsyncSession, agent_id: UUID, webhook_id: UUID, test_id: UUID) -> WebhookEndpoint:
    """Ask for a test event. A test that was asked for before and not yet sent gives way."""
    endpoint = await lock_endpoint(session, agent_id, webhook_id)
    endpoint.test_id = test_id
    endpoint.test_requested_at = await locks.clock(session)
    endpoint.test_sent_at = endpoint.test_status = endpoint.test_error = None
    return endpoint


async def replay(session: AsyncSession, agent_id: UUID, webhook_id: UUID, place: Position) -> WebhookEndpoint:
    """Deliver everything after a place, again where it was delivered before; at once, with all tries left."""
    endpoint = await lock_endpoint(session, agent_id, webhook_id)
    endpoint.cursor_txid, endpoint.cursor_seq = place
    endpoint.failed_tries = 0
    endpoint.failing_since = None
    endpoint.next_attempt_at = None
    return endpoint


async def list_dead_letters(
    session: AsyncSession, webhook_id: UUID, after: Position | None, limit: int
) -> list[WebhookDeadLetter]:
    """In the order of their events."""
    table = WebhookDeadLetter
    query = select(table).where(table.webhook_id == webhook_id).order_by(table.txid, table.seq).limit(limit)
    if after is not None:
        query = query.where(tuple_(*after) < tuple_(table.txid, table.seq))
    return list(await session.scalars(query))


async def count_dead_letters(session: AsyncSession, webhook_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many each has; none are left out."""
    table = WebhookDeadLetter
    query = select(table.webhook_id, func.count()).where(table.webhook_id.in_(webhook_ids)).group_by(table.webhook_id)
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def _newest(session: AsyncSession, source: WebhookSource, agent_id: UUID) -> Position:
    if source is WebhookSource.INBOX:
        return await newest_inbox_position(await Transaction.of(session), agent_id)
    return await newest_position(await Transaction.of(session))
