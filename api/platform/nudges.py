"""Telling processes of a fact, after its commit and at best effort.

The row that says so was committed with the fact, and a schedule sweeps what was never told: a lost nudge
costs a little time and nothing else. So no implementation lets a failure reach the request.
"""

from typing import Protocol
from uuid import UUID


class Nudges(Protocol):
    """Which processes can be told to look again."""

    async def store_trust(self, store_id: UUID) -> None:
        """The store has a new trust fact or an open question."""

    async def negotiations_on_listing(self, listing_id: UUID) -> None:
        """The listing's price, stock or status changed."""

    async def negotiations_in_store(self, store_id: UUID) -> None:
        """The store's status changed."""

    async def blocked(self, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
        """The store's owner has blocked this customer."""

    async def webhook(self, webhook_id: UUID) -> None:
        """Its owner changed the webhook, or wants something of it now."""


class NoNudges:
    """Tells nobody; the sweep finds everything."""

    async def store_trust(self, store_id: UUID) -> None:
        return

    async def negotiations_on_listing(self, listing_id: UUID) -> None:
        return

    async def negotiations_in_store(self, store_id: UUID) -> None:
        return

    async def blocked(self, store_id: UUID, owner_id: UUID, agent_id: UUID) -> None:
        return

    async def webhook(self, webhook_id: UUID) -> None:
        return
