"""How the API speaks to processes: commands as updates that start their process if need be.

An update's id is the command's id, so an attempt that was cut off is taken up again and answered the same.
A process that is over or gone is started again by a command: its rules then refuse, or it goes on.
"""

from typing import Any

from temporalio.client import Client

from activities.platform.specs import WorkflowSpecs
from activities.platform.workflows import send_command
from domain.platform.commands import Command
from domain.platform.messages import Done


class Processes:
    """Commands to workflows. Raises what ``api.errors.refusal_of`` understands."""

    def __init__(self, client: Client, specs: WorkflowSpecs, timeout_seconds: float) -> None:
        self._client = client
        self._specs = specs
        self._timeout = timeout_seconds

    async def send(self, command: Command, **place: Any) -> Done:
        """Have its workflow carry out a command. ``place``: with the command's id, what the workflow is started by."""
        process = self._specs.by_name(command.workflow).commanded(command, place)
        return await send_command(self._client, process, command, seconds=self._timeout)
