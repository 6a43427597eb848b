"""One process as an operator sees it: its projection beside its workflow, and its story in the market's words."""

import asyncio
from collections.abc import Mapping
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
from api.web.words import REASONS, signed
from db.market.reads_trust import list_trust_events
from db.market.tables import TrustEvent
from db.market.watch_pages import list_order_events
from db.outages import list_extensions, read_pulse
from db.platform import console
from db.waits import WAITS
from domain.platform.errors import ROUTE_NOT_FOUND

_PATIENCE_SECONDS = 3
_STEPS = 100
_DATE = "%Y-%m-%d %H:%M:%S"
Story = tuple[datetime, str, str | None]


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
    story: list[Story]
    workflow: Workflow
    differences: list[str]
    trouble: str | None
    """Why it does not go on, when that is because nobody serves its queue."""

    @property
    def process_id(self) -> str:
        return f"{self.kind}/{self.id}"


async def get_process(context: AppContext, operator: UUID, kind: str, entity: UUID) -> Process:
    """Raises request.not_found when there is no such process."""
    if kind not in console.KINDS:
        raise ROUTE_NOT_FOUND.error()
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        row = await console.get_projection(session, kind, entity)
        if row is None:
            raise ROUTE_NOT_FOUND.error()
        story = await _STORIES[kind](session, entity, row)
        story = sorted([*story, *await _extensions(session, kind, entity)], key=lambda entry: entry[0])
    is_open = kind == "store-trust" or row["closed_at"] is None or row.get("owes_refund_since") is not None
    workflow, trouble = await asyncio.gather(describe(context, f"{kind}/{entity}"), find_trouble(context, kind))
    if kind == "webhook":
        # A quiet endpoint may do without a process, and a paused one may have one.
        waits = row["next_attempt_at"] is not None
        found = differences(row, workflow, is_open=True) if waits or not workflow.reached else []
    else:
        found = differences(row, workflow, is_open=is_open)
    return Process(kind, entity, row, is_open, story, workflow, found, trouble if is_open else None)


async def find_trouble(context: AppContext, kind: str) -> str | None:
    """Why processes of this kind do not go on, when that is because nobody serves their queue."""
    pulse = await read_pulse(context.admission)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return trouble_of(await look_at_queues(context.temporal, pulse.parts, pulse.now), kind)
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
        row = await console.get_projection(session, kind, entity) if kind in console.KINDS else None
    if row is None:
        raise ROUTE_NOT_FOUND.error()
    spec = context.specs.by_prefix(kind)
    assert spec is not None
    await signal_or_start(context.temporal, spec.restarted(entity, row))


_WAITS = {wait.name: wait for wait in WAITS if wait.tell is not None}


async def _extensions(session: AsyncSession, kind: str, entity: UUID) -> list[Story]:
    """The dates that an outage moved."""
    entities = [entity]
    if kind == "negotiation":
        entities = [offer["offer_id"] for offer in await console.list_rounds(session, entity)]
    story: list[Story] = []
    for row in await list_extensions(session, entities):
        wait = _WAITS.get(row["wait"])
        if wait is not None and wait.process == kind:
            away = f"{row['part']} was away from {row['began_at']:{_DATE}} to {row['ended_at']:{_DATE}} UTC"
            moved = f"from {row['old_date']:{_DATE}} to {row['new_date']:{_DATE}} UTC"
            story.append((row["recorded_at"], f"{away}: the time to {wait.act} was extended {moved}", None))
    return story


async def _negotiation(session: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Story]:
    story: list[Story] = []
    for offer in await console.list_rounds(session, entity):
        who = "buyer" if offer["proposed_by"] == "BUYER" else "merchant"
        turn = "made an offer" if offer["round"] == 1 else "answered with an offer of its own"
        story.append((offer["created_at"], f"Round {offer['round']}: the {who} {turn}", None))
        for column, words in (
            ("accepted_at", "was accepted; its stock is held"),
            ("rejected_at", "was declined"),
        ):
            if offer[column]:
                story.append((offer[column], f"The offer of round {offer['round']} {words}", None))
        if offer["closed_at"] and not offer["rejected_at"]:
            why = (offer["close_reason"] or offer["status"]).replace("_", " ").lower()
            story.append((offer["closed_at"], f"The offer of round {offer['round']} ended: {why}", None))
    if row["closed_at"]:
        why = (row["close_reason"] or row["status"]).replace("_", " ").lower()
        story.append((row["closed_at"], f"The negotiation ended: {why}", None))
    return sorted(story, key=lambda entry: entry[0])


