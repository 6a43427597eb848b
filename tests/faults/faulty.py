"""A database pool that fails where a test says: before the nth statement, before a commit, or after it.

``cut`` ends the server's side of the connection instead of raising, as a failover does: the error is then the
real one, and the pool must recover from it by itself.
"""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.database import Database
from db.platform.transactions import Transaction

Driver = psycopg.AsyncConnection[tuple[Any, ...]]
BEFORE_COMMIT, AFTER_COMMIT = "before commit", "after commit"


def _hash_of(table: str) -> sql.Composed:
    every = sql.SQL("SELECT coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') FROM {} r")
    return every.format(sql.Identifier(table))


class CrashedError(Exception):
    """The process died here; nobody catches this but the test."""


@dataclass
class _Plan:
    point: int | str
    cut: bool
    seen: int = 0
    struck: bool = False


class FaultyDatabase(Database):
    """One connection, so that a cut connection is the next one taken from the pool."""

    def __init__(self, url: str, owner_url: str) -> None:
        super().__init__(url, 1, "test-faulty")
        self._owner_url = owner_url
        self._plan: _Plan | None = None
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._on_statement)
        event.listen(self.engine.sync_engine, "commit", self._on_commit)

    @contextmanager
    def failing(self, point: int | str, *, cut: bool = False) -> Iterator[_Plan]:
        """Within the block, fail once at ``point``: the statement's number from 1, or around the commit."""
        self._plan = _Plan(point, cut)
        try:
            yield self._plan
        finally:
            self._plan = None

    def fingerprint(self) -> dict[str, str]:
        """What every table holds, as a hash of its rows; by the owner, for some are no role's to read."""
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            names = owner.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            )
            return {name: owner.execute(_hash_of(name)).fetchall()[0][0] for (name,) in names.fetchall()}

    def _on_statement(self, connection: Any, *_: Any) -> None:
        self.on_statement(connection.connection.driver_connection)

    def _on_commit(self, connection: Any) -> None:
        self.on_commit(connection.connection.driver_connection)

    def on_statement(self, driver: Driver) -> None:
        if self._plan is not None:
            self._plan.seen += 1
            if self._plan.seen == self._plan.point:
                self._strike(driver)

    def on_commit(self, driver: Driver) -> None:
        if self._plan is not None and self._plan.point == BEFORE_COMMIT:
            self._strike(driver)

    def _strike(self, driver: Driver) -> None:
        assert self._plan is not None
        plan = self._plan
        if plan.struck:
            return
        plan.struck = True
        if not plan.cut:
            raise CrashedError(str(plan.point))
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 5000)", [driver.info.backend_pid])

    @asynccontextmanager
    async def session(self, viewer: UUID | None = None, watchers: Collection[UUID] = ()) -> AsyncIterator[AsyncSession]:
        async with super().session(viewer, watchers) as session:
            yield session
        self._after_commit()

    @asynccontextmanager
    async def transaction(
        self, viewer: UUID | None = None, watchers: Collection[UUID] = ()
    ) -> AsyncIterator[Transaction]:
        async with super().transaction(viewer, watchers) as transaction:
            transaction.connection = cast("Driver", _FaultyDriver(self, transaction.connection))
            yield transaction
        self._after_commit()

    def _after_commit(self) -> None:
        if self._plan is not None and self._plan.point == AFTER_COMMIT and not self._plan.struck:
            self._plan.struck = True
            raise CrashedError(AFTER_COMMIT)


class _FaultyDriver:
    """A connection of the driver, as much of it as a step asks for."""

    def __init__(self, database: FaultyDatabase, driver: Driver) -> None:
        self._database, self._driver = database, driver

    async def execute(self, text: str, values: Any) -> Any:
        self._database.on_statement(self._driver)
        return await self._driver.execute(text, values)

    def cursor(self) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        self._database.on_statement(self._driver)
        return self._driver.cursor()

    async def commit(self) -> None:
        self._database.on_commit(self._driver)
        await self._driver.commit()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A savepoint: a statement before and one after the block."""
        self._database.on_statement(self._driver)
        async with self._driver.transaction():
            yield
            self._database.on_statement(self._driver)

    @property
    def closed(self) -> bool:
        return self._driver.closed
