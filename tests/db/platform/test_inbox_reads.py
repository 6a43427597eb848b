"""An inbox is read in commit order by its own agent, and terms go to the parties of what they are about."""

# ruff: noqa: ASYNC110 - what a test waits for tells nobody

import asyncio
from uuid import UUID

import pytest

from db.market.inbox import inbox_items
from db.market.tables import InboxEvent
from db.platform import writes
from db.platform.commit_order import START, Position, position_of
from db.platform.database import Database
from db.platform.events import notify
from db.platform.ids import new_id
from db.platform.inbox import InboxFilter, list_inbox_after, list_inbox_before, newest_inbox_position
from domain.market.feeds import InboxItem
from domain.market.states import InboxType, OfferStatus, OrderStatus, Party
from tests.activities.market.scene import Scene
from tests.builders import make_agent

ALL = InboxFilter()


@pytest.fixture
def scene(worker_database: Database, owner_url: str) -> Scene:
    return Scene(worker_database, owner_url)


async def _read(database: Database, agent: UUID, wanted: InboxFilter = ALL, viewer: UUID | None = None) -> list:
    async with database.transaction(viewer=viewer) as transaction:
        return await list_inbox_after(transaction, agent, START, 100, wanted)


async def _settled(database: Database, agent: UUID, count: int) -> list[InboxEvent]:
    """The agent's events once they may be read: another test's transaction may hold them back a moment."""
    async with asyncio.timeout(60):
        while len(events := await _read(database, agent, viewer=agent)) < count:
            await asyncio.sleep(0.02)
    return events


async def _items(database: Database, agent: UUID, events: list, viewer: UUID | None = None) -> list[InboxItem]:
    async with database.transaction(viewer=viewer) as transaction:
        return await inbox_items(transaction, agent, events)


async def test_both_parties_get_the_terms_in_either_role(
    scene: Scene, api_database: Database, worker_database: Database
) -> None:
    shop = await scene.shop()
    buyer = await scene.customer(shop)
    deal = await scene.offer(shop, buyer, 1_000, quantity=2, message="Ten each?")
    await deal.counter(shop.merchant_id, 1_100, message="Eleven.")
    await deal.accept(buyer)
    order = await scene.bought(shop, buyer, offer_id=deal.standing)
    for agent, made, count in ((shop.merchant_id, 1_000, 2), (buyer, 1_100, 2)):
        events = await _settled(api_database, agent, count)
        seen = await _items(api_database, agent, events, viewer=agent)
        assert seen == await _items(worker_database, agent, events)
        offers = [item for item in seen if item.offer is not None]
        orders = [item for item in seen if item.order is not None]
        assert offers[0].offer.proposed_price_cents == made
        assert offers[0].offer.message == ("Ten each?" if made == 1_000 else "Eleven.")
        assert offers[0].offer.proposed_by is (Party.BUYER if made == 1_000 else Party.SELLER)
        assert {item.offer.quantity for item in offers} == {2}
        assert offers[-1].offer.status is OfferStatus.ACCEPTED
        assert {item.order_id for item in orders} == {order.order_id}
        assert {item.order.total_price_cents for item in orders} == {2_200}
        assert {item.order.status for item in orders} == {OrderStatus.DELIVERED}


async def test_an_inbox_is_nobody_elses(scene: Scene, api_database: Database, worker_database: Database) -> None:
    shop = await scene.shop()
    buyer, stranger = await scene.customer(shop), await scene.customer()
    deal = await scene.offer(shop, buyer)
    (event,) = await _settled(api_database, shop.merchant_id, 1)
    assert await _read(api_database, shop.merchant_id, viewer=stranger) == []
    assert await _read(api_database, shop.merchant_id) == []
    with pytest.raises(ValueError, match="own agent"):
        await _items(worker_database, stranger, [event])
    # An event about the deal of others, should one ever be written, comes without its terms in the worker's role too.
    async with worker_database.session() as session:
        notify(session, stranger, InboxType.OFFER_MADE, offer_id=deal.standing)
    (astray,) = await _settled(api_database, stranger, 1)
    for database, viewer in ((worker_database, None), (api_database, stranger)):
        (item,) = await _items(database, stranger, [astray], viewer)
        assert item.offer_id == deal.standing
        assert item.offer is None


async def test_types_and_places(worker_database: Database, api_database: Database) -> None:
    kinds = [InboxType.TRUST_MOVED, InboxType.QUESTION_ASKED, InboxType.TRUST_MOVED, InboxType.QUESTION_MISSED]
    async with worker_database.session() as session:
        agent, other = await make_agent(session), await make_agent(session)
        for kind in kinds:
            for whom in (agent, other):
                notify(session, whom, kind, meta={"due_at": "2026-11-21T10:00:00+00:00", "reason": "x"})
                await writes.send(session)
    events = await _settled(api_database, agent, len(kinds))
    assert [event.type for event in events] == kinds
    wanted = InboxFilter(frozenset({InboxType.TRUST_MOVED, InboxType.QUESTION_MISSED}))
    assert await _types(api_database, agent, wanted) == [kinds[0], kinds[2], kinds[3]]
    for item in await _items(api_database, agent, events, viewer=agent):
        assert item.due_at is not None
        assert item.meta == {"reason": "x"}
    forward: list[Position] = []
    back: list[Position] = []
    async with api_database.transaction(viewer=agent) as transaction:
        place: Position | None = START
        while found := await list_inbox_after(transaction, agent, place, 3, ALL):
            forward += [position_of(event) for event in found]
            place = forward[-1]
        place = None
        while found := await list_inbox_before(transaction, agent, place, 3, ALL):
            back += [position_of(event) for event in found]
            place = back[-1]
        assert await newest_inbox_position(transaction, agent) == forward[-1]
        assert await newest_inbox_position(transaction, new_id()) == START
    assert forward == back[::-1] == [position_of(event) for event in events]


async def _types(database: Database, agent: UUID, wanted: InboxFilter) -> list[str]:
    return [event.type for event in await _read(database, agent, wanted, viewer=agent)]


async def test_a_late_commit_with_a_lower_place_is_not_skipped(
    worker_database: Database, api_database: Database
) -> None:
    async with worker_database.session() as session:
        agent = await make_agent(session)
    async with worker_database.session() as older:
        notify(older, agent, InboxType.QUESTION_ASKED)
        await writes.send(older)
        async with worker_database.session() as younger:
            notify(younger, agent, InboxType.TRUST_MOVED)
        # Committed and visible, but behind it an older transaction still runs.
        assert await _read(api_database, agent, viewer=agent) == []
    events = await _settled(api_database, agent, 2)
    assert [event.type for event in events] == ["QUESTION_ASKED", "TRUST_MOVED"]
