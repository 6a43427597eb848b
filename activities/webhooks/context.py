"""The WebhookDelivery workflow as sweep, audit, doctor and console know it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from activities.platform.specs import ActivityContext, Due, Expected, Housekeeping, WorkflowSpec
from activities.platform.workflows import Process
from activities.webhooks.waking import delivery_process
from db.webhooks.deliveries import purge_dead_letters
from db.webhooks.pending import list_expected, list_waiting, move_idle_cursors
from domain.webhooks.commands import WebhookStart
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.processes import WEBHOOK_DELIVERY


def webhook_context(policy: WebhookPolicy) -> ActivityContext:
    """``policy`` says how long dead letters are kept."""

    async def purge(session: AsyncSession) -> int:
        return await purge_dead_letters(session, policy.dead_letter_retention_days)

    return ActivityContext(
        "webhooks",
        (WorkflowSpec(WEBHOOK_DELIVERY, "webhook", _read, _start, _describe, _expected, _due),),
        (Housekeeping("dead_letters_purged", purge), Housekeeping("cursors_moved", move_idle_cursors)),
    )


async def _read(_: AsyncSession, key: UUID) -> Mapping[str, Any]:
    """Also of an endpoint that is gone: its workflow looks, and ends."""
    return {"webhook_id": key}


def _start(key: UUID, _: Mapping[str, Any]) -> WebhookStart:
    return WebhookStart(webhook_id=key)


def _describe(start: BaseModel) -> Process:
    assert isinstance(start, WebhookStart)
    return delivery_process(start)


async def _expected(session: AsyncSession) -> Expected:
    must, may = await list_expected(session)
    return Expected(frozenset(must), frozenset(may))


async def _due(session: AsyncSession, limit: int) -> Sequence[Due]:
    """To have something to deliver is no fault: the listener may be about to wake it."""
    return [Due(key, None) for key in await list_waiting(session, limit)]
