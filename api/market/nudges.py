"""Which of the market's workflows a fact concerns. They are told after its commit."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.context import AppContext
from api.platform.nudges import FAILURES, left_to_the_sweep
from db.market.blocks import list_under_way
from db.market.negotiations import list_open_in_store, list_open_on_listing
from db.market.tables import Listing, Store
from domain.market.processes import negotiation_process, order_process, store_trust_process


async def store_trust(context: AppContext, store_id: UUID) -> None:
    """The store has a new trust fact or an open question."""
    context.nudges.wake(store_trust_process(store_id))


async def negotiations_on_listing(context: AppContext, listing_id: UUID) -> None:
    """The listing's price, stock or status changed."""
    owner = select(Store.c.owner_merchant_id).join(Listing.table, Listing.c.store_id == Store.c.store_id)
    await _negotiations(context, owner.where(Listing.c.listing_id == listing_id), list_open_on_listing, listing_id)


async def negotiations_in_store(context: AppContext, store_id: UUID) -> None:
    """The store's status changed."""
    owner = select(Store.c.owner_merchant_id).where(Store.c.store_id == store_id)
    await _negotiations(context, owner, list_open_in_store, store_id)


async def blocked(context: AppContext, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
    """The store's owner has blocked this customer."""
    try:
        async with context.database.session(viewer=owner_id) as session:
            bargains, owed = await list_under_way(session, store_id, agent_id)
    except FAILURES as error:
        left_to_the_sweep(error)
        return
    context.nudges.tell([*map(negotiation_process, bargains), *map(order_process, owed)])


async def _negotiations(context: AppContext, owner_query: Any, list_open: Callable[..., Any], key: UUID) -> None:
    """Tell the open negotiations, which the store's owner may see."""
    try:
        async with context.database.session() as session:
            owner = await session.scalar(owner_query)
        async with context.database.transaction(viewer=owner) as transaction:
            found = await list_open(transaction, key)
    except FAILURES as error:
        left_to_the_sweep(error)
        return
    context.nudges.tell(map(negotiation_process, found))
