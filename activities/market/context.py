"""The market's workflow types as sweep, audit, doctor and console know them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.market.waking import Start, market_process
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
from db.market import housekeeping, negotiations, orders, trust
from db.market.tables import Negotiation, Order, ReviewWindow, Store
from db.platform.transactions import Transaction
from domain.market.appeals import APPEAL_HELP
from domain.market.commands import NegotiationStart, OrderStart, ReviewWindowStart, StoreTrustStart
from domain.market.context import CONTEXT
from domain.market.policy import MarketPolicy
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST, order_process
from domain.market.states import OfferStatus, ReviewWindowStatus

_Keys = Callable[[Transaction, int], Awaitable[Sequence[UUID]]]
_Open = Select[UUID, UUID, UUID]

_OPEN_NEGOTIATIONS: _Open = select(
    Negotiation.c.negotiation_id.label("key"), Negotiation.c.listing_id, Negotiation.c.seller_store_id
).where(Negotiation.c.closed_at.is_(None))
_OPEN_ORDERS: _Open = select(Order.c.order_id.label("key"), Order.c.listing_id, Order.c.store_id).where(
    Order.c.closed_at.is_(None)
)
_OPEN_WINDOWS: _Open = (
    select(ReviewWindow.c.order_id.label("key"), Order.c.listing_id, Order.c.store_id)
    .join(Order.table, Order.c.order_id == ReviewWindow.c.order_id)
    .where(ReviewWindow.c.status == ReviewWindowStatus.OPEN)
)


def _build(policies: Policies) -> Workflows:
    policy = policies.of(MarketPolicy)

    def start_negotiation(key: UUID, row: Mapping[str, Any]) -> NegotiationStart:
        return NegotiationStart(
            negotiation_id=key, listing_id=row["listing_id"], store_id=row["seller_store_id"], policy=policy
        )

    def start_order(key: UUID, row: Mapping[str, Any]) -> OrderStart:
        return OrderStart(order_id=key, listing_id=row["listing_id"], store_id=row["store_id"], policy=policy)

    def start_review_window(key: UUID, row: Mapping[str, Any]) -> ReviewWindowStart:
        return ReviewWindowStart(order_id=key, listing_id=row["listing_id"], store_id=row["store_id"], policy=policy)

    def start_store_trust(key: UUID, _: Mapping[str, Any]) -> StoreTrustStart:
        return StoreTrustStart(store_id=key, policy=policy)

    by_name = {workflow.name: workflow for workflow in CONTEXT.workflows}
    return Workflows(
        (
            WorkflowSpec(
                by_name[NEGOTIATION],
                partial(_read, _OPEN_NEGOTIATIONS),
                start_negotiation,
                _describe,
                partial(_expected, _OPEN_NEGOTIATIONS),
                _due_negotiations,
            ),
            WorkflowSpec(
                by_name[ORDER],
                partial(_read, _OPEN_ORDERS),
                start_order,
                _describe,
                partial(_expected, _OPEN_ORDERS),
                partial(_due, orders.list_overdue_orders, "a date of the order has passed"),
            ),
            WorkflowSpec(
                by_name[REVIEW_WINDOW],
                partial(_read, _OPEN_WINDOWS),
                start_review_window,
                _describe,
                partial(_expected, _OPEN_WINDOWS),
                partial(_due, orders.list_overdue_review_windows, "the review window should have closed"),
            ),
            WorkflowSpec(
                by_name[STORE_TRUST],
                _read_store,
                start_store_trust,
                _describe,
                _expected_stores,
                partial(_due, trust.list_stores_needing_fold, "a missing nudge: facts wait to be folded"),
            ),
        ),
        (Housekeeping("words_learned", housekeeping.learn_words),),
        list_concerns=_list_appeals,
    )


PART = ActivityPart("market", _build)


def _describe(start: BaseModel, resumed: bool) -> Process:
    assert isinstance(start, Start)
    return market_process(start, resumed=resumed)


async def _read(open_ones: _Open, session: AsyncSession, key: UUID) -> Mapping[str, Any] | None:
    row = (await session.execute(open_ones.where(open_ones.selected_columns.key == key))).one_or_none()
    return None if row is None else row._asdict()


async def _read_store(_: AsyncSession, key: UUID) -> Mapping[str, Any]:
    """A store always has its workflow, which needs to know nothing else."""
    return {"store_id": key}


async def _expected(open_ones: _Open, session: AsyncSession) -> Expected:
    """Each open projection has its workflow, and nothing else has one."""
    keys = frozenset(await session.scalars(open_ones.with_only_columns(open_ones.selected_columns.key)))
    return Expected(keys, keys)


async def _expected_stores(session: AsyncSession) -> Expected:
    keys = frozenset(await session.scalars(select(Store.c.store_id)))
    return Expected(keys, keys)


async def _due(keys: _Keys, late: str, session: AsyncSession, limit: int) -> Sequence[Due]:
    return [Due(key, late) for key in await keys(await Transaction.of(session), limit)]


async def _due_negotiations(session: AsyncSession, limit: int) -> Sequence[Due]:
    lapsed, standing = "a lapsed hold: the stock was not returned", "an offer that should have ended stands"
    overdue = await negotiations.list_overdue_negotiations(await Transaction.of(session), limit)
    return [Due(key, lapsed if status is OfferStatus.ACCEPTED else standing) for key, status in overdue.items()]


async def _list_appeals(session: AsyncSession, limit: int) -> Sequence[Concern]:
    """Appeals that operators have not decided."""
    concerns = []
    for appeal in await orders.list_waiting_appeals(await Transaction.of(session), limit):
        since, until = (f"{date:%Y-%m-%d %H:%M} UTC" for date in (appeal.appealed_at, appeal.due_at))
        what = f"waits for a decision since {since}, until {until}"
        concerns.append(Concern(order_process(appeal.order_id), appeal.kind, what, APPEAL_HELP))
    return concerns
