"""Fixtures of the activities' tests: after each, the whole database keeps the market's invariants.

They count rows of whole tables, so they have a database of their own, in which no running Souk works.
"""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from config.settings import Settings
from db.migrate import upgrade
from db.session import Database
from souk.stack.embedded import EmbeddedPostgres
from tests.activities.scene import Scene
from tests.activities.webhook_post import Post
from tests.invariants import assert_sound
from tests.receiver import Receiver


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE activities")
    url = postgres.url(database="activities")
    upgrade(url)
    return url


@pytest_asyncio.fixture(scope="session")
async def worker_database(owner_url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=owner_url).role_url("worker"), 8, "test-activities")
    yield database
    await database.close()


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
