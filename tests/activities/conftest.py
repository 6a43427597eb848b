"""Fixtures of the activities' tests: after each, the whole database keeps the market's invariants."""

from collections.abc import AsyncIterator

import pytest_asyncio

from db.session import Database
from tests.activities.scene import Scene
from tests.invariants import assert_sound


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str) -> AsyncIterator[Scene]:
    """The activities in the worker's role, and the audit at the end."""
    yield Scene(worker_database, owner_url)
    await assert_sound(worker_database)
