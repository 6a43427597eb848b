"""What needs an operator: late processes, failing ones, ended ones that should run, and holds about to lapse."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from api.context import AppContext
from db.locks import clock
from db.platform import console

GRACE_SECONDS = 60.0
HOLDS_WITHIN_SECONDS = 600.0
WEBHOOKS_AFTER_SECONDS = 3600.0
_MOST = 100
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


async def get_attention(context: AppContext, operator: UUID) -> Attention:
    """The most urgent first."""
    async with context.database.transaction() as session:
        await console.name_operator(session, operator)
        now = await clock(session)
        late = await console.list_late(session, now, GRACE_SECONDS, _MOST)
        webhooks = await console.list_failing_webhooks(session, now - timedelta(seconds=WEBHOOKS_AFTER_SECONDS), _MOST)
        appeals = await console.list_appeals(session, _MOST)
        holds = await console.list_expiring_holds(session, now, HOLDS_WITHIN_SECONDS, _MOST)
    answered = True
    failing: list[Item] = []
    dead: list[Item] = []
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            dead = await _dead_letters(context, operator)
            failing = await _listed(context, _FAILING)
    except (RPCError, TimeoutError, RuntimeError):
        answered = False
    items = [
        *dead,
        *failing,
        *(
            Item(
                "overdue", row["kind"], row["id"], row["store_id"], row["waits_for"], row["due"], "wake",
                "Wake it; if many are late, expire offers now and see that a worker runs.",
            )
            for row in late
        ),
        *(
            Item(
                "appeal", row["kind"], row["id"], row["store_id"], row["waits_for"], row["since"], None,
                "Decide it: grant or decline the appeal. Nobody's decision by then declines it.",
            )
            for row in appeals
        ),
        *(
            Item(
                "hold expiring", row["kind"], row["id"], row["store_id"], row["waits_for"], row["due"], None,
                "Nothing to do: unbought, the stock returns by itself.",
            )
            for row in holds
        ),
        *(
            Item(
                "webhook failing", row["kind"], row["id"], None, row["waits_for"], row["since"], None,
                "Nothing to do here: its owner must mend the receiver; nothing is lost meanwhile.",
            )
            for row in webhooks
        ),
    ]  # fmt: skip
    return Attention(items, answered, now)


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
    async with context.database.transaction() as session:
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
