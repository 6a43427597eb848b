"""Who sees what in the API's role: a forgotten WHERE leaks nothing, and what only processes write stays so."""

from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from psycopg import ProgrammingError
from sqlalchemy import text

from db.market import trust
from db.market.blocks import put_block
from db.market.stock import insert_movement
from db.market.tables import AgentLimits, ListingLimits
from db.platform import writes
from db.platform.database import Database
from db.platform.events import notify
from db.platform.ids import new_id
from domain.market.states import InboxType, MovementReason
from tests.activities.market.scene import Deal, Purchase, Scene
from tests.builders import Shop, make_agent

PRIVATE = (
    "negotiations",
    "offers",
    "orders",
    "stock_holds",
    "stock_movements",
    "listing_limits",
    "agent_limits",
    "inbox_events",
    "idempotency_records",
    "interaction_evidence",
    "store_blocks",
)


@dataclass
class Market:
    """One trade between a buyer and a shop, and another pair beside it."""

    shop: Shop
    buyer: UUID
    deal: Deal
    order: Purchase
    stranger: UUID
    other_shop: Shop


@pytest_asyncio.fixture(scope="module")
async def market(worker_database: Database, api_database: Database, owner_url: str) -> Market:
    scene = Scene(worker_database, owner_url)
    shop, other = await scene.shop(), await scene.shop()
    buyer, stranger = await scene.customer(shop), await scene.customer(other)
    for who, where in ((buyer, shop), (stranger, other)):
        await scene.limit_buyer(who, spend_cap_cents=10_000)
        await scene.limit_listing(where, floor_cents=500)
        async with worker_database.transaction() as transaction:
            # Of somebody who is no party here: a block ends what its customer is at.
            kept_away = await make_agent(transaction)
            await put_block(transaction, where.store_id, where.merchant_id, kept_away, "Pays for nothing.")
    deal, order = await scene.accepted(shop, buyer), await scene.bought(shop, buyer)
    await scene.accepted(other, stranger)
    await scene.bought(other, stranger)
    for who in (buyer, stranger):
        async with api_database.session(viewer=who) as session:
            await session.execute(
                text(
                    "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash)"
                    " VALUES (:id, :who, 'k', 'r')"
                ),
                {"id": new_id(), "who": who},
            )
    return Market(shop, buyer, deal, order, stranger, other)


async def _count(database: Database, table: str, viewer: UUID | None) -> int:
    """Every row, as a query without any WHERE would find it."""
    async with database.session(viewer=viewer) as session:
        return await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


@pytest.mark.parametrize("table", PRIVATE)
async def test_without_a_viewer_nothing_private_is_seen(
    market: Market, api_database: Database, worker_database: Database, table: str
) -> None:
    assert await _count(worker_database, table, None) > 0
    assert await _count(api_database, table, None) == 0
    assert await _count(api_database, table, new_id()) == 0


async def test_a_viewer_does_not_outlive_its_transaction(market: Market, api_database: Database) -> None:
    assert await _count(api_database, "orders", market.buyer) == 1
    for _ in range(8):
        assert await _count(api_database, "orders", None) == 0


BUYERS = {
    "negotiations": 1,
    "offers": 1,
    "orders": 1,
    "stock_holds": 0,
    "stock_movements": 0,
    "listing_limits": 0,
    "agent_limits": 1,
    "idempotency_records": 1,
    "interaction_evidence": 2,
    "store_blocks": 0,
}
OWNERS = BUYERS | {
    "stock_movements": 3,
    "listing_limits": 1,
    "agent_limits": 0,
    "idempotency_records": 0,
    "interaction_evidence": 0,
    "store_blocks": 1,
}


@pytest.mark.parametrize("table", BUYERS)
async def test_parties_see_theirs_and_only_theirs(market: Market, api_database: Database, table: str) -> None:
    assert await _count(api_database, table, market.buyer) == BUYERS[table]
    assert await _count(api_database, table, market.stranger) == BUYERS[table]
    assert await _count(api_database, table, market.shop.merchant_id) == OWNERS[table]
    assert await _count(api_database, table, market.other_shop.merchant_id) == OWNERS[table]


async def test_what_is_seen_is_the_partys_own(market: Market, api_database: Database) -> None:
    for viewer in (market.buyer, market.shop.merchant_id):
        async with api_database.session(viewer=viewer) as session:
            offers = (await session.execute(text("SELECT offer_id FROM offers"))).scalars().all()
            orders = (await session.execute(text("SELECT order_id FROM orders"))).scalars().all()
            inbox = (await session.execute(text("SELECT DISTINCT agent_id FROM inbox_events"))).scalars().all()
        assert (offers, orders, inbox) == ([market.deal.standing], [market.order.order_id], [viewer])


async def test_another_merchant_sees_no_limits_by_guessing_ids(market: Market, api_database: Database) -> None:
    async with api_database.transaction(viewer=market.other_shop.merchant_id) as transaction:
        assert await transaction.get(ListingLimits, market.shop.listing_id) is None
        assert await transaction.get(AgentLimits, market.buyer) is None


