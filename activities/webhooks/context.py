"""The WebhookDelivery workflow as sweep, audit, doctor and console know it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from activities.platform.specs import (
    ActivityPart,
    Concern,
    Due,
    Expected,
    Housekeeping,
    Policies,
    Workflows,
    WorkflowSpec,
)
from activities.platform.workflows import Process
from activities.webhooks.waking import delivery_process
from db.platform.transactions import Transaction
from db.webhooks.deliveries import purge_dead_letters
from db.webhooks.pending import FailingEndpoint, list_expected, list_failing, list_waiting, move_idle_cursors
from domain.webhooks.commands import WebhookStart
from domain.webhooks.context import CONTEXT
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.processes import webhook_process
from domain.webhooks.states import FAILING, FAILING_HELP


def _build(policies: Policies) -> Workflows:
    policy = policies.of(WebhookPolicy)

    async def purge(transaction: Transaction) -> int:
        return await purge_dead_letters(transaction, policy.dead_letter_retention_days)

    [workflow] = CONTEXT.workflows
    return Workflows(
        (WorkflowSpec(workflow, _read, _start, _describe, _expected, _due),),
        (Housekeeping("dead_letters_purged", purge), Housekeeping("cursors_moved", move_idle_cursors)),
        _concerns,
    )


PART = ActivityPart("webhooks", _build)


async def _read(_: Transaction, key: UUID) -> Mapping[str, Any]:
    """Also of an endpoint that is gone: its workflow looks, and ends."""
    return {"webhook_id": key}


def _start(key: UUID, _: Mapping[str, Any]) -> WebhookStart:
    return WebhookStart(webhook_id=key)


def _describe(start: BaseModel, _: bool) -> Process:
    assert isinstance(start, WebhookStart)
    return delivery_process(start)


async def _expected(transaction: Transaction) -> Expected:
    must, may = await list_expected(transaction)
    return Expected(frozenset(must), frozenset(may))


async def _due(transaction: Transaction, limit: int) -> Sequence[Due]:
    """To have something to deliver is no fault: the listener may be about to wake it."""
    return [Due(key, None) for key in await list_waiting(transaction, limit)]


async def _concerns(transaction: Transaction, limit: int) -> Sequence[Concern]:
    """Endpoints that take nothing."""
    return [
        Concern(webhook_process(found.webhook_id), FAILING, _failing(found), FAILING_HELP)
        for found in await list_failing(transaction, limit)
    ]


def _failing(found: FailingEndpoint) -> str:
    """States and dates; an address or what a receiver says is its owner's business."""
    answer = f"last status {found.last_status}" if found.last_status else "no answer"
    since = f"since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
    if found.status == "PAUSED":
        return f"paused ({found.pause_reason}), nothing delivered {since}, {answer}: its owner was told"
    following = f", next try {found.next_attempt_at:%Y-%m-%d %H:%M} UTC" if found.next_attempt_at else ""
    return f"nothing delivered {since}, {answer}{following}"