_ORDER_STEPS = (
    ("placed_at", "The order was placed"),
    ("paid_at", "It is known to be paid"),
    ("reminded_at", "The merchant was reminded to deliver"),
    ("delivered_at", "The merchant delivered; the review window and the return window opened"),
    ("refund_requested_at", "The buyer asked for its money back"),
    ("refund_declined_at", "The merchant declined to pay back"),
    ("appealed_at", "The buyer appealed to the operators"),
    ("appeal_declined_at", "The appeal was not granted"),
)


async def _order(session: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Story]:
    story: list[Story] = [(row[name], words, None) for name, words in _ORDER_STEPS if row[name]]
    if row["refunded_at"]:
        why = row["refund_reason"].replace("_", " ").lower()
        story.append((row["refunded_at"], f"The order was paid back: {why}", None))
    elif row["closed_at"]:
        story.append((row["closed_at"], "The return window closed", None))
    reviews = [event for event in await list_order_events(session, entity) if event.review_id is not None]
    story += [(event.created_at, "The buyer reviewed it", f"/threads/{event.thread_id}") for event in reviews]
    return sorted(story, key=lambda entry: entry[0])


async def _review_window(_: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Story]:
    story: list[Story] = [(row["opened_at"], "The review window opened", f"/orders/{entity}")]
    if row["closed_at"]:
        story.append((row["closed_at"], f"It ended: {row['status'].lower()}", None))
    return story


async def _store_trust(session: AsyncSession, entity: UUID, _: Mapping[str, Any]) -> list[Story]:
    steps = await list_trust_events(session, entity, None, _STEPS, newest_first=True)
    return [(step.timestamp, _step(step), f"/stores/{entity}#t-{step.sequence}") for step in reversed(steps)]


_WEBHOOK_STEPS = (
    ("created_at", "The endpoint was made"),
    ("last_delivered_at", "The last event was delivered"),
    ("failing_since", "Nothing is delivered from here on"),
    ("last_attempt_at", "The last try"),
)


async def _webhook(_: AsyncSession, __: UUID, row: Mapping[str, Any]) -> list[Story]:
    story: list[Story] = [(row[name], words, None) for name, words in _WEBHOOK_STEPS if row[name]]
    return sorted(story, key=lambda entry: entry[0])


_CHECKOUT_STEPS = (
    ("created_at", "The session was opened"),
    ("attempted_at", "The buyer began to pay"),
    ("captured_at", "The payment was captured"),
)


async def _checkout(_: AsyncSession, __: UUID, row: Mapping[str, Any]) -> list[Story]:
    story: list[Story] = [(row[name], words, None) for name, words in _CHECKOUT_STEPS if row[name]]
    if row["closed_at"]:
        why = (row["close_reason"] or row["status"]).replace("_", " ").lower()
        story.append((row["closed_at"], f"The session ended: {why}", None))
    if row["owes_refund_since"]:
        story.append((row["owes_refund_since"], "An order was refunded, and its money is not paid back yet", None))
    return sorted(story, key=lambda entry: entry[0])


def _step(step: TrustEvent) -> str:
    moved = signed(step.overall_after_milli - step.overall_before_milli)
    told = f"Step {step.sequence}: {REASONS[step.reason]} ({step.component.value})"
    return f"{told}, {moved} to {step.overall_after_milli / 1000:.3f}"


_STORIES = {
    "negotiation": _negotiation,
    "order": _order,
    "review-window": _review_window,
    "store-trust": _store_trust,
    "webhook": _webhook,
    "checkout": _checkout,
}
