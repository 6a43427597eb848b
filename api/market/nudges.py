"""Which of the market's workflows a fact concerns. They are told after its commit."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from api.context import AppContext
from api.platform.nudges import FAILURES, left_to_the_sweep
from db.market.blocks import list_under_way
from db.market.negotiations import list_open_in_store, list_open_on_listing
from db.market.tables import Listing, Store
from db.platform.statements import Query
from domain.market.processes import negotiation_process, order_process, store_trust_process


async def store_trust(context: AppContext, store_id: UUID) -> None:
    """The store has a new trust fact or an open question."""
    context.nudges.wake(store_trust_process(store_id))


_OWNER = select(Store.c.owner_merchant_id)
_OF_STORE = Query(_OWNER.where(Store.c.store_id == bindparam("key")), UUID)
_OF_LISTING = Query(
    _OWNER.join(Listing.table, Listing.c.store_id == Store.c.store_id).where(Listing.c.listing_id == bindparam("key")),
    UUID,
)


async def negotiations_on_listing(context: AppContext, listing_id: UUID) -> None:
    """The listing's price, stock or status changed."""
    await _negotiations(context, _OF_LISTING, list_open_on_listing, listing_id)


async def negotiations_in_store(context: AppContext, store_id: UUID) -> None:
    """The store's status changed."""
    await _negotiations(context, _OF_STORE, list_open_in_store, store_id)


async def blocked(context: AppContext, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
    """The store's owner has blocked this customer."""
    try:
        async with context.database.transaction(viewer=owner_id) as transaction:
            bargains, owed = await list_under_way(transaction, store_id, agent_id)
    except FAILURES as error:
        left_to_the_sweep(error)
        return
    context.nudges.tell([*map(negotiation_process, bargains), *map(order_process, owed)])


async def _negotiations(
    context: AppContext, owner_query: Query[UUID], list_open: Callable[..., Any], key: UUID
) -> None:
    """Tell the open negotiations, which the store's owner may see."""
    try:
        owner = await context.database.one_or_none(owner_query, key=key)
        async with context.database.transaction(viewer=owner) as transaction:
            found = await list_open(transaction, key)
    except FAILURES as error:
        left_to_the_sweep(error)
        return
    context.nudges.tell(map(negotiation_process, found))
