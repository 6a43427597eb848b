"""One statement takes its locks in the documented order: whoever waits for a later row holds the earlier ones."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from db import locks
from db.market.tables import ReviewWindow
from db.platform import writes
from db.platform.database import Database
from db.platform.transactions import Transaction
from domain.market.states import DeliveryKind, ReviewWindowStatus
from tests.activities.market.scene import Scene

Take = Callable[[Transaction], Awaitable[Any]]
_LOCK = "SELECT 1 FROM {table} WHERE {key} = %s FOR NO KEY UPDATE"
_WAITS = "SELECT 1 FROM pg_stat_activity WHERE pg_blocking_pids(pid) @> ARRAY[%s::int]"


class Places:
    """The rows of one delivered order, bought from an accepted offer."""

    def __init__(self, agent: UUID, listing: UUID, negotiation: UUID, order: UUID) -> None:
        self.agent = ("agents", "agent_id", agent)
        self.listing = ("listings", "listing_id", listing)
        self.negotiation = ("negotiations", "negotiation_id", negotiation)
        self.order = ("orders", "order_id", order)
        self.window = ("review_windows", "order_id", order)


@pytest_asyncio.fixture
async def places(worker_database: Database, owner_url: str) -> Places:
    scene = Scene(worker_database, owner_url)
    shop = await scene.shop(delivery=DeliveryKind.INSTANT)
    buyer = await scene.customer(shop)
    deal = await scene.accepted(shop, buyer)
    order = await scene.bought(shop, buyer, offer_id=deal.standing)
    return Places(buyer, shop.listing_id, deal.negotiation_id, order.order_id)


_STEPS: dict[str, tuple[tuple[str, ...], Callable[[Places], Take]]] = {
    "make an offer": (
        ("agent", "listing"),
        lambda at: lambda transaction: locks.lock_buyer_and_listing(transaction, at.agent[2], at.listing[2]),
    ),
    "settle a negotiation": (
        ("listing", "negotiation"),
        lambda at: lambda transaction: locks.lock_negotiation(transaction, at.negotiation[2]),
    ),
    "accept": (
        ("agent", "listing", "negotiation"),
        lambda at: lambda transaction: locks.lock_negotiation(transaction, at.negotiation[2], with_buyer=True),
    ),
    "buy": (
        ("agent", "listing", "negotiation"),
        lambda at: lambda transaction: locks.lock_purchase(transaction, at.agent[2], at.negotiation[2]),
    ),
    "deliver": (
        ("listing", "order"),
        lambda at: lambda transaction: locks.lock_order(transaction, at.order[2]),
    ),
    "review": (
        ("order", "window"),
        lambda at: lambda transaction: locks.lock_order_and_window(transaction, at.order[2]),
    ),
}


async def _until_waiting(looker: psycopg.Connection[Any], holder: int) -> None:
    found = None
    while found is None:
        await asyncio.sleep(0.01)
        found = looker.execute(_WAITS, [holder]).fetchone()


@pytest.mark.parametrize("step", _STEPS)
async def test_locks_are_taken_in_their_order(
    worker_database: Database, owner_url: str, places: Places, step: str
) -> None:
    names, taking = _STEPS[step]
    rows = [getattr(places, name) for name in names]

    async def take() -> Any:
        async with worker_database.transaction() as taker:
            return await taking(places)(taker)

    for held, (table, key, value) in enumerate(rows):
        with psycopg.connect(owner_url) as holder, psycopg.connect(owner_url, autocommit=True) as looker:
            holder.execute(_LOCK.format(table=table, key=key).encode(), [value])
            waiting = asyncio.create_task(take())
            await _until_waiting(looker, holder.info.backend_pid)
            for place, (other, other_key, other_value) in enumerate(rows):
                if place != held:
                    probe = f"{_LOCK.format(table=other, key=other_key)} SKIP LOCKED"
                    free = looker.execute(probe.encode(), [other_value]).fetchone() is not None
                    assert free is (place > held), f"{names[held]} is held, and {names[place]} free: {free}"
            holder.rollback()
            assert await waiting is not None


async def test_who_waits_for_an_order_sees_the_window_its_delivery_opened(
    worker_database: Database, owner_url: str
) -> None:
    scene = Scene(worker_database, owner_url)
    shop = await scene.shop(delivery=DeliveryKind.SHIPPED)
    order = await scene.bought(shop, await scene.customer(shop))

    async def take() -> Any:
        async with worker_database.transaction() as transaction:
            return await locks.lock_order_and_window(transaction, order.order_id)

    with psycopg.connect(owner_url, autocommit=True) as looker:
        async with worker_database.session() as delivery:
            await locks.lock_order(await Transaction.of(delivery), order.order_id)
            holder = (await delivery.scalars(select(func.pg_backend_pid()))).one()
            waiting = asyncio.create_task(take())
            await _until_waiting(looker, holder)
            now = await locks.clock(delivery)
            window = {"order_id": order.order_id, "opened_at": now, "closes_at": now}
            writes.insert(delivery, ReviewWindow, **window, status=ReviewWindowStatus.OPEN)
    _, seen = await waiting
    assert seen is not None
