"""Agents and what only they may know of themselves."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import DateTime, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from db.market.tables import ActivityEvent, Agent, AgentLimits, Store
from db.platform import writes
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.errors import AGENT_NOT_FOUND
from domain.platform.identity import AgentType

_LAST_EVENT = Query(
    select(ActivityEvent.c.created_at)
    .where(ActivityEvent.c.actor_agent_id == bindparam("agent_id"))
    .order_by(ActivityEvent.c.created_at.desc())
    .limit(1),
    datetime,
)
_LAST_CALL = Query(select(func.souk_last_active(type_=DateTime(timezone=True))), datetime)
_STORES = Query(
    select(Store.c.store_id).where(Store.c.owner_merchant_id == bindparam("merchant_id")).order_by(Store.c.store_id),
    UUID,
)
_new_limits = insert(AgentLimits.table).values(
    {name: bindparam(name) for name in ("agent_id", "spend_cap_cents", "max_open_negotiations")}
)
_PUT_LIMITS = Query(
    _new_limits.on_conflict_do_update(
        index_elements=["agent_id"],
        set_={
            "spend_cap_cents": _new_limits.excluded.spend_cap_cents,
            "max_open_negotiations": _new_limits.excluded.max_open_negotiations,
            "updated_at": func.now(),
        },
    )
)


async def insert_agent(
    transaction: Transaction,
    agent_id: UUID,
    agent_type: AgentType,
    handle: str,
    display_name: str,
    bio: str | None,
    avatar_url: str | None,
) -> Agent:
    """A new agent. The handle's unique constraint refuses a taken one."""
    writes.insert(
        transaction,
        Agent,
        agent_id=agent_id,
        agent_type=agent_type,
        handle=handle,
        display_name=display_name,
        bio=bio,
        avatar_url=avatar_url,
    )
    await writes.send(transaction)
    return await transaction.get_one(Agent, agent_id)


async def get_agent(transaction: Transaction, agent_id: UUID) -> Agent:
    """Raises agent.not_found."""
    return await transaction.require(Agent, agent_id, AGENT_NOT_FOUND)


def day_of(time: datetime) -> datetime:
    """The beginning of its day in UTC."""
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def last_active_day(transaction: Transaction, agent_id: UUID) -> datetime | None:
    """The beginning, in UTC, of the day of the agent's newest public event: nothing that the feed does not tell."""
    newest = await transaction.one_or_none(_LAST_EVENT, agent_id=agent_id)
    return newest and day_of(newest)


async def get_last_call(transaction: Transaction) -> datetime | None:
    """When the transaction's viewer last called. Nobody is told another's."""
    return await transaction.one_or_none(_LAST_CALL)


async def list_store_ids(transaction: Transaction, merchant_id: UUID) -> list[UUID]:
    return await transaction.rows(_STORES, merchant_id=merchant_id)


async def get_agent_limits(transaction: Transaction, agent_id: UUID) -> AgentLimits | None:
    """The agent's own limits; row-level security shows nobody else's."""
    return await transaction.get(AgentLimits, agent_id)


async def put_agent_limits(
    transaction: Transaction, agent_id: UUID, spend_cap_cents: int | None, max_open_negotiations: int | None
) -> None:
    """Replace the agent's limits; None lifts one."""
    limits = {"spend_cap_cents": spend_cap_cents, "max_open_negotiations": max_open_negotiations}
    await transaction.rows(_PUT_LIMITS, agent_id=agent_id, **limits)
