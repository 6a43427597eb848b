"""Webhook endpoints as their owners keep them: making, finding, changing, replaying.

Under the API's role row-level security shows an agent its own only; every query names the agent besides. What
changes here and what a delivery records meet in one row, so both lock it (``locks.lock_webhook``).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, any_, bindparam, delete, func, insert, select, text, tuple_
from sqlalchemy.dialects import postgresql

from db import locks
from db.platform import writes
from db.platform.commit_order import Position
from db.platform.feed import newest_position
from db.platform.ids import new_id
from db.platform.inbox import newest_inbox_position
from db.platform.reading import LIMIT
from db.platform.statements import Query
from db.platform.transactions import Transaction
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.webhooks.errors import WEBHOOK_NOT_FOUND, WEBHOOK_TOO_MANY
from domain.webhooks.states import PauseReason, WebhookFormat, WebhookSource, WebhookStatus

_endpoint, _letter = WebhookEndpoint.table, WebhookDeadLetter.table
_AGENT, _WEBHOOK = bindparam("agent_id", type_=Uuid()), bindparam("webhook_id", type_=Uuid())
_HELD = Query(
    select(func.count()).where(_endpoint.c.agent_id == _AGENT, _endpoint.c.format == WebhookFormat.STANDARD), int
)
_INSERT = Query(
    insert(_endpoint)
    .values(
        {
            name: bindparam(name, type_=_endpoint.c[name].type)
            for name in (
                "webhook_id",
                "agent_id",
                "url",
                "source",
                "types",
                "store_id",
                "listing_id",
                "description",
                "cursor_txid",
                "cursor_seq",
            )
        }
    )
    .returning(*WebhookEndpoint.columns),
    WebhookEndpoint,
)
_KEPT = ("webhook_id", "agent_id", "url", "source", "format", "types", "cursor_txid", "cursor_seq")
_ENSURE = Query(
    postgresql.insert(_endpoint)
    .values({name: bindparam(name, type_=_endpoint.c[name].type) for name in _KEPT})
    .on_conflict_do_nothing(index_elements=["agent_id", "source", "format"], index_where=text("format <> 'STANDARD'"))
)
_OF_FORMAT = Query(
    select(_endpoint.c.webhook_id).where(
        _endpoint.c.agent_id == _AGENT,
        _endpoint.c.source == bindparam("source"),
        _endpoint.c.format == bindparam("format"),
    ),
    UUID,
)
_OF_AGENT = Query(
    select(*WebhookEndpoint.columns).where(_endpoint.c.agent_id == _AGENT).order_by(_endpoint.c.webhook_id),
    WebhookEndpoint,
)
_DELETE = Query(delete(_endpoint).where(_endpoint.c.webhook_id == _WEBHOOK))
_DELETE_OF_FORMAT = Query(
    delete(_endpoint).where(_endpoint.c.agent_id == _AGENT, _endpoint.c.format == bindparam("format"))
)
_BIG = BigInteger()
_LETTERS = Query(
    select(*WebhookDeadLetter.columns)
    .where(
        _letter.c.webhook_id == _WEBHOOK,
        tuple_(_letter.c.txid, _letter.c.seq) > tuple_(bindparam("txid", type_=_BIG), bindparam("seq", type_=_BIG)),
    )
    .order_by(_letter.c.txid, _letter.c.seq)
    .limit(LIMIT),
    WebhookDeadLetter,
)
_COUNT = Query(
    select(_letter.c.webhook_id, func.count())
    .where(_letter.c.webhook_id == any_(bindparam("webhook_ids", type_=ARRAY(Uuid()))))
    .group_by(_letter.c.webhook_id),
    UUID,
    int,
)
_BEFORE_ALL: Position = (-1, -1)


async def insert_endpoint(
    transaction: Transaction,
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
    await locks.lock_agent(transaction, agent_id)
    if await transaction.one(_HELD, agent_id=agent_id) >= max_per_agent:
        raise WEBHOOK_TOO_MANY.error(limit=max_per_agent)
    place = await _newest(transaction, source, agent_id)
    return await transaction.one(
        _INSERT,
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


async def ensure_endpoint(
    transaction: Transaction, agent_id: UUID, url: str, source: WebhookSource, format: str, types: Sequence[str]
) -> UUID:
    """The endpoint the market itself keeps for an agent in another format than STANDARD: one per source and format.

    Made, hearing of what happens from now on, or moved to ``url`` and ``types``; a new address starts with a
    clean slate. The caller has checked the address (``check_url``), runs this with the agent
    as the transaction's viewer, and wakes the process after the commit (``activities.webhooks.waking``).
    Raises ValueError for STANDARD: those are made by their owners.
    """
    if format == WebhookFormat.STANDARD:
        raise ValueError("endpoints of the format STANDARD are made by their owners")
    place = await _newest(transaction, source, agent_id)
    # Two who ensure the same one at once: the second waits here and finds the first one's.
    await transaction.rows(
        _ENSURE,
        webhook_id=new_id(),
        agent_id=agent_id,
        url=url,
        source=source,
        format=format,
        types=list(types),
        cursor_txid=place[0],
        cursor_seq=place[1],
    )
    kept = await transaction.one(_OF_FORMAT, agent_id=agent_id, source=source, format=format)
    endpoint = await locks.lock_webhook(transaction, kept)
    assert endpoint is not None
    moved = {"url": url, **ACTIVE} if endpoint.url != url else {}
    writes.change(transaction, endpoint, types=list(types), **moved)
    return kept


async def delete_format(transaction: Transaction, agent_id: UUID, format: WebhookFormat) -> None:
    """Delete what the market keeps for an agent in a format."""
    await transaction.rows(_DELETE_OF_FORMAT, agent_id=agent_id, format=format)


ACTIVE = {
    "status": WebhookStatus.ACTIVE.value,
    "pause_reason": None,
    "failed_tries": 0,
    "failing_since": None,
    "next_attempt_at": None,
}
"""Deliver on from the cursor, at once and with all tries left."""


def paused(reason: PauseReason) -> dict[str, Any]:
    """Keep the cursor where it is and deliver nothing."""
    return {"status": WebhookStatus.PAUSED.value, "pause_reason": reason.value, "next_attempt_at": None}


async def get_endpoint(transaction: Transaction, agent_id: UUID, webhook_id: UUID) -> WebhookEndpoint:
    """Raises webhook.not_found, also for another agent's."""
    found = await transaction.get(WebhookEndpoint, webhook_id)
    if found is None or found.agent_id != agent_id:
        raise WEBHOOK_NOT_FOUND.error()
    return found


