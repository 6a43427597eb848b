"""A database pool that fails where a test says: before the nth statement, before a commit, or after it.

``cut`` ends the server's side of the connection instead of raising, as a failover does: the error is then the
real one, and the pool must recover from it by itself.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.session import Database

BEFORE_COMMIT, AFTER_COMMIT = "before commit", "after commit"
_FINGERPRINT = """
    SELECT coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') FROM {table} r
"""


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

    def _on_statement(self, connection: Any, *_: Any) -> None:
        if self._plan is not None:
            self._plan.seen += 1
            if self._plan.seen == self._plan.point:
                self._strike(connection)

    def _on_commit(self, connection: Any) -> None:
        if self._plan is not None and self._plan.point == BEFORE_COMMIT:
            self._strike(connection)

    def _strike(self, connection: Any) -> None:
        assert self._plan is not None
        plan = self._plan
        if plan.struck:
            return
        plan.struck = True
        if not plan.cut:
            raise CrashedError(str(plan.point))
        backend = connection.connection.driver_connection.info.backend_pid
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])

    @asynccontextmanager
    async def transaction(self, viewer: UUID | None = None) -> AsyncIterator[AsyncSession]:
        async with super().transaction(viewer) as session:
            yield session
        if self._plan is not None and self._plan.point == AFTER_COMMIT and not self._plan.struck:
            self._plan.struck = True
            raise CrashedError(AFTER_COMMIT)


async def fingerprint(database: Database) -> dict[str, str]:
    """What every table holds, as a hash of its rows."""
    async with database.transaction() as session:
        names = await session.scalars(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            )
        )
        return {name: await session.scalar(text(_FINGERPRINT.format(table=name))) for name in sorted(names)}
