"""Rows gathered and sent together: one statement, parents first, and never a part of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import event

from db.market.tables import Listing, Message, StoreStats, Thread
from db.platform import writes
from db.platform.database import Database
from db.platform.events import record_event
from db.platform.ids import new_id
from db.platform.tables import ProcessedCommand
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market.states import ActivityType, ThreadType
from domain.platform.errors import DomainError
from tests.activities.market.scene import Scene


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str) -> Scene:
    return Scene(worker_database, owner_url)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def _record(command_id: UUID, entity: UUID) -> ProcessedCommand:
    return ProcessedCommand(
        command_id=command_id, kind="a_kind", entity_id=entity, outcome="ok", created_at=datetime.now(UTC)
    )


async def _kinds(scene: Scene, entity: UUID) -> list[str]:
    query = "SELECT kind FROM processed_commands WHERE entity_id = :id ORDER BY kind"
    return [row[0] for row in await scene.rows(query, id=entity)]


async def test_all_that_is_gathered_is_one_statement(scene: Scene) -> None:
    shop, entity = await scene.shop(), new_id()
    first, second = _record(new_id(), entity), _record(new_id(), entity)
    with statements(scene.database) as seen:
        async with scene.database.session() as session:
            writes.add(session, first)
            writes.add(session, second)
            assert writes.change(session, first, kind="another_kind").kind == "another_kind"
            writes.increase(session, StoreStats, shop.store_id, orders_placed=1)
            writes.increase(session, StoreStats, shop.store_id, orders_placed=1, orders_delivered=3)
    assert len(seen) == 1
    assert await _kinds(scene, entity) == ["a_kind", "another_kind"]
    query = "SELECT orders_placed, orders_delivered FROM store_stats WHERE store_id = :id"
    assert tuple((await scene.rows(query, id=shop.store_id))[0]) == (2, 3)
    with statements(scene.database) as seen:
        async with scene.database.session():
            pass
    assert seen == []


async def test_a_loaded_row_is_changed_once(scene: Scene) -> None:
    entity, command_id = new_id(), new_id()
    async with scene.database.session() as session:
        writes.add(session, _record(command_id, entity))
    with statements(scene.database) as seen:
        async with scene.database.session() as session:
            record = await (await Transaction.of(session)).get_one(ProcessedCommand, command_id)
            writes.change(session, record, kind="first")
            writes.change(session, record, kind="last")
    assert len(seen) == 1
    assert await _kinds(scene, entity) == ["last"]


async def test_rows_of_the_session_go_before_those_that_refer_to_them(scene: Scene) -> None:
    author, thread_id, message_id = await scene.customer(), new_id(), new_id()
    async with scene.database.session() as session:
        ids = {"message_id": message_id, "thread_id": thread_id, "author_agent_id": author}
        writes.insert(session, Message, **ids, body="Hello.")
        thread = {"type": ThreadType.GENERAL, "title": "A thread", "created_by_agent_id": author}
        writes.insert(session, Thread, thread_id=thread_id, **thread)
        record_event(session, ActivityType.THREAD_CREATED, actor_agent_id=author, thread_id=thread_id)
        record_event(
            session, ActivityType.MESSAGE_POSTED, actor_agent_id=author, thread_id=thread_id, message_id=message_id
        )
    assert await scene.value("SELECT message_id FROM messages WHERE thread_id = :id", id=thread_id) == message_id


async def test_a_row_that_is_there_already_stays(scene: Scene) -> None:
    entity = new_id()
    values = {"command_id": new_id(), "entity_id": entity, "outcome": "ok"}
    for kind in ("first", "second"):
        async with scene.database.session() as session:
            writes.insert(session, ProcessedCommand, once=True, **values, kind=kind)
    assert await _kinds(scene, entity) == ["first"]


async def test_a_change_that_finds_no_row_leaves_nothing(scene: Scene) -> None:
    entity = new_id()

    async def write() -> None:
        async with scene.database.session() as session:
            writes.add(session, _record(new_id(), entity))
            writes.increase(session, StoreStats, new_id(), orders_placed=1)

    with pytest.raises(writes.LostRowError):
        await write()
    assert await _kinds(scene, entity) == []


async def test_a_row_that_is_not_as_seen_is_refused(scene: Scene) -> None:
    shop, entity = await scene.shop(stock=5), new_id()

    async def sell(seen: int) -> None:
        async with scene.database.session() as session:
            writes.add(session, _record(new_id(), entity))
            was = {"inventory_on_hand": seen}
            writes.change_if(session, Listing, shop.listing_id, was, errors.LISTING_SOLD_OUT, price_cents=7)

    with pytest.raises(DomainError) as refused:
        await sell(4)
    assert refused.value.code == errors.LISTING_SOLD_OUT.code
    assert await _kinds(scene, entity) == []
    await sell(5)
    query = "SELECT price_cents FROM listings WHERE listing_id = :id"
    assert await scene.value(query, id=shop.listing_id) == 7


async def test_many_rows_change_at_once_or_none(scene: Scene) -> None:
    entity, ids = new_id(), [new_id(), new_id(), new_id()]
    async with scene.database.session() as session:
        for command_id in ids:
            writes.add(session, _record(command_id, entity))
    async with scene.database.session() as session:
        writes.change_all(session, ProcessedCommand, ids[:2], kind="changed")
    assert await _kinds(scene, entity) == ["a_kind", "changed", "changed"]
    with pytest.raises(writes.LostRowError):
        async with scene.database.session() as session:
            writes.change_all(session, ProcessedCommand, [*ids, new_id()], kind="one_too_many")
    assert await _kinds(scene, entity) == ["a_kind", "changed", "changed"]
