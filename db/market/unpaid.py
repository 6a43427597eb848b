"""What a buyer has taken up without having paid: read under the locks on the buyer and the listing to be exact."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, Select, Uuid, bindparam, func, literal_column, select

from db.market.tables import Negotiation, Offer, Order
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.policy import MarketPolicy
from domain.market.states import CloseReason, DeliveryKind, OrderStatus, RefundReason
from domain.market.unpaid import Unpaid


def _word(value: str) -> ColumnElement[str]:
    """A literal: with a parameter a prepared statement cannot tell that a partial index will do."""
    return literal_column(f"'{value}'")


_BUYER, _LISTING = bindparam("buyer_id", type_=Uuid()), bindparam("listing_id", type_=Uuid())
_SINCE = func.clock_timestamp() - bindparam("memory", type_=Interval())
_hold, _bargain, _order = Offer.table, Negotiation.table, Order.table
_OWED = (_order.c.buyer_customer_id == _BUYER) & _order.c.paid_at.is_(None) & _order.c.closed_at.is_(None)
_UNDELIVERED = _order.c.status == _word(OrderStatus.PLACED)
_BY_ITSELF = (_order.c.status == _word(OrderStatus.DELIVERED)) & (_order.c.delivery == _word(DeliveryKind.INSTANT))
_ACCEPTED = (
    select(func.coalesce(func.sum(_hold.c.quantity), 0))
    .select_from(_bargain.join(_hold, _hold.c.negotiation_id == _bargain.c.negotiation_id))
    .where(_bargain.c.buyer_customer_id == _BUYER, _bargain.c.listing_id == _LISTING, _hold.c.accepted_at.is_not(None))
)
_UNITS = select(func.coalesce(func.sum(_order.c.quantity), 0)).where(_order.c.listing_id == _LISTING)


def _unpaid() -> Select[int, int, int]:
    orders = select(func.count()).select_from(_order).where(_OWED, _UNDELIVERED)
    holds = _ACCEPTED.where(_bargain.c.closed_at.is_(None))
    taken = _UNITS.where(_OWED, _UNDELIVERED | _BY_ITSELF)
    unbought = _ACCEPTED.where(
        _bargain.c.close_reason == _word(CloseReason.NOT_PURCHASED), _bargain.c.closed_at > _SINCE
    )
    not_paid = _UNITS.where(
        _order.c.buyer_customer_id == _BUYER,
        _order.c.refund_reason == _word(RefundReason.NOT_PAID),
        _order.c.closed_at > _SINCE,
    )
    return select(
        orders.scalar_subquery().label("orders"),
        (holds.scalar_subquery() + taken.scalar_subquery()).label("held_units"),
        (unbought.scalar_subquery() + not_paid.scalar_subquery()).label("lapsed_units"),
    )


_UNPAID = Query(_unpaid())


async def get_unpaid(transaction: Transaction, buyer_id: UUID, listing_id: UUID, policy: MarketPolicy) -> Unpaid:
    """Of one listing the units, of the whole market the orders."""
    memory = timedelta(seconds=policy.lapse_memory_seconds)
    [row] = await transaction.rows(_UNPAID, buyer_id=buyer_id, listing_id=listing_id, memory=memory)
    return Unpaid(row.orders, int(row.held_units), int(row.lapsed_units))
