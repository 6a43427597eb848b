"""Waiting for what a process does, by looking: never by the length of a sleep."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

_UNDER_WAY = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
}


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 60) -> None:
    """Poll until the condition holds. Raises TimeoutError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not come to hold")
        await asyncio.sleep(0.01)


async def has_begun(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def has_ended(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING


async def idle(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether the process has no step under way, or never began."""
    try:
        last = (await handle.fetch_history()).events[-1].event_type
    except RPCError:
        return True
    return last not in _UNDER_WAY
