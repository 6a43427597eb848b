"""Customers whom a store's owner has blocked. Private to the owner; the blocked one learns it by being refused."""

from uuid import UUID

from sqlalchemy import Uuid, bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from db import locks
from db.market.tables import Negotiation, Order, Store, StoreBlock
from db.platform.statements import Query, find
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market.blocks import check_not_blocked
from domain.market.states import OrderStatus
from domain.platform.identity import NOT_A_CUSTOMER, AgentType

_block = StoreBlock.table
_THE_BLOCK = (_block.c.store_id == bindparam("store_id"), _block.c.agent_id == bindparam("agent_id"))
_BLOCKED = Query(select(exists().where(*_THE_BLOCK)), bool)
_BLOCKS_ME = Query(select(func.souk_blocks_me(bindparam("store_id"))), bool)
_BLOCKS = find(StoreBlock, _block.c.store_id == bindparam("store_id"), order=(_block.c.created_at.desc(),))
_new = insert(_block).values({name: bindparam(name) for name in ("store_id", "agent_id", "reason")})
_PUT = Query(
    _new.on_conflict_do_update(
        index_elements=["store_id", "agent_id"], set_={"reason": _new.excluded.reason}
    ).returning(*StoreBlock.columns),
    StoreBlock,
)
_STORE, _AGENT = bindparam("store_id", type_=Uuid()), bindparam("agent_id", type_=Uuid())
_BARGAINS = Query(
    select(Negotiation.c.negotiation_id).where(
        Negotiation.c.seller_store_id == _STORE,
        Negotiation.c.buyer_customer_id == _AGENT,
        Negotiation.c.closed_at.is_(None),
    ),
    UUID,
)
_OWED = Query(
    select(Order.c.order_id).where(
        Order.c.store_id == _STORE,
        Order.c.buyer_customer_id == _AGENT,
        Order.c.status == OrderStatus.PLACED,
        Order.c.paid_at.is_(None),
    ),
    UUID,
)
_REMOVE = Query(delete(_block).where(*_THE_BLOCK))


async def is_blocked(transaction: Transaction, store_id: UUID, agent_id: UUID) -> bool:
    """As the worker sees it. Under the lock on the agent's row a block comes before or after, not meanwhile."""
    return await transaction.one(_BLOCKED, store_id=store_id, agent_id=agent_id)


async def blocks_viewer(transaction: Transaction, store_id: UUID) -> bool:
    """Whether the store's owner has blocked the transaction's viewer."""
    return await transaction.one(_BLOCKS_ME, store_id=store_id)


async def check_viewer(transaction: Transaction, store_id: UUID) -> None:
    """Refuse the viewer where the store's owner has blocked it. Raises store.blocked."""
    check_not_blocked(blocked=await blocks_viewer(transaction, store_id))


async def _own(transaction: Transaction, store_id: UUID, owner_id: UUID) -> None:
    store = await transaction.require(Store, store_id, errors.STORE_NOT_FOUND)
    if store.owner_merchant_id != owner_id:
        raise errors.STORE_NOT_YOURS.error()


async def put_block(
    transaction: Transaction, store_id: UUID, owner_id: UUID, agent_id: UUID, reason: str
) -> StoreBlock:
    """Block a customer, or give another reason. Raises store.*, agent.not_found, agent.not_a_customer."""
    await _own(transaction, store_id, owner_id)
    # What the customer is at with this store waits, and then finds the block.
    agent = await locks.lock_agent(transaction, agent_id)
    if agent is None:
        raise errors.AGENT_NOT_FOUND.error()
    if agent.agent_type is not AgentType.CUSTOMER:
        raise NOT_A_CUSTOMER.error("Only customers can be blocked.")
    return await transaction.one(_PUT, store_id=store_id, agent_id=agent_id, reason=reason)


async def remove_block(transaction: Transaction, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
    """What was ended stays so. Where there is no block, nothing changes."""
    await _own(transaction, store_id, owner_id)
    await transaction.rows(_REMOVE, store_id=store_id, agent_id=agent_id)


async def list_blocks(transaction: Transaction, store_id: UUID, owner_id: UUID) -> list[StoreBlock]:
    """The newest first."""
    await _own(transaction, store_id, owner_id)
    return await transaction.rows(_BLOCKS, store_id=store_id)


async def list_under_way(transaction: Transaction, store_id: UUID, agent_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """Negotiations and unpaid, undelivered orders of a pair, which its block ends."""
    pair = {"store_id": store_id, "agent_id": agent_id}
    return await transaction.rows(_BARGAINS, **pair), await transaction.rows(_OWED, **pair)
