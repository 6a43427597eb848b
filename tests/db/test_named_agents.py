"""Which columns tell the API's role of an agent without a viewer: those that are listed here, and no other.

Found in the catalog, so that a column of a later revision is found too; and in the rows of a market with private acts
in it, where an agent's id may stand in a text, an array or a document as well.
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest_asyncio
from sqlalchemy import text

from db.platform.database import Database
from db.platform.ids import new_id
from tests.activities.market.scene import Scene
from tests.builders import make_platform

PUBLIC = {
    "activity_events.actor_agent_id": "who did a public thing; events of offers name nobody",
    "agents.agent_id": "a public profile",
    "messages.author_agent_id": "a public message",
    "offer_references.created_by_agent_id": "a party points to its offer in public",
    "reviews.author_customer_id": "a public review",
    "store_interaction_evidence.customer_id": "the author of a public question",
    "store_updates.created_by_agent_id": "a store's public patch note",
    "stores.owner_merchant_id": "a store's public owner",
    "support_questions.customer_id": "the author of a public question",
    "threads.created_by_agent_id": "a public thread",
}
LOOKED_UP = {
    "api_keys.agent_id": "whose key is shown: before it is known there is no viewer. No route tells others",
}
# A month of the log, which is read through the log.
_MONTH = re.compile(r"activity_events_\d{4}_\d{2}\.")
# An agent's own row; the tests name agents by their ids.
_THEMSELVES = {"agents.agent_id", "agents.handle"}
_NAMES_AN_AGENT = re.compile(r"(^|_)(agent|customer|merchant|buyer|seller|author|owner|subject|viewer)_(\w+_)?id$")

_READABLE = """
SELECT c.oid::regclass::text AS relation, c.relkind::text AS kind, a.attname AS column_name,
  c.relrowsecurity AS guarded, EXISTS (SELECT 1 FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid
    AND k.confrelid = 'agents'::regclass AND k.conkey = ARRAY[a.attnum]) AS refers
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND has_column_privilege('souk_api', c.oid, a.attnum, 'SELECT') ORDER BY 1, 3
"""
# Policies that let the API's role read rows whoever looks.
_OPEN_TO_ALL = """
SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND cmd IN ('SELECT', 'ALL')
  AND roles && ARRAY['souk_api', 'public']::name[]
  AND coalesce(qual, 'true') !~ 'souk_(viewer|watchers|owns_store|operator)\\(|FROM (checkouts|webhook_endpoints) '
"""
_FOR_OPERATORS = "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND definition ~ 'souk_operator\\('"


@dataclass
class Market:
    """Agents who have done one of each private thing there is and not a word in public; and ids of private things."""

    agents: list[UUID]
    private: list[UUID]


@pytest_asyncio.fixture(scope="module")
async def market(worker_database: Database, api_database: Database, owner_url: str) -> Market:
    scene = Scene(worker_database, owner_url)
    shop = await scene.shop()
    buyers = [await scene.customer() for _ in range(4)]
    await scene.limit_buyer(buyers[0], spend_cap_cents=10_000)
    await scene.limit_listing(shop, floor_cents=500)
    deals = [await scene.offer(shop, buyers[0], 900), await scene.offer(shop, buyers[1], 900)]
    await deals[1].reject(shop.merchant_id)
    broken, honored = await scene.accepted(shop, buyers[2]), await scene.accepted(shop, buyers[3])
    await broken.withdraw(shop.merchant_id)
    await scene.bought(shop, buyers[3], offer_id=honored.standing)
    await scene.fold(shop)
    async with worker_database.session() as session:
        buyers.append(await make_platform(session))
    async with api_database.session(viewer=buyers[0]) as session:
        record = "INSERT INTO idempotency_records (command_id, scope, key_hash, request_hash)"
        await session.execute(text(f"{record} VALUES (:id, :who, 'k', 'r')"), {"id": new_id(), "who": buyers[0]})
    ids = [deal.standing for deal in (*deals, broken, honored)]
    # Who bought is public, and only that: the last deal's buyer is left out.
    return Market([*buyers[:3], buyers[4]], ids)


async def _rows(database: Database, query: str) -> list[dict[str, Any]]:
    async with database.session() as session:
        return [dict(row) for row in (await session.execute(text(query))).mappings()]


async def _readable(database: Database) -> dict[str, list[dict[str, Any]]]:
    """The columns the API's role may read, by relation."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await _rows(database, _READABLE):
        if not _MONTH.match(row["relation"] + "."):
            found.setdefault(row["relation"], []).append(row)
    return found


async def test_a_column_that_names_an_agent_is_listed_or_hidden(api_database: Database) -> None:
    open_to_all = {row["tablename"] for row in await _rows(api_database, _OPEN_TO_ALL)}
    hidden = {row["viewname"] for row in await _rows(api_database, _FOR_OPERATORS)}
    named = {
        f"{relation}.{column['column_name']}"
        for relation, columns in (await _readable(api_database)).items()
        for column in columns
        if (column["refers"] or _NAMES_AN_AGENT.search(column["column_name"]))
        and relation not in hidden
        and (not column["guarded"] or relation in open_to_all)
    }
    assert named == PUBLIC.keys() | LOOKED_UP.keys()


async def test_no_row_tells_of_who_did_private_things(market: Market, api_database: Database) -> None:
    """Whatever the columns are called: read whole, without a viewer."""
    found: set[str] = set()
    read = 0
    for relation, columns in (await _readable(api_database)).items():
        names = ", ".join(f'"{column["column_name"]}"::text' for column in columns)
        for row in await _rows(api_database, f"SELECT {names} FROM {relation}"):
            read += 1
            for name, value in row.items():
                told = market.private if f"{relation}.{name}" in _THEMSELVES else [*market.agents, *market.private]
                if value is not None and any(str(key) in value for key in told):
                    found.add(f"{relation}.{name}")
    assert read > 20
    assert found == set()
