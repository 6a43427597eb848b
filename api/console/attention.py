"""What needs an operator: queues nobody serves, late and failing processes, ended ones that should run, webhooks.

What counts, and how it is summed up, is ``domain/attention.py``, which the doctor shares.
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
from db.outages import list_outages, read_pulse
from db.platform import console
from db.platform.transactions import Transaction
from domain.attention import (
    APPEAL_HELP,
    HOLD_EXPIRING,
    LATE_SECONDS,
    OVERDUE,
    UNSERVED,
    WEBHOOK_FAILING,
    WEBHOOK_HELP,
    appeal_kind,
    verdict,
)

HOLDS_WITHIN_SECONDS = 600.0
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
        return verdict([*unknown, *unserved, *(item.why for item in self.items)])


async def get_attention(context: AppContext, operator: UUID) -> Attention:
    """The most urgent first."""
    async with context.database.session() as session:
        await console.name_operator(session, operator)
        now = await clock(session)
        pulse = await read_pulse(await Transaction.of(session))
        outages = await list_outages(session, _OUTAGES)
        late = await console.list_late(session, now, LATE_SECONDS, _MOST)
        webhooks = await console.list_failing_webhooks(session, _MOST)
        appeals = await console.list_appeals(session, _MOST)
        holds = await console.list_expiring_holds(session, now, HOLDS_WITHIN_SECONDS, _MOST)
    answered = True
    failing: list[Item] = []
    dead: list[Item] = []
    queues: list[QueueState] = []
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            queues = await look_at_queues(context.temporal, pulse.parts, pulse.now)
            dead = await _dead_letters(context, operator)
            failing = await _listed(context, _FAILING)
    except (RPCError, TimeoutError, RuntimeError):
        answered = False
    items = [
        *dead,
        *failing,
        *(
            Item(
                OVERDUE, row["kind"], row["id"], row["store_id"],
                trouble_of(queues, row["kind"]) or row["waits_for"], row["due"], "wake",
                HELP if trouble_of(queues, row["kind"]) else "Wake it; if many are late, expire offers now.",
            )
            for row in late
        ),
        *(
            Item(
                appeal_kind(row["since"], row["due"], now), row["kind"], row["id"], row["store_id"],
                row["waits_for"], row["since"], None, APPEAL_HELP,
            )
            for row in appeals
        ),
        *(
            Item(
                HOLD_EXPIRING, row["kind"], row["id"], row["store_id"], row["waits_for"], row["due"], None,
                "Nothing to do: unbought, the stock returns by itself.",
            )
            for row in holds
        ),
        *(
            Item(
                WEBHOOK_FAILING, row["kind"], row["id"], None, row["waits_for"], row["since"], None, WEBHOOK_HELP,
            )
            for row in webhooks
        ),
    ]  # fmt: skip
    return Attention(items, answered, now, queues, outages)


async def _listed(context: AppContext, query: str) -> list[Item]:
    found = []
    async for workflow in context.temporal.list_workflows(query, limit=_MOST):
        kind, _, text = workflow.id.partition("/")
        if kind not in console.KINDS:
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
            row = await console.get_projection(session, kind, entity)
            if row is not None and (kind == "store-trust" or row["closed_at"] is None):
                open_ones.append(item)
    left = []
    for item in open_ones:
        found = await context.temporal.get_workflow_handle(item.process_id).describe()
        if found.status is not WorkflowExecutionStatus.RUNNING:
            left.append(item)
    return left
