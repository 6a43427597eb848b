"""Fixtures of the activities' tests: after each, the whole database keeps the market's invariants.

They count rows of whole tables, so they have a database of their own, in which no running Souk works.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres
from tests.activities.market.scene import Scene
from tests.activities.webhooks.webhook_post import Post
from tests.databases import make_database, opened
from tests.invariants import assert_sound
from tests.receiver import Receiver


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    return make_database(postgres, "activities")


@pytest_asyncio.fixture(scope="session")
async def worker_database(owner_url: str) -> AsyncIterator[Database]:
    async with opened(owner_url, "worker") as database:
        yield database


@pytest_asyncio.fixture
async def api(owner_url: str) -> AsyncIterator[Database]:
    """In the API's role."""
    async with opened(owner_url, "api") as database:
        yield database


@pytest_asyncio.fixture
async def scene(worker_database: Database, owner_url: str) -> AsyncIterator[Scene]:
    """The activities in the worker's role, and the audit at the end."""
    yield Scene(worker_database, owner_url)
    await assert_sound(worker_database)


@pytest_asyncio.fixture
async def post(worker_database: Database) -> AsyncIterator[Post]:
    made = Post(worker_database)
    yield made
    await made.client.aclose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
