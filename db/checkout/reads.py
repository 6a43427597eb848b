"""Reads of sessions and their orders, under row-level security: a viewer finds only its own."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import CheckoutLine, CheckoutPayment, CheckoutRow, SimulationItem
from db.market.tables import Order
from domain.checkout.models import (
    Buyer,
    Checkout,
    Discounts,
    Fulfillment,
    Line,
    Notice,
    OrderGroup,
    Payment,
    PlacedOrder,
    Totals,
)
from domain.checkout.states import CheckoutClose, CheckoutStatus, PaymentStatus


async def get_checkout(session: AsyncSession, checkout_id: UUID) -> Checkout | None:
    """The session, or None when it is not the viewer's to see."""
    row = await session.get(CheckoutRow, checkout_id)
    return await checkout_of(session, row) if row else None


async def get_checkout_of_order(session: AsyncSession, order_id: UUID) -> Checkout | None:
    """The completed session behind a group of orders; ``order_id`` is the group's."""
    row = await session.scalar(select(CheckoutRow).where(CheckoutRow.order_id == order_id))
    return await checkout_of(session, row) if row and row.status == CheckoutStatus.COMPLETED else None


async def get_checkout_of_market_order(session: AsyncSession, order_id: UUID) -> Checkout | None:
    """The session that one of the market's orders came from."""
    checkout_id = await session.scalar(select(CheckoutLine.checkout_id).where(CheckoutLine.order_id == order_id))
    return await get_checkout(session, checkout_id) if checkout_id else None


async def get_open_checkout_of_cart(session: AsyncSession, cart_id: UUID) -> UUID | None:
    """The id of the open session a cart was converted into."""
    found: UUID | None = await session.scalar(
        select(CheckoutRow.checkout_id).where(CheckoutRow.cart_id == cart_id, CheckoutRow.closed_at.is_(None))
    )
    return found


async def list_lines(session: AsyncSession, checkout_id: UUID) -> list[CheckoutLine]:
    query = select(CheckoutLine).where(CheckoutLine.checkout_id == checkout_id).order_by(CheckoutLine.position)
    return list(await session.scalars(query))


async def get_payment(session: AsyncSession, row: CheckoutRow) -> CheckoutPayment | None:
    """The latest attempt's payment."""
    found: CheckoutPayment | None = await session.scalar(
        select(CheckoutPayment).where(
            CheckoutPayment.checkout_id == row.checkout_id, CheckoutPayment.attempt == row.attempt
        )
    )
    return found


async def _group(session: AsyncSession, row: CheckoutRow, lines: list[CheckoutLine]) -> OrderGroup | None:
    if row.order_id is None or row.status != CheckoutStatus.COMPLETED:
        return None
    keys = [line.order_id for line in lines if line.order_id is not None]
    found = await session.execute(select(*Order.columns).where(Order.c.order_id.in_(keys)))
    orders = {order.order_id: order for order in found}
    placed = [(line.line_id, orders[line.order_id]) for line in lines if line.order_id in orders]
    return OrderGroup(
        order_id=row.order_id,
        orders=tuple(
            PlacedOrder(
                line_id=line_id,
                order_id=order.order_id,
                status=order.status,
                placed_at=order.placed_at,
                promised_at=order.promised_at,
                delivered_at=order.delivered_at,
                refunded_at=order.refunded_at,
                refund_reason=order.refund_reason,
            )
            for line_id, order in placed
        ),
    )


def line_of(row: CheckoutLine) -> Line:
    return Line(
        line_id=row.line_id,
        listing_id=row.listing_id,
        title=row.title,
        image_url=row.image_url,
        shipped=row.shipped,
        quantity=row.quantity,
        unit_price_cents=row.unit_price_cents,
        base_cents=row.base_cents,
        discount_cents=row.discount_cents,
        total_cents=row.total_cents,
    )


async def checkout_of(session: AsyncSession, row: CheckoutRow) -> Checkout:
    """The session as it is read, with its lines, its latest payment and its orders."""
    lines = await list_lines(session, row.checkout_id)
    payment = await get_payment(session, row)
    return Checkout(
        checkout_id=row.checkout_id,
        agent_id=row.agent_id,
        store_id=row.store_id,
        currency=row.currency,
        status=CheckoutStatus(row.status),
        quote_version=row.quote_version,
        shown_version=row.shown_version,
        lines=tuple(line_of(line) for line in lines),
        buyer=Buyer.model_validate(row.buyer) if row.buyer else None,
        fulfillment=Fulfillment.model_validate(row.fulfillment),
        discounts=Discounts.model_validate(row.discounts),
        totals=Totals(
            subtotal_cents=row.subtotal_cents,
            discount_cents=row.discount_cents,
            fulfillment_cents=row.fulfillment_cents,
            total_cents=row.total_cents,
        ),
        notices=tuple(Notice.model_validate(message) for message in row.messages),
        offer_id=row.offer_id,
        cart_id=row.cart_id,
        payment=Payment(
            handler_id=payment.handler_id,
            instrument_id=payment.instrument_id,
            status=PaymentStatus(payment.status),
            amount_cents=payment.amount_cents,
        )
        if payment
        else None,
        order=await _group(session, row, lines),
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        close_reason=CheckoutClose(row.close_reason) if row.close_reason else None,
    )


async def find_simulated_listing(session: AsyncSession, item_id: str) -> UUID | None:
    """Test mode only: the listing a CSV file calls ``item_id``."""
    item = await session.get(SimulationItem, item_id)
    return item.listing_id if item else None


async def find_simulated_item(session: AsyncSession, listing_id: UUID) -> str | None:
    """Test mode only: what a CSV file calls this listing."""
    found: str | None = await session.scalar(
        select(SimulationItem.item_id).where(SimulationItem.listing_id == listing_id)
    )
    return found
