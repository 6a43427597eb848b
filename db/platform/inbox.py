"""Reading one agent's private events in commit order.

Under the API's role row-level security shows an agent its own rows only; under the worker's it shows all. So every
query here names its agent besides.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.commit_order import HORIZON, START, Position, after, before, position_of, settled
from db.platform.event_tables import InboxEvent
from domain.platform.events import PrivateEvent


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which events a reader wants; no types are all of them."""

    types: frozenset[PrivateEvent] = frozenset()


def _settled(agent_id: UUID, wanted: InboxFilter) -> Select[InboxEvent]:
    query = settled(InboxEvent).where(InboxEvent.c.agent_id == agent_id)
    if wanted.types:
        query = query.where(InboxEvent.c.type.in_(sorted(wanted.types)))
    return query


async def list_inbox_after(
    session: AsyncSession, agent_id: UUID, place: Position, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events after a place, oldest first."""
    return list(await session.scalars(after(_settled(agent_id, wanted), InboxEvent, place, limit)))


async def list_inbox_before(
    session: AsyncSession, agent_id: UUID, place: Position | None, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events before a place (or the newest there are), newest first."""
    return list(await session.scalars(before(_settled(agent_id, wanted), InboxEvent, place, limit)))


async def newest_inbox_position(session: AsyncSession, agent_id: UUID) -> Position:
    """The place of an agent's last settled event, from which "now" is read on."""
    newest = await list_inbox_before(session, agent_id, None, 1, InboxFilter())
    return position_of(newest[0]) if newest else START


@dataclass(frozen=True, slots=True)
class Stir:
    """Who got something. ``upto``: every transaction below it is counted; ``unsettled``: more is committed."""

    agents: frozenset[UUID]
    upto: int
    unsettled: bool


async def find_stir(session: AsyncSession, since: int) -> Stir:
    """Which of the transaction's watchers got an event by a settled transaction from ``since`` on, and no content."""
    # Cast, so that the list is read once and not for every row.
    watchers = cast(select(func.souk_watchers()).scalar_subquery(), ARRAY(Uuid))
    query = select(
        HORIZON,
        func.array_agg(InboxEvent.c.agent_id.distinct()).filter(InboxEvent.c.txid < HORIZON),
        func.coalesce(func.bool_or(InboxEvent.c.txid >= HORIZON), False),
    ).where(InboxEvent.c.agent_id == any_(watchers), InboxEvent.c.txid >= since)
    upto, stirred, unsettled = (await session.execute(query)).one()
    return Stir(frozenset(stirred or ()), upto, unsettled)


async def get_horizon(session: AsyncSession) -> int:
    """The oldest transaction still running: all below it are settled."""
    return int((await session.execute(select(HORIZON))).scalar_one())
