"""What every sweep does: tidies, wakes what should have acted by now, tells of commands that nobody answered."""

import asyncio
from uuid import UUID

from temporalio.client import Client

from activities.platform.specs import Restart, WorkflowSpec, WorkflowSpecs
from activities.platform.workflows import signal_process, wake_process
from db.platform.commands import list_unanswered
from db.platform.database import Database
from db.platform.outages import silent_parts

_BATCH = 500
_MOST_UNANSWERED = 10_000
_AT_ONCE = 16


class Sweeper:
    """Sweeps over the workflow types of all contexts."""

    def __init__(self, database: Database, client: Client, specs: WorkflowSpecs) -> None:
        self._database = database
        self._client = client
        self._specs = specs
        self._restart = Restart(database, client, specs)
        self._told: set[UUID] = set()

    async def tidy(self) -> dict[str, int]:
        """All housekeeping, by its name: how many rows it touched."""
        touched = {}
        async with self._database.transaction() as transaction:
            for task in self._specs.housekeeping:
                touched[task.name] = await task.run(transaction)
        return touched

    async def wake_due(self) -> dict[str, int]:
        """By the first part of their ids, how many workflows were woken. Raises RPCError when Temporal is away.

        None of a type whose dates depend on a part with an outage that is not recorded: they will be moved.
        """
        async with self._database.transaction() as transaction:
            silent = await silent_parts(transaction)
        return {
            spec.type.prefix: 0 if silent & self._specs.rows.parts_of(spec.type.prefix) else await self._wake_due(spec)
            for spec in self._specs.all
        }

    async def _wake_due(self, spec: WorkflowSpec) -> int:
        # A transaction that writes nothing: readers of the feeds wait for every one that does.
        async with self._database.transaction() as transaction:
            due = await spec.list_due(transaction, _BATCH)
            found = [await spec.load(transaction, one.key) for one in due]
        open_ones = [process for process in found if process is not None]
        for process in open_ones:
            await wake_process(self._client, process)
        return len(open_ones)

    async def tell_unanswered(self) -> int:
        """Tell workflows of commands that were carried out and whose answers were never kept, each once.

        A workflow may not know of such a command either: the engine may have lost it together with its worker. What is
        more than one sweep's share waits for the next. Raises RPCError when Temporal is away.
        """
        async with self._database.transaction() as transaction:
            found = await list_unanswered(transaction, self._specs.commands, _MOST_UNANSWERED)
        self._told &= {command.command_id for command in found}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def tell(command_id: UUID, spec: WorkflowSpec, key: UUID) -> bool:
            async with gate:
                told = await signal_process(self._client, spec.workflow_id(key)) or await self._restart.wake(spec, key)
            self._told.add(command_id)
            return told

        untold = [command for command in found if command.command_id not in self._told]
        async with asyncio.TaskGroup() as calls:
            telling = [
                calls.create_task(tell(command.command_id, self._specs.by_command(command.kind), command.entity_id))
                for command in untold[:_BATCH]
            ]
        return sum(task.result() for task in telling)
