"""Commands that were carried out and whose answers were never kept: their processes may not know of them either."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from temporalio.client import Client

from activities.market.waking import nudge
from db.platform.commands import list_unanswered
from db.platform.tables import ProcessedCommand
from db.session import Database

_MOST = 10_000
_AT_A_TIME = 500
_AT_ONCE = 16


class Unanswered:
    """Tells the processes of a context's unanswered commands to look again, each once: the engine keeps a signal.

    ``kinds``: of commands, as they are recorded. ``process_of(command)`` names the process, ``start(command)`` starts
    it where it does not run though its projection is open, and answers whether it did.
    """

    def __init__(
        self,
        kinds: frozenset[str],
        process_of: Callable[[ProcessedCommand], str],
        start: Callable[[ProcessedCommand], Awaitable[bool]],
    ) -> None:
        self._kinds = kinds
        self._process_of = process_of
        self._start = start
        self._told: set[UUID] = set()

    async def tell(self, database: Database, client: Client) -> int:
        """For how many commands a process was told; what is more than one sweep's share waits for the next.

        Raises RPCError when Temporal is away.
        """
        async with database.transaction() as session:
            found = await list_unanswered(session, self._kinds, _MOST)
        self._told &= {command.command_id for command in found}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def tell_one(command: ProcessedCommand) -> bool:
            async with gate:
                told = await nudge(client, self._process_of(command)) or await self._start(command)
            self._told.add(command.command_id)
            return told

        untold = [command for command in found if command.command_id not in self._told]
        async with asyncio.TaskGroup() as calls:
            telling = [calls.create_task(tell_one(command)) for command in untold[:_AT_A_TIME]]
        return sum(task.result() for task in telling)
