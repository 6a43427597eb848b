"""One agent's webhooks as rows, and what is found to deliver for them."""

from typing import Any
from uuid import UUID

from db.platform import writes
from db.platform.database import Database
from db.platform.events import notify
from db.platform.ids import new_id
from db.webhooks import endpoints
from db.webhooks.pending import (
    list_concerned,
    list_waiting,
    read_bounds,
)
from domain.market.states import InboxType
from domain.webhooks.states import WebhookSource
from tests.builders import make_agent
from tests.slow_commits import settle


class Rows:
    """One agent with webhooks, in the worker's role. Every look waits until all that was committed may be read."""

    def __init__(self, database: Database, agent: UUID) -> None:
        self.database = database
        self.agent = agent
        self.made: list[UUID] = []

    @classmethod
    async def make(cls, database: Database) -> "Rows":
        async with database.transaction() as transaction:
            return cls(database, await make_agent(transaction))

    async def webhook(self, source=WebhookSource.INBOX, **more) -> UUID:
        fields = {"types": [], "store_id": None, "listing_id": None, "description": None, "max_per_agent": 100}
        # What may be read only later counts as new to an endpoint made before.
        await settle(self.database)
        async with self.database.transaction() as transaction:
            row = await endpoints.insert_endpoint(
                transaction, new_id(), self.agent, url="https://agent.example/", source=source, **(fields | more)
            )
        self.made.append(row.webhook_id)
        return row.webhook_id

    async def change(self, webhook: UUID, **values: Any) -> None:
        async with self.database.transaction() as transaction:
            writes.change(transaction, await endpoints.lock_endpoint(transaction, self.agent, webhook), **values)

    async def tell(self, agent: UUID, type: InboxType) -> None:
        async with self.database.transaction() as transaction:
            notify(transaction, agent, type)

    async def horizon(self) -> int:
        await settle(self.database)
        async with self.database.transaction() as transaction:
            return (await read_bounds(transaction)).horizon

    async def concerned(self, since: int) -> list[UUID]:
        await settle(self.database)
        return await self._concerned(since)

    async def waiting(self) -> list[UUID]:
        await settle(self.database)
        return await self._waiting()

    async def both(self, since: int) -> list[UUID]:
        """What the listener finds, which must be what the sweep finds."""
        await settle(self.database)
        return await self.both_at_once(since)

    async def both_at_once(self, since: int) -> list[UUID]:
        """As ``both``, while a transaction that was begun earlier still runs."""
        found = await self._concerned(since)
        assert await self._waiting() == found
        return found

    async def _concerned(self, since: int) -> list[UUID]:
        async with self.database.transaction() as transaction:
            found = await list_concerned(transaction, since, (await read_bounds(transaction)).horizon)
        return [key for key in self.made if key in found]

    async def _waiting(self) -> list[UUID]:
        async with self.database.transaction() as transaction:
            found = await list_waiting(transaction, 10_000)
        return [key for key in self.made if key in found]
