"""Commands that were carried out and whose callers were never told: their processes may not know of them either."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from temporalio.client import Client

from activities.market.waking import nudge
from db.platform.commands import list_unanswered
from db.platform.tables import ProcessedCommand
from db.session import Database

_MOST = 10_000


class Unanswered:
    """Tells the processes of a context's unanswered commands to look again, each once: the engine keeps a signal.

    ``kinds``: of commands, as they are recorded. ``process_of(command)`` names the process, ``start(command)`` starts
    it where it does not run though its projection is open.
    """

    def __init__(
        self,
        kinds: frozenset[str],
        process_of: Callable[[ProcessedCommand], str],
        start: Callable[[ProcessedCommand], Awaitable[None]],
    ) -> None:
        self._kinds = kinds
        self._process_of = process_of
        self._start = start
        self._told: set[UUID] = set()

    async def tell(self, database: Database, client: Client) -> int:
        """How many processes were told. Raises RPCError when Temporal is away."""
        async with database.transaction() as session:
            found = await list_unanswered(session, self._kinds, _MOST)
        self._told &= {command.command_id for command in found}
        told = 0
        for command in found:
            if command.command_id in self._told:
                continue
            if not await nudge(client, self._process_of(command)):
                await self._start(command)
            self._told.add(command.command_id)
            told += 1
        return told
