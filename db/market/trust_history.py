"""What a fold looks up about one fact in the rows of earlier folds: penalties, buyers who waited, what was brought."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, literal_column, or_, select

from db.market.tables import Order, TrustEvent, TrustFact
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.trust import TrustReason

_STORE = bindparam("store_id", type_=Uuid())
_fact, _folded, _event = TrustFact.table, TrustFact.table.alias("folded"), TrustEvent.table
_PENALTY = Query(
    select(_event.c.trust_event_id)
    .select_from(_event.join(_fact, _fact.c.fact_id == _event.c.fact_id))
    .where(
        _fact.c.listing_id == bindparam("listing_id"),
        _fact.c.reason == bindparam("reason"),
        _fact.c.folded_at.is_not(None),
        _fact.c.occurred_at > bindparam("since"),
        _event.c.delta_s > 0,
    )
    .limit(1)
)
_order = Order.table
_BUYERS = Query(
    select(
        _order.c.buyer_customer_id,
        select(func.count())
        .select_from(_folded)
        .where(
            _folded.c.store_id == _order.c.store_id,
            _folded.c.reason == bindparam("reason"),
            _folded.c.subject_agent_id == _order.c.buyer_customer_id,
            _folded.c.folded_at.is_not(None),
            ~_folded.c.inputs.has_key("resolves_challenge"),
        )
        .correlate(_order)
        .scalar_subquery()
        .label("earlier"),
    )
    .where(
        _order.c.listing_id == bindparam("listing_id"),
        _order.c.placed_at <= bindparam("at"),
        _order.c.paid_at <= bindparam("at"),
        or_(_order.c.delivered_at.is_(None), _order.c.delivered_at > bindparam("at")),
        or_(_order.c.refunded_at.is_(None), _order.c.refunded_at > bindparam("at")),
    )
    .order_by(_order.c.placed_at, _order.c.order_id)
)
_BROUGHT = Query(
    select(_event.c.sequence, _event.c.component, _event.c.delta_r.label("dr"), _event.c.delta_s.label("ds"))
    .where(_event.c.fact_id == bindparam("fact_id"))
    .order_by(_event.c.sequence)
)
_DECAYS = Query(
    select(func.count(_event.c.fact_id.distinct()).label("decays")).where(
        _event.c.store_id == _STORE,
        literal_column("trust_events.reason = 'TIME_DECAY'"),
        _event.c.sequence > bindparam("sequence"),
    )
)


async def buyers_waiting(transaction: Transaction, fact: TrustFact) -> list[tuple[UUID, int]]:
    """Who had paid and waited for its goods when the fact's listing was changed, and how often it was so before."""
    rows = await transaction.rows(_BUYERS, listing_id=fact.listing_id, reason=fact.reason, at=fact.occurred_at)
    return [(row.buyer_customer_id, row.earlier) for row in rows]


async def list_brought(transaction: Transaction, fact_id: UUID) -> list[Any]:
    """What a folded fact brought: ``sequence``, ``component``, ``dr`` and ``ds`` of each of its rows."""
    return await transaction.rows(_BROUGHT, fact_id=fact_id)


async def count_decays(transaction: Transaction, store_id: UUID, sequence: int) -> int:
    """How often the store's evidence has faded since that row."""
    [row] = await transaction.rows(_DECAYS, store_id=store_id, sequence=sequence)
    return int(row.decays)


async def was_penalised(
    transaction: Transaction, listing_id: UUID | None, reason: TrustReason, since: datetime
) -> bool:
    """Whether a fact of this reason about the listing, newer than ``since``, was folded and cost its store."""
    return bool(await transaction.rows(_PENALTY, listing_id=listing_id, reason=reason, since=since))
