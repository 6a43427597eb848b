"""A market whose database fails on demand; after each test the invariants hold.

They compare whole tables, so they have a database of their own, in which no running Souk works.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from config.settings import Settings
from souk.stack.embedded import EmbeddedPostgres
from tests.activities.market.scene import Scene
from tests.databases import make_database
from tests.faults.faulty import FaultyDatabase
from tests.invariants import assert_sound


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    return make_database(postgres, "faults")


@pytest_asyncio.fixture
async def faulty(owner_url: str) -> AsyncIterator[FaultyDatabase]:
    database = FaultyDatabase(Settings(database_url=owner_url).role_url("worker"), owner_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def scene(faulty: FaultyDatabase, owner_url: str) -> AsyncIterator[Scene]:
    yield Scene(faulty, owner_url)
    await assert_sound(faulty)
