"""Transactions. One ``Database`` per process and role; what runs inside a transaction never commits itself.

Tables have no ORM relationships, so a flush does not know that a row refers to another: whoever adds a row
that others refer to flushes before adding those.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

_SET_VIEWER = text("SELECT set_config('souk.viewer', :viewer, true)")


class Database:
    """A pool of connections of one role."""

    def __init__(self, url: str, pool_size: int, application_name: str) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_timeout=10,
            # Errors are logged; parameters may be terms of an offer.
            hide_parameters=True,
            connect_args={"application_name": application_name, "connect_timeout": 5},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, viewer: UUID | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back by any exception.

        ``viewer`` is whose private rows row-level security lets the API's role see in it.
        """
        async with self._sessions() as session, session.begin():
            if viewer is not None:
                await session.execute(_SET_VIEWER, {"viewer": str(viewer)})
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
