"""What a buyer has open and committed, as expressions: a query about a listing or an offer reads it with the rest."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, literal_column, select

from db.market.tables import AgentLimits, Negotiation, Offer, Order
from db.platform.statements import Columns
from domain.market.negotiation import BuyerStanding
from domain.market.states import OfferStatus, OrderStatus, Party

PROPOSED: ColumnElement[OfferStatus] = literal_column(f"'{OfferStatus.PROPOSED}'")
"""A literal: with a parameter a prepared statement cannot tell that the index of open negotiations will do."""


def open_negotiations(buyer_id: ColumnElement[UUID]) -> ColumnElement[int]:
    """How many of the buyer's negotiations await an answer or hold stock, for a query that reads it among others."""
    table = Negotiation.table.alias("open")
    counted = select(func.count()).select_from(table)
    return counted.where(table.c.buyer_customer_id == buyer_id, table.c.closed_at.is_(None)).scalar_subquery()


def committed_cents(
    buyer_id: ColumnElement[UUID], currency: ColumnElement[str], without: ColumnElement[Any]
) -> ColumnElement[int]:
    """What the buyer has committed in one currency, for a query that joins its ``AgentLimits``.

    Standing bids, accepted and unspent offers, and orders not refunded. ``without`` is a negotiation to leave
    out, or null. Not added up for a buyer without a spend cap.
    """
    bid, bargain = Offer.table.alias("bid"), Negotiation.table.alias("bargain")
    order = Order.table.alias("bought")
    bids = (
        select(func.coalesce(func.sum(bid.c.proposed_price_cents * bid.c.quantity), 0))
        .select_from(bid.join(bargain, bargain.c.negotiation_id == bid.c.negotiation_id))
        .where(
            bid.c.buyer_customer_id == buyer_id,
            bid.c.currency == currency,
            bid.c.negotiation_id.is_distinct_from(without),
            bargain.c.closed_at.is_(None),
            ((bid.c.status == OfferStatus.PROPOSED) & (bid.c.proposed_by == Party.BUYER))
            | (bid.c.status == OfferStatus.ACCEPTED),
        )
    )
    spent = select(func.coalesce(func.sum(order.c.total_price_cents), 0)).where(
        order.c.buyer_customer_id == buyer_id, order.c.currency == currency, order.c.status != OrderStatus.REFUNDED
    )
    capped = AgentLimits.table.c.spend_cap_cents.is_not(None)
    return case((capped, bids.scalar_subquery() + spent.scalar_subquery()), else_=0)


def buyer_standing(row: Columns) -> BuyerStanding:
    """Of a row with an agent's limits, ``open_negotiations`` and ``committed_cents``."""
    return BuyerStanding(
        open_negotiations=row.open_negotiations,
        max_open_negotiations=row.max_open_negotiations,
        committed_cents=int(row.committed_cents),
        spend_cap_cents=row.spend_cap_cents,
    )
