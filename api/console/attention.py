"""What needs an operator: queues nobody serves, late and failing processes, ended ones that should run, webhooks.

What counts, and how it is summed up, is ``domain/platform/attention.py``, which the doctor shares.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.platform.serving import HELP, QueueState, look_at_queues, trouble_of
from api.context import AppContext
from db.locks import clock
from db.platform import console
from db.platform.contexts import Notice, Row
from db.platform.outages import list_outages, read_pulse
from db.platform.transactions import Transaction
from domain.platform.attention import LATE_SECONDS, OVERDUE, UNSERVED, verdict

_MOST = 100
_OUTAGES = 10
_PATIENCE_SECONDS = 4
_FAILING = "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL"
_DEAD = "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut', 'Canceled')"


@dataclass(frozen=True, slots=True)
class Item:
    """``action`` is what helps: wake, expire-offers, or nothing but time."""

    why: str
    kind: str
    id: UUID
    store_id: UUID | None
    waits_for: str
    since: datetime | None
    action: str | None
    help: str
    urgent: bool = True

    @property
    def process_id(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True)
class Attention:
    items: list[Item]
    temporal: bool
    """Whether Temporal answered; without it failing processes and dead letters are not known."""
    now: datetime
    queues: list[QueueState]
    """Every task queue; none without Temporal."""
    outages: Sequence[RowMapping]
    """The newest ones of the market's parts."""

    @property
    def verdict(self) -> str:
        unknown = [] if self.temporal else ["Temporal away"]
        unserved = [UNSERVED for queue in self.queues if not queue.served]
        return verdict([*unknown, *unserved, *(item.why for item in self.items if item.urgent)])


async def get_attention(context: AppContext, operator: UUID) -> Attention:
    """The most urgent first."""
    specs, rows = context.specs, context.specs.rows
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        now = await clock(session)
        pulse = await read_pulse(await Transaction.of(session))
        outages = await list_outages(session, _OUTAGES)
        late = await console.list_late(session, rows, now, LATE_SECONDS, _MOST)
        noticed = [(notice, await console.list_noticed(session, notice, now, _MOST)) for notice in rows.notices]
    answered = True
    failing: list[Item] = []
    dead: list[Item] = []
    queues: list[QueueState] = []
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            queues = await look_at_queues(context.temporal, specs.contexts.queues, pulse.parts, pulse.now)
            dead = await _dead_letters(context, operator)
            failing = await _listed(context, _FAILING)
    except (RPCError, TimeoutError, RuntimeError):
        answered = False
    items = [
        *dead,
        *failing,
        *(_late(row, trouble_of(queues, specs.by_prefix(row["kind"]))) for row in late),
        *(_noticed(notice, row, now) for notice, found in noticed for row in found),
    ]
    return Attention(items, answered, now, queues, outages)


def _late(row: Row, trouble: str | None) -> Item:
    helps = HELP if trouble else "Wake it; if many are late, expire offers now."
    waits_for = trouble or row["waits_for"]
    return Item(OVERDUE, row["kind"], row["id"], row["store_id"], waits_for, row["due"], "wake", helps)


def _noticed(notice: Notice, row: Row, now: datetime) -> Item:
    why, place = notice.why(row, now), (row["kind"], row["id"], row["store_id"])
    return Item(why, *place, row["waits_for"], row["since"], None, notice.help, notice.urgent)


async def _listed(context: AppContext, query: str) -> list[Item]:
    found = []
    async for workflow in context.temporal.list_workflows(query, limit=_MOST):
        kind, _, text = workflow.id.partition("/")
        if kind not in context.specs.rows.views:
            continue
        entity = UUID(text)
        if workflow.status is WorkflowExecutionStatus.RUNNING:
            found.append(
                Item(
                    "failing", kind, entity, None, "a step that fails and is tried again", workflow.start_time, None,
                    "Read the worker's log and the Temporal UI: the step goes on once its cause is gone.",
                )
            )  # fmt: skip
        else:
            status = workflow.status.name.lower() if workflow.status else "over"
            found.append(
                Item(
                    "dead letter", kind, entity, None, f"nothing: its workflow {status}", workflow.close_time, "wake",
                    "Wake it: it starts anew from its projection.",
                )
            )  # fmt: skip
    return found


async def _dead_letters(context: AppContext, operator: UUID) -> list[Item]:
    """Workflows that ended badly while their projection is still open and none runs in their place."""
    ended = {(item.kind, item.id): item for item in await _listed(context, _DEAD)}
    open_ones = []
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        for (kind, entity), item in ended.items():
            view = context.specs.rows.views[kind]
            row = await console.get_projection(session, view, entity)
            if row is not None and view.is_open(row):
                open_ones.append(item)
    left = []
    for item in open_ones:
        found = await context.temporal.get_workflow_handle(item.process_id).describe()
        if found.status is not WorkflowExecutionStatus.RUNNING:
            left.append(item)
    return left
