"""How a process is described to the engine, woken by a signal and commanded by an update: from an activity or the API.

Both start it where it does not run, so a process that is over or was lost goes on from its projection.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import Priority, TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.platform.commands import Command
from domain.platform.messages import Done
from domain.platform.workflows import NUDGE

RPC_TIMEOUT = timedelta(seconds=10)
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """All the engine is told at the start of a process: ids, a state and dates, never a term of an offer.

    ``start`` is the workflow's one argument, encrypted like every payload.
    """

    kind: str
    process_id: str
    start: BaseModel
    task_queue: str
    attributes: TypedSearchAttributes
    summary: str
    priority: Priority = Priority.default


async def wake_process(client: Client, process: Process) -> None:
    """Signal the process, starting it when it is not running. Raises RPCError when Temporal is away."""
    await _start(
        client, process, WorkflowIDConflictPolicy.USE_EXISTING, WorkflowIDReusePolicy.ALLOW_DUPLICATE, signal=NUDGE
    )


async def signal_process(client: Client, process_id: str) -> bool:
    """Signal a running process to look again. False when it is not running; RPCError when Temporal is away."""
    try:
        await client.get_workflow_handle(process_id).signal(NUDGE, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def start_process(client: Client, process: Process) -> None:
    """Start a process that has never run, and need not be told to look.

    Raises WorkflowAlreadyStartedError where one runs or has run, RPCError when Temporal is away.
    """
    await _start(client, process, WorkflowIDConflictPolicy.FAIL, WorkflowIDReusePolicy.REJECT_DUPLICATE, signal=None)


async def _start(
    client: Client,
    process: Process,
    running: WorkflowIDConflictPolicy,
    over: WorkflowIDReusePolicy,
    signal: str | None,
) -> None:
    await client.start_workflow(
        process.kind,
        process.start,
        id=process.process_id,
        task_queue=process.task_queue,
        id_conflict_policy=running,
        id_reuse_policy=over,
        start_signal=signal,
        search_attributes=process.attributes,
        static_summary=process.summary,
        priority=process.priority,
        rpc_timeout=RPC_TIMEOUT,
    )


async def send_command(
    client: Client,
    process: Process,
    command: Command,
    *,
    seconds: float = RPC_TIMEOUT.total_seconds(),
) -> Done:
    """Have the process carry out a command; it is started when it does not run.

    The command's id is the update's, so a repetition joins the first attempt. One that does not open the process tries
    the update alone, which costs less than one that could start it. The engine may drop an update with the workflow
    task that carried it, when the process has something else to look at before it may end; and a process may end before
    it takes an update up. Neither is an answer, so the same update is sent again, under the same id, until ``seconds``
    have passed.
    Raises WorkflowUpdateFailedError for a refusal, RPCError when Temporal is away, TimeoutError.
    """
    pause = _FIRST_PAUSE_SECONDS
    send = _update_with_start if command.opens else _update
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await send(client, process, command, timedelta(seconds=seconds))
            except WorkflowUpdateRPCTimeoutOrCancelledError as error:
                # What the client makes of our own timeout, when that ends a call and not a pause.
                raise TimeoutError from error
            except (RPCError, WorkflowUpdateFailedError) as error:
                if not _unanswered(error):
                    raise
            if send is _update_with_start:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            send = _update_with_start


def _unanswered(error: RPCError | WorkflowUpdateFailedError) -> bool:
    """Whether nobody has decided on the update: it was dropped, or its process ended around it."""
    if isinstance(error, RPCError):
        return error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}
    return isinstance(error.cause, ApplicationError) and error.cause.type == "AcceptedUpdateCompletedWorkflow"


async def _update(client: Client, process: Process, command: Command, rpc_timeout: timedelta) -> Done:
    done: Done = await client.get_workflow_handle(process.process_id).execute_update(
        command.kind, command, id=str(command.command_id), result_type=Done, rpc_timeout=rpc_timeout
    )
    return done


async def _update_with_start(client: Client, process: Process, command: Command, rpc_timeout: timedelta) -> Done:
    async with _starting(process) as operation:
        done = await client.execute_update_with_start_workflow(
            command.kind,
            command,
            start_workflow_operation=operation,
            id=str(command.command_id),
            result_type=Done,
            rpc_timeout=rpc_timeout,
        )
    assert isinstance(done, Done)
    return done


@asynccontextmanager
async def _starting(process: Process) -> AsyncIterator[WithStartWorkflowOperation[Any, Any]]:
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        process.kind,
        process.start,
        id=process.process_id,
        task_queue=process.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        search_attributes=process.attributes,
        static_summary=process.summary,
        priority=process.priority,
    )
    try:
        yield operation
    except BaseException:
        # Its future fails as well, or is cancelled: taken note of here, or asyncio would complain.
        started = asyncio.ensure_future(operation.workflow_handle())
        await asyncio.wait((started,), timeout=0)
        if not started.cancel() and not started.cancelled():
            started.exception()
        raise