@pytest.mark.parametrize("viewer", ["buyer", "owner", "nobody"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE offers SET status = 'CANCELLED'",
        "UPDATE orders SET closed_at = now()",
        "UPDATE negotiations SET closed_at = now()",
        "UPDATE reviews SET rating = 1",
        "UPDATE stock_holds SET released_at = now()",
        "UPDATE stock_movements SET delta = 1",
        "UPDATE trust_profiles SET overall_score = 100",
        "UPDATE trust_events SET delta_overall = 1",
        "UPDATE trust_facts SET folded_at = now()",
        "UPDATE activity_events SET meta = '{}'",
        "UPDATE inbox_events SET meta = '{}'",
        "UPDATE interaction_evidence SET created_at = now()",
        "UPDATE operator_audit_log SET reason = 'none'",
        "DELETE FROM offers",
        "DELETE FROM orders",
        "DELETE FROM messages",
        "DELETE FROM activity_events",
        "DELETE FROM idempotency_records",
        "DELETE FROM operator_audit_log",
        "INSERT INTO offers SELECT * FROM offers",
        "INSERT INTO orders SELECT * FROM orders",
        "INSERT INTO negotiations SELECT * FROM negotiations",
        "INSERT INTO reviews SELECT * FROM reviews",
        "INSERT INTO review_windows SELECT * FROM review_windows",
        "INSERT INTO stock_holds SELECT * FROM stock_holds",
        "INSERT INTO trust_events SELECT * FROM trust_events",
        "TRUNCATE offers CASCADE",
        "SELECT count(*) FROM processed_commands",
        "SELECT count(*) FROM activity_events_default",
        "SELECT souk_make_activity_partitions(3)",
        "SET ROLE souk_worker",
        "SET SESSION AUTHORIZATION souk_worker",
        "ALTER ROLE souk_api BYPASSRLS",
        "ALTER TABLE offers DISABLE ROW LEVEL SECURITY",
        "DROP POLICY offers_parties ON offers",
        "CREATE TABLE loot (id int)",
    ],
)
async def test_the_api_role_may_not(market: Market, api_database: Database, viewer: str, statement: str) -> None:
    who = {"buyer": market.buyer, "owner": market.shop.merchant_id, "nobody": None}[viewer]
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|not allowed|permission to"):
        async with api_database.session(viewer=who) as session:
            await session.execute(text(statement))


async def test_private_rows_are_not_written_for_another(market: Market, api_database: Database) -> None:
    """An insert under another's name is refused by the policy; an update finds no row."""
    mine = market.stranger
    for insert in (
        "INSERT INTO agent_limits (agent_id, spend_cap_cents) VALUES (:merchant, 1)",
        (
            "INSERT INTO interaction_evidence (evidence_id, customer_id, listing_id, type)"
            " VALUES (gen_random_uuid(), :buyer, :listing, 'LOOKING_FOR_PARTICIPATION')"
        ),
        (
            "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash)"
            " VALUES (gen_random_uuid(), :buyer, 'other', 'r')"
        ),
        (
            "INSERT INTO stock_movements (movement_id, listing_id, delta, reason)"
            " VALUES (gen_random_uuid(), :listing, 1, 'ADJUSTED')"
        ),
    ):
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with api_database.session(viewer=mine) as session:
                await session.execute(
                    text(insert),
                    {"buyer": market.buyer, "merchant": market.shop.merchant_id, "listing": market.shop.listing_id},
                )
    async with api_database.session(viewer=mine) as session:
        for update in ("UPDATE agent_limits SET spend_cap_cents = 7", "UPDATE listing_limits SET floor_cents = 7"):
            result = await session.execute(text(update))
            assert result.rowcount == (1 if "agent_limits" in update else 0)


async def test_the_api_tells_others_through_their_inboxes(market: Market, api_database: Database) -> None:
    """It writes to an inbox that it cannot read, through the one maker of events."""
    async with api_database.session(viewer=market.buyer) as session:
        notify(session, market.shop.merchant_id, InboxType.QUESTION_ASKED, store_id=market.shop.store_id)
        await writes.send(session)
    async with api_database.session(viewer=market.shop.merchant_id) as session:
        query = text("SELECT count(*) FROM inbox_events WHERE type = 'QUESTION_ASKED'")
        assert await session.scalar(query) == 1


async def test_the_api_writes_its_facts(market: Market, api_database: Database) -> None:
    """An owner adjusts its stock and its limits, and a fact's trust row is written, all in the API's role."""
    async with api_database.session(viewer=market.shop.merchant_id) as session:
        insert_movement(session, market.shop.listing_id, 1, MovementReason.ADJUSTED)
        await session.execute(text("UPDATE listing_limits SET floor_cents = 600"))
        trust.insert_fact(
            session,
            store_id=market.shop.store_id,
            source_event_id=new_id(),
            reason=trust.TrustReason.POLICY_UPDATED,
            inputs={"fields": {"warranty": True}},
            occurred_at=await session.scalar(text("SELECT now()")),
        )
        await writes.send(session)
        await session.rollback()


async def test_watchers_open_inboxes_and_nothing_else(market: Market, api_database: Database) -> None:
    async with api_database.session(watchers={market.buyer, market.stranger}) as session:
        seen = (await session.execute(text("SELECT DISTINCT agent_id FROM inbox_events"))).scalars().all()
        assert set(seen) == {market.buyer, market.stranger}
        for table in set(PRIVATE) - {"inbox_events"}:
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
    for _ in range(8):
        assert await _count(api_database, "inbox_events", None) == 0
