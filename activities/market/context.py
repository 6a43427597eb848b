"""The market's workflow types as sweep, audit, doctor and console know them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, bindparam, select

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
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.appeals import APPEAL_HELP
from domain.market.commands import NegotiationStart, OrderStart, ReviewWindowStart, StoreTrustStart
from domain.market.context import CONTEXT
from domain.market.policy import MarketPolicy
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW, STORE_TRUST, order_process
from domain.market.states import OfferStatus, ReviewWindowStatus

_Keys = Callable[[Transaction, int], Awaitable[Sequence[UUID]]]


@dataclass(frozen=True, slots=True)
class _Open:
    """Open projections: what starts the workflow of one, and the keys of all."""

    one: Query[Any]
    keys: Query[UUID]


def _open_ones(query: Select[UUID, UUID, UUID]) -> _Open:
    key = query.selected_columns[0]
    return _Open(Query(query.where(key == bindparam("one"))), Query(query.with_only_columns(key), UUID))


_OPEN_NEGOTIATIONS = _open_ones(
    select(Negotiation.c.negotiation_id, Negotiation.c.listing_id, Negotiation.c.seller_store_id).where(
        Negotiation.c.closed_at.is_(None)
    )
)
_OPEN_ORDERS = _open_ones(
    select(Order.c.order_id, Order.c.listing_id, Order.c.store_id).where(Order.c.closed_at.is_(None))
)
_OPEN_WINDOWS = _open_ones(
    select(ReviewWindow.c.order_id, Order.c.listing_id, Order.c.store_id)
    .join(Order.table, Order.c.order_id == ReviewWindow.c.order_id)
    .where(ReviewWindow.c.status == ReviewWindowStatus.OPEN)
)
_STORES = Query(select(Store.c.store_id), UUID)


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


async def _read(open_ones: _Open, transaction: Transaction, key: UUID) -> Mapping[str, Any] | None:
    row = await transaction.one_or_none(open_ones.one, one=key)
    return None if row is None else row._asdict()


async def _read_store(_: Transaction, key: UUID) -> Mapping[str, Any]:
    """A store always has its workflow, which needs to know nothing else."""
    return {"store_id": key}


async def _expected(open_ones: _Open, transaction: Transaction) -> Expected:
    """Each open projection has its workflow, and nothing else has one."""
    keys = frozenset(await transaction.rows(open_ones.keys))
    return Expected(keys, keys)


async def _expected_stores(transaction: Transaction) -> Expected:
    keys = frozenset(await transaction.rows(_STORES))
    return Expected(keys, keys)


async def _due(keys: _Keys, late: str, transaction: Transaction, limit: int) -> Sequence[Due]:
    return [Due(key, late) for key in await keys(transaction, limit)]


async def _due_negotiations(transaction: Transaction, limit: int) -> Sequence[Due]:
    lapsed, standing = "a lapsed hold: the stock was not returned", "an offer that should have ended stands"
    overdue = await negotiations.list_overdue_negotiations(transaction, limit)
    return [Due(key, lapsed if status is OfferStatus.ACCEPTED else standing) for key, status in overdue.items()]


async def _list_appeals(transaction: Transaction, limit: int) -> Sequence[Concern]:
    """Appeals that operators have not decided."""
    concerns = []
    for appeal in await orders.list_waiting_appeals(transaction, limit):
        since, until = (f"{date:%Y-%m-%d %H:%M} UTC" for date in (appeal.appealed_at, appeal.due_at))
        what = f"waits for a decision since {since}, until {until}"
        concerns.append(Concern(order_process(appeal.order_id), appeal.kind, what, APPEAL_HELP))
    return concerns
