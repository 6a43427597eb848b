"""Agents and what only they may know of themselves."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.tables import ActivityEvent, Agent, AgentLimits, Store
from domain.market.errors import AGENT_NOT_FOUND
from domain.platform.identity import AgentType


async def insert_agent(
    session: AsyncSession,
    agent_id: UUID,
    agent_type: AgentType,
    handle: str,
    display_name: str,
    bio: str | None,
    avatar_url: str | None,
) -> Agent:
    """A new agent. The handle's unique constraint refuses a taken one."""
    agent = Agent(
        agent_id=agent_id,
        agent_type=agent_type,
        handle=handle,
        display_name=display_name,
        bio=bio,
        avatar_url=avatar_url,
    )
    session.add(agent)
    await session.flush()
    await session.refresh(agent)
    return agent


async def get_agent(session: AsyncSession, agent_id: UUID) -> Agent:
    """Raises agent.not_found."""
    agent = await session.get(Agent, agent_id)
    if agent is None:
        raise AGENT_NOT_FOUND.error()
    return agent


def day_of(time: datetime) -> datetime:
    """The beginning of its day in UTC."""
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def last_active_day(session: AsyncSession, agent_id: UUID) -> datetime | None:
    """The beginning, in UTC, of the day of the agent's newest public event: nothing that the feed does not tell."""
    query = select(ActivityEvent.c.created_at).where(ActivityEvent.c.actor_agent_id == agent_id)
    newest = await session.scalar(query.order_by(ActivityEvent.c.created_at.desc()).limit(1))
    return newest and day_of(newest)


async def get_last_call(session: AsyncSession) -> datetime | None:
    """When the transaction's viewer last called. Nobody is told another's."""
    last: datetime | None = await session.scalar(text("SELECT souk_last_active()"))
    return last


async def list_store_ids(session: AsyncSession, merchant_id: UUID) -> list[UUID]:
    query = select(Store.c.store_id).where(Store.c.owner_merchant_id == merchant_id).order_by(Store.c.store_id)
    return list(await session.scalars(query))


async def get_agent_limits(session: AsyncSession, agent_id: UUID) -> AgentLimits | None:
    """The agent's own limits; row-level security shows nobody else's."""
    return await session.get(AgentLimits, agent_id, populate_existing=True)


async def put_agent_limits(
    session: AsyncSession, agent_id: UUID, spend_cap_cents: int | None, max_open_negotiations: int | None
) -> None:
    """Replace the agent's limits; None lifts one."""
    values = {
        "spend_cap_cents": spend_cap_cents,
        "max_open_negotiations": max_open_negotiations,
        "updated_at": func.now(),
    }
    await session.execute(
        insert(AgentLimits)
        .values(agent_id=agent_id, **values)
        .on_conflict_do_update(index_elements=["agent_id"], set_=values)
    )
