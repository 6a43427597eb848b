"""Fixtures of the database's tests.

They look at rows that a running Souk of the same test process would work on (it delivers to their webhooks, and
fails), so they have a database of their own.
"""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres
from tests.databases import make_database, opened
from tests.db.rows import Rows


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    return make_database(postgres, "rows")


@pytest_asyncio.fixture(scope="session")
async def worker_database(owner_url: str) -> AsyncIterator[Database]:
    async with opened(owner_url, "worker") as database:
        yield database


@pytest_asyncio.fixture(scope="session")
async def api_database(owner_url: str) -> AsyncIterator[Database]:
    async with opened(owner_url, "api") as database:
        yield database


@pytest.fixture
def rows(owner_url: str) -> Iterator[Rows]:
    """One transaction of the owner's, rolled back at the end."""
    with psycopg.connect(owner_url) as connection:
        yield Rows(connection)
        connection.rollback()


@pytest.fixture
def place(rows: Rows) -> tuple[UUID, UUID, UUID]:
    """A listing, its store and a customer who has asked about it."""
    store = rows.store()
    listing, buyer = rows.listing(store), rows.agent()
    rows.insert("interaction_evidence", **rows.evidence_values(buyer, listing))
    return listing, store, buyer
