"""What operators see in the database: nothing without a living key, no term by a view, terms only after the log."""

from uuid import UUID

import pytest
import pytest_asyncio
from psycopg import ProgrammingError
from sqlalchemy import text

from db.market import operators
from db.platform import console
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.keys import insert_key, random_secret
from db.platform.tables import ApiKeyKind
from db.platform.transactions import Transaction
from tests.activities.market.scene import Deal, Scene

VIEWS = (
    "operator_negotiations",
    "operator_offers",
    "operator_standing_offers",
    "operator_orders",
    "operator_holds",
    "operator_checkouts",
    "operator_owed_refunds",
)
TERMS = {"price", "cents", "quantity", "message", "currency", "reason_text"}


@pytest_asyncio.fixture
async def deal(worker_database: Database, owner_url: str) -> Deal:
    scene = Scene(worker_database, owner_url)
    shop = await scene.shop()
    return await scene.accepted(shop, await scene.customer(shop))


@pytest_asyncio.fixture
async def operator(worker_database: Database) -> UUID:
    key_id = new_id()
    async with worker_database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "views", random_secret())
    return key_id


async def test_views_are_empty_without_an_operator(
    api_database: Database, worker_database: Database, deal: Deal, operator
):
    async with worker_database.session() as session:
        await session.execute(text("UPDATE api_keys SET revoked_at = now() WHERE key_id = :k"), {"k": operator})
    for key in (None, new_id(), operator):
        async with api_database.session() as session:
            if key is not None:
                await console.name_operator(session, key)
            for view in VIEWS:
                assert await session.scalar(text(f"SELECT count(*) FROM {view}")) == 0


async def test_views_have_no_column_of_a_term(api_database: Database, deal: Deal, operator: UUID):
    async with api_database.session() as session:
        await console.name_operator(session, operator)
        for view in (*VIEWS, "offer_reference_states"):
            result = await session.execute(text(f"SELECT * FROM {view}"))
            assert not [name for name in tuple(result.keys()) if any(term in name for term in TERMS)], view
            if view in {"operator_negotiations", "operator_offers", "operator_holds"}:
                assert result.first() is not None


async def _look(database: Database, operator: UUID, audit: UUID, entity: UUID) -> None:
    async with database.session() as session:
        await console.name_operator(session, operator)
        await operators.reveal_terms(session, audit, entity)


async def test_terms_need_an_entry_of_this_transaction(api_database: Database, deal: Deal, operator: UUID):
    async with api_database.session() as session:
        await console.name_operator(session, operator)
        entity = await session.scalar(text("SELECT negotiation_id FROM operator_negotiations LIMIT 1"))
    with pytest.raises(ProgrammingError, match="logged the reason"):
        await _look(api_database, operator, new_id(), entity)
    audit = new_id()
    async with api_database.session() as session:
        await console.name_operator(session, operator)
        await console.log_once(
            await Transaction.of(session), audit, operator, "terms.reveal", "Ticket 9", {"entity": str(entity)}
        )
        found = await operators.reveal_terms(session, audit, entity)
    assert found["offers"][0]["proposed_price_cents"] > 0
    with pytest.raises(ProgrammingError, match="logged the reason"):
        await _look(api_database, operator, audit, entity)
