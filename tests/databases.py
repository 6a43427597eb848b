"""Databases of their own on the test process's Postgres, for tests that nobody else's rows or Souk may disturb."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import psycopg
from psycopg import sql

from config.settings import Settings
from db.migrate import upgrade
from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres


def make_database(postgres: EmbeddedPostgres, name: str) -> str:
    """Create and migrate it. Returns its URL, as its owner."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = postgres.url(database=name)
    upgrade(url)
    return url


@asynccontextmanager
async def opened(owner_url: str, role: Literal["api", "worker"]) -> AsyncIterator[Database]:
    """A pool in a role of the Souk's: for the API's, row-level security applies."""
    database = Database(Settings(database_url=owner_url).role_url(role), 8, f"test-{role}")
    yield database
    await database.close()
