"""From an open projection back to its process: for sweeps and doctors, who have found that it does not run."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from activities.market.waking import Start
from db.market.tables import Negotiation, Order, ReviewWindow
from domain.market.commands import NegotiationStart, OrderStart, ReviewWindowStart, StoreTrustStart
from domain.market.policy import MarketPolicy
from domain.market.processes import negotiation_process, order_process, review_window_process, store_trust_process
from domain.market.states import ReviewWindowStatus


async def start_of(session: AsyncSession, policy: MarketPolicy, process_id: str) -> Start | None:
    """What the process is started with; None where its projection is closed or missing, or it is not the market's."""
    key = UUID(process_id.partition("/")[2])
    if process_id == store_trust_process(key):
        return StoreTrustStart(store_id=key, policy=policy)
    if process_id == negotiation_process(key):
        negotiation = await session.get(Negotiation, key)
        if negotiation is None or negotiation.closed_at is not None:
            return None
        return NegotiationStart(
            negotiation_id=key, listing_id=negotiation.listing_id, store_id=negotiation.seller_store_id, policy=policy
        )
    order = await session.get(Order, key)
    if order is None:
        return None
    ids = {"order_id": key, "listing_id": order.listing_id, "store_id": order.store_id}
    if process_id == order_process(key) and order.closed_at is None:
        return OrderStart(**ids, policy=policy)
    if process_id == review_window_process(key):
        window = await session.get(ReviewWindow, key)
        if window is not None and window.status is ReviewWindowStatus.OPEN:
            return ReviewWindowStart(**ids, policy=policy)
    return None
