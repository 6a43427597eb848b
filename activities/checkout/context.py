"""The Checkout workflow as sweep, audit, doctor and console know it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import bindparam, select

from activities.checkout.telling import process_of_checkout
from activities.platform.specs import ActivityPart, Due, Expected, Housekeeping, Policies, Workflows, WorkflowSpec
from activities.platform.workflows import Process
from db.checkout.housekeeping import delete_personal_data
from db.checkout.sessions import list_overdue_checkouts, owing_refunds
from db.checkout.tables import CheckoutRow
from db.platform.statements import Query
from db.platform.transactions import Transaction
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

    async def delete_old_personal_data(transaction: Transaction) -> int:
        return await delete_personal_data(transaction, policy.personal_data_days)

    [workflow] = CONTEXT.workflows
    return Workflows(
        (WorkflowSpec(workflow, _read, start, _describe, _expected, _due),),
        (Housekeeping("personal_data_deleted", delete_old_personal_data),),
    )


PART = ActivityPart("checkout", _build)

_OPEN = Query(
    select(CheckoutRow.c.store_id).where(
        CheckoutRow.c.checkout_id == bindparam("key"),
        CheckoutRow.c.closed_at.is_(None) | CheckoutRow.c.checkout_id.in_(owing_refunds()),
    )
)
_KEYS = Query(select(CheckoutRow.c.checkout_id).where(CheckoutRow.c.closed_at.is_(None)), UUID)
_OWING = Query(owing_refunds(), UUID)


async def _read(transaction: Transaction, key: UUID) -> Mapping[str, Any] | None:
    """Of open sessions, and of completed ones that owe a refund."""
    row = await transaction.one_or_none(_OPEN, key=key)
    return None if row is None else row._asdict()


def _describe(start: BaseModel, resumed: bool) -> Process:
    assert isinstance(start, CheckoutStart)
    return process_of_checkout(start, resumed=resumed)


async def _expected(transaction: Transaction) -> Expected:
    must = frozenset(await transaction.rows(_KEYS))
    return Expected(must, must | frozenset(await transaction.rows(_OWING)))


async def _due(transaction: Transaction, limit: int) -> Sequence[Due]:
    late = "a transaction, a completion or a refund stands still"
    return [Due(key, late) for key in await list_overdue_checkouts(transaction, limit)]
