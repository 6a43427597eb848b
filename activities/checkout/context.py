"""The Checkout workflow as sweep, audit, doctor and console know it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.checkout.telling import process_of_checkout
from activities.platform.specs import ActivityPart, Due, Expected, Housekeeping, Policies, Workflows, WorkflowSpec
from activities.platform.workflows import Process
from db.checkout.housekeeping import delete_personal_data
from db.checkout.sessions import list_overdue_checkouts, owing_refunds
from db.checkout.tables import CheckoutRow
from domain.checkout.commands import CheckoutStart
from domain.checkout.context import CONTEXT
from domain.checkout.policy import CheckoutPolicy
from domain.market.policy import MarketPolicy


def _build(policies: Policies) -> Workflows:
    """The market's policy is what the sessions' orders are placed by."""
    policy, market = policies.of(CheckoutPolicy), policies.of(MarketPolicy)

    def start(key: UUID, row: Mapping[str, Any]) -> CheckoutStart:
        whole = policy.whole_addresses and row.get("whole_addresses", True)
        chosen = policy.model_copy(update={"whole_addresses": whole})
        return CheckoutStart(checkout_id=key, store_id=row["store_id"], policy=chosen, market=market)

    async def delete_old_personal_data(session: AsyncSession) -> int:
        return await delete_personal_data(session, policy.personal_data_days)

    [workflow] = CONTEXT.workflows
    return Workflows(
        (WorkflowSpec(workflow, _read, start, _describe, _expected, _due),),
        (Housekeeping("personal_data_deleted", delete_old_personal_data),),
    )


PART = ActivityPart("checkout", _build)


async def _read(session: AsyncSession, key: UUID) -> Mapping[str, Any] | None:
    """Of open sessions, and of completed ones that owe a refund."""
    query = select(CheckoutRow.store_id).where(
        CheckoutRow.checkout_id == key,
        CheckoutRow.closed_at.is_(None) | CheckoutRow.checkout_id.in_(owing_refunds()),
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else row._asdict()


def _describe(start: BaseModel, resumed: bool) -> Process:
    assert isinstance(start, CheckoutStart)
    return process_of_checkout(start, resumed=resumed)


async def _expected(session: AsyncSession) -> Expected:
    must = frozenset(await session.scalars(select(CheckoutRow.checkout_id).where(CheckoutRow.closed_at.is_(None))))
    return Expected(must, must | frozenset(await session.scalars(owing_refunds())))


async def _due(session: AsyncSession, limit: int) -> Sequence[Due]:
    late = "a session, a completion or a refund stands still"
    return [Due(row.checkout_id, late) for row in await list_overdue_checkouts(session, limit)]
