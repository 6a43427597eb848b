"""One process as an operator sees it: its projection beside its workflow, and its story in words."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.platform.attributes import STATE
from activities.platform.serving import look_at_queues, trouble_of
from activities.platform.workflows import wake_process as signal_or_start
from api.context import AppContext
from api.platform.parts import Step
from db.platform import console
from db.platform.contexts import ProcessView
from db.platform.outages import list_extensions, read_pulse
from db.platform.waiting import Wait
from domain.platform.errors import ROUTE_NOT_FOUND

_PATIENCE_SECONDS = 3
_DATE = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class Workflow:
    """What Temporal knows. ``reached`` is False when Temporal did not answer; ``found`` when it has none."""

    reached: bool = True
    found: bool = False
    running: bool = False
    status: str = "none"
    state: str | None = None
    started: datetime | None = None
    events: int = 0
    pending: list[str] = field(default_factory=list)
    link: str | None = None


@dataclass(slots=True)
class Process:
    kind: str
    id: UUID
    projection: Mapping[str, Any]
    open: bool
    story: list[Step]
    workflow: Workflow
    differences: list[str]
    trouble: str | None
    """Why it does not go on, when that is because nobody serves its queue."""

    @property
    def process_id(self) -> str:
        return f"{self.kind}/{self.id}"


async def get_process(context: AppContext, operator: UUID, kind: str, entity: UUID) -> Process:
    """Raises request.not_found when there is no such process."""
    view = find_view(context, kind)
    story = context.parts.stories[kind]
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        row = await console.get_projection(session, view, entity)
        if row is None:
            raise ROUTE_NOT_FOUND.error()
        told = await story.tell(session, entity, row)
        moved = await _extensions(session, context.specs.rows.waits, kind, await story.list_waiting(session, entity))
    steps = sorted([*told, *moved], key=lambda step: step[0])
    is_open = view.is_open(row)
    workflow, trouble = await asyncio.gather(describe(context, f"{kind}/{entity}"), find_trouble(context, kind))
    rests = workflow.reached and view.may_rest(row)
    found = [] if rests else differences(row, workflow, is_open=is_open)
    return Process(kind, entity, row, is_open, steps, workflow, found, trouble if is_open else None)


def find_view(context: AppContext, kind: str) -> ProcessView:
    """How operators see processes whose ids begin so. Raises request.not_found."""
    view = context.specs.rows.views.get(kind)
    if view is None:
        raise ROUTE_NOT_FOUND.error()
    return view


async def find_trouble(context: AppContext, kind: str) -> str | None:
    """Why processes of this kind do not go on, when that is because nobody serves their queue."""
    pulse = await read_pulse(context.admission)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            queues = await look_at_queues(context.temporal, context.specs.contexts.queues, pulse.parts, pulse.now)
            return trouble_of(queues, context.specs.by_prefix(kind))
    except (RPCError, TimeoutError, RuntimeError):
        return "Temporal did not answer: whether anybody serves its queue is not known"


async def describe(context: AppContext, process_id: str) -> Workflow:
    settings = context.settings
    link = None
    if settings.temporal_ui_url:
        base = f"{settings.temporal_ui_url.rstrip('/')}/namespaces/{settings.temporal_namespace}"
        link = f"{base}/workflows/{quote(process_id, safe='')}"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await context.temporal.get_workflow_handle(process_id).describe()
    except RPCError as error:
        return Workflow(reached=error.status is RPCStatusCode.NOT_FOUND, link=link)
    except (TimeoutError, RuntimeError):
        return Workflow(reached=False, link=link)
    return _workflow(found, link)


def _workflow(found: WorkflowExecutionDescription, link: str | None) -> Workflow:
    pending = [
        f"{activity.activity_type.name}, attempt {activity.attempt}"
        for activity in found.raw_description.pending_activities
    ]
    task = found.raw_description.pending_workflow_task
    if task.attempt > 1:
        pending.append(f"workflow task, attempt {task.attempt}")
    return Workflow(
        found=True,
        running=found.status is WorkflowExecutionStatus.RUNNING,
        status=found.status.name.lower().replace("_", " ") if found.status else "unknown",
        state=found.typed_search_attributes.get(STATE),
        started=found.start_time,
        events=found.history_length,
        pending=pending,
        link=link,
    )


def differences(row: Mapping[str, Any], workflow: Workflow, *, is_open: bool) -> list[str]:
    """Where the projection and the workflow say different things; each is a sentence."""
    if not workflow.reached:
        return ["Temporal did not answer: the workflow is not known"]
    if is_open and not workflow.found:
        return ["the projection is open, and there is no workflow: wake it to start one"]
    found = []
    if is_open and not workflow.running:
        found.append(f"the projection is open, and the workflow is {workflow.status}: wake it to start it anew")
    if not is_open and workflow.running:
        found.append("the projection is closed, and the workflow still runs")
    status = row.get("status")
    # A process started anew shows RESUMED until its next step.
    unlike = workflow.state is not None and workflow.state not in {status, "RESUMED"}
    # A review window's stays OPEN: that the workflow has ended says that it is over.
    is_over = workflow.state == "OPEN" and not workflow.running and not is_open
    if status is not None and unlike and not is_over:
        found.append(f"the projection says {status}, the workflow says {workflow.state}")
    return found


async def wake_process(context: AppContext, operator: UUID, kind: str, entity: UUID) -> None:
    """Tell the process to look again; one that is gone is started anew from its projection."""
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        row = await console.get_projection(session, find_view(context, kind), entity)
    if row is None:
        raise ROUTE_NOT_FOUND.error()
    await signal_or_start(context.temporal, context.specs.by_prefix(kind).restarted(entity, row))


async def _extensions(session: AsyncSession, waits: Sequence[Wait], kind: str, entities: Sequence[UUID]) -> list[Step]:
    """The dates that an outage moved."""
    told = {wait.name: wait for wait in waits if wait.tell is not None and wait.process == kind}
    steps: list[Step] = []
    for row in await list_extensions(session, entities):
        if row["wait"] in told:
            away = f"{row['part']} was away from {row['began_at']:{_DATE}} to {row['ended_at']:{_DATE}} UTC"
            moved = f"from {row['old_date']:{_DATE}} to {row['new_date']:{_DATE}} UTC"
            act = told[row["wait"]].act
            steps.append((row["recorded_at"], f"{away}: the time to {act} was extended {moved}", None))
    return steps