async def lock_endpoint(transaction: Transaction, agent_id: UUID, webhook_id: UUID) -> WebhookEndpoint:
    """An agent's endpoint, locked. Raises webhook.not_found, also for another agent's."""
    found = await locks.lock_webhook(transaction, webhook_id)
    if found is None or found.agent_id != agent_id:
        raise WEBHOOK_NOT_FOUND.error()
    return found


async def list_endpoints(transaction: Transaction, agent_id: UUID) -> list[WebhookEndpoint]:
    """An agent's endpoints, the oldest first. There are few."""
    return await transaction.rows(_OF_AGENT, agent_id=agent_id)


async def delete_endpoint(transaction: Transaction, agent_id: UUID, webhook_id: UUID) -> None:
    """With its dead letters. Raises webhook.not_found."""
    endpoint = await lock_endpoint(transaction, agent_id, webhook_id)
    await transaction.rows(_DELETE, webhook_id=endpoint.webhook_id)


async def rotate_secret(
    transaction: Transaction, agent_id: UUID, webhook_id: UUID, overlap_seconds: float
) -> WebhookEndpoint:
    """Go on to the next secret; the last one signs besides for as long as the overlap lasts."""
    endpoint = await lock_endpoint(transaction, agent_id, webhook_id)
    until = await locks.clock(transaction) + timedelta(seconds=overlap_seconds)
    version = endpoint.secret_version + 1
    return writes.change(transaction, endpoint, secret_version=version, previous_secret_until=until)


async def request_test(transaction: Transaction, agent_id: UUID, webhook_id: UUID, test_id: UUID) -> WebhookEndpoint:
    """Ask for a test event. A test that was asked for before and not yet sent gives way."""
    endpoint = await lock_endpoint(transaction, agent_id, webhook_id)
    asked = {"test_id": test_id, "test_requested_at": await locks.clock(transaction)}
    return writes.change(transaction, endpoint, **asked, test_sent_at=None, test_status=None, test_error=None)


async def replay(transaction: Transaction, agent_id: UUID, webhook_id: UUID, place: Position) -> WebhookEndpoint:
    """Deliver everything after a place, again where it was delivered before; at once, with all tries left."""
    endpoint = await lock_endpoint(transaction, agent_id, webhook_id)
    return writes.change(transaction, endpoint, failing_since=None, **at(place))


def at(place: Position) -> dict[str, Any]:
    """On from this place, with all tries."""
    return {"cursor_txid": place[0], "cursor_seq": place[1], "failed_tries": 0, "next_attempt_at": None}


async def list_dead_letters(
    transaction: Transaction, webhook_id: UUID, after: Position | None, limit: int
) -> list[WebhookDeadLetter]:
    """In the order of their events."""
    txid, seq = after or _BEFORE_ALL
    return await transaction.rows(_LETTERS, webhook_id=webhook_id, txid=txid, seq=seq, limit=limit)


async def count_dead_letters(transaction: Transaction, webhook_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many each has; none are left out."""
    return dict(await transaction.rows(_COUNT, webhook_ids=list(webhook_ids)))


async def _newest(transaction: Transaction, source: WebhookSource, agent_id: UUID) -> Position:
    if source is WebhookSource.INBOX:
        return await newest_inbox_position(transaction, agent_id)
    return await newest_position(transaction)
