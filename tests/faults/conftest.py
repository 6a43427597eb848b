"""A market whose database fails on demand; after each test the invariants hold."""

from collections.abc import AsyncIterator

import pytest_asyncio

from config.settings import Settings
from tests.activities.scene import Scene
from tests.faults.faulty import FaultyDatabase
from tests.invariants import assert_sound


@pytest_asyncio.fixture
async def faulty(owner_url: str) -> AsyncIterator[FaultyDatabase]:
    database = FaultyDatabase(Settings(database_url=owner_url).role_url("worker"), owner_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def scene(faulty: FaultyDatabase, owner_url: str) -> AsyncIterator[Scene]:
    yield Scene(faulty, owner_url)
    await assert_sound(faulty)
