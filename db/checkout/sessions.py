"""Writes of checkout sessions: a quote becomes the session's rows, whole, in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import CheckoutLine, CheckoutPayment, CheckoutPlatform, CheckoutRow
from db.market.tables import Order
from db.platform.reading import LIMIT
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.checkout.models import Checkout, Notice, Quote
from domain.checkout.quotes import status_of
from domain.checkout.states import PaymentStatus
from domain.market.states import OrderStatus


async def count_open(session: AsyncSession, agent_id: UUID) -> int:
    """Exact only under the lock on the agent's row."""
    query = select(func.count()).where(CheckoutRow.agent_id == agent_id, CheckoutRow.closed_at.is_(None))
    return await session.scalar(query) or 0


async def is_platform(session: AsyncSession, agent_id: UUID) -> bool:
    """Whether the agent was made for a shopping platform."""
    return await session.get(CheckoutPlatform, agent_id) is not None


async def note_shown(session: AsyncSession, checkout: Checkout) -> None:
    """This quote goes to the session's platform with the answer that the transaction belongs to."""
    if checkout.status.over or checkout.shown_version >= checkout.quote_version:
        return
    await session.execute(
        update(CheckoutRow)
        .where(CheckoutRow.checkout_id == checkout.checkout_id, CheckoutRow.shown_version < checkout.quote_version)
        .values(shown_version=checkout.quote_version)
        .execution_options(synchronize_session=False)
    )


async def write_quote(session: AsyncSession, row: CheckoutRow, quoted: Quote, now: datetime, *extra: Notice) -> None:
    """Replace the session's lines and amounts by the quote's; ``row`` is locked or new, with its status open."""
    row.quote_version += 1
    row.status = status_of(quoted)
    row.subtotal_cents = quoted.totals.subtotal_cents
    row.discount_cents = quoted.totals.discount_cents
    row.fulfillment_cents = quoted.totals.fulfillment_cents
    row.total_cents = quoted.totals.total_cents
    row.fulfillment = quoted.fulfillment.model_dump(mode="json")
    row.discounts = quoted.discounts.model_dump(mode="json")
    row.messages = [notice.model_dump(mode="json") for notice in (*extra, *quoted.notices)]
    row.updated_at = now
    session.add(row)
    await session.flush()
    await session.execute(
        delete(CheckoutLine)
        .where(CheckoutLine.checkout_id == row.checkout_id)
        .execution_options(synchronize_session="fetch")
    )
    for position, line in enumerate(quoted.lines):
        session.add(
            CheckoutLine(
                checkout_id=row.checkout_id,
                position=position,
                line_id=line.line_id,
                listing_id=line.listing_id,
                title=line.title,
                image_url=line.image_url,
                shipped=line.shipped,
                quantity=line.quantity,
                unit_price_cents=line.unit_price_cents,
                base_cents=line.base_cents,
                discount_cents=line.discount_cents,
                total_cents=line.total_cents,
            )
        )
    await session.flush()


async def list_unrefunded_lines(session: AsyncSession, checkout_id: UUID) -> list[CheckoutLine]:
    """Lines of a completed session whose order was refunded and whose money was not."""
    query = (
        select(CheckoutLine)
        .join(Order.table, Order.c.order_id == CheckoutLine.order_id)
        .where(
            CheckoutLine.checkout_id == checkout_id,
            CheckoutLine.refunded_at.is_(None),
            Order.c.status == OrderStatus.REFUNDED,
        )
        .order_by(CheckoutLine.position)
    )
    return list(await session.scalars(query))


def owing_refunds() -> Select[UUID]:
    """Completed sessions with an order that was refunded and whose money was not."""
    return (
        select(CheckoutLine.checkout_id)
        .join(Order.table, Order.c.order_id == CheckoutLine.order_id)
        .join(CheckoutPayment, CheckoutPayment.checkout_id == CheckoutLine.checkout_id)
        .where(
            CheckoutLine.refunded_at.is_(None),
            Order.c.status == OrderStatus.REFUNDED,
            CheckoutPayment.status == PaymentStatus.CAPTURED,
        )
    )


_NOW = func.clock_timestamp()
_UNDER_WAY = CheckoutRow.c.status == "complete_in_progress"
_OVERDUE = Query(
    select(CheckoutRow.c.checkout_id)
    .where(
        (
            CheckoutRow.c.closed_at.is_(None)
            & ~_UNDER_WAY
            & (CheckoutRow.c.expires_at < _NOW - func.make_interval(0, 0, 0, 0, 0, 0, 5))
        )
        | (_UNDER_WAY & (CheckoutRow.c.updated_at < _NOW - func.make_interval(0, 0, 0, 0, 0, 0, 60)))
        | CheckoutRow.c.checkout_id.in_(owing_refunds())
    )
    .order_by(CheckoutRow.c.expires_at)
    .limit(LIMIT),
    UUID,
)


async def list_overdue_checkouts(transaction: Transaction, limit: int) -> list[UUID]:
    """What the sweep wakes: sessions past their time, completions that stand still, refunds nobody paid back."""
    return await transaction.rows(_OVERDUE, limit=limit)
