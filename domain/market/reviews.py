"""Reviews: only for a delivered order, by its buyer, once, within the window."""

from datetime import datetime

from domain.market import errors
from domain.market.orders import OrderState
from domain.market.states import OrderStatus, ReviewWindowStatus


def decide_review(
    order_status: OrderStatus,
    window_status: ReviewWindowStatus | None,
    closes_at: datetime | None,
    now: datetime,
) -> None:
    """Whether the order's buyer may review now. The error says which rule refuses.

    ``window_status`` is None before delivery.
    """
    if order_status is OrderStatus.REFUNDED:
        raise errors.REVIEW_REFUNDED.error()
    if order_status is not OrderStatus.DELIVERED or window_status is None or closes_at is None:
        raise errors.REVIEW_UNDELIVERED.error()
    if window_status is ReviewWindowStatus.REVIEWED:
        raise errors.REVIEW_EXISTS.error()
    if window_status is not ReviewWindowStatus.OPEN or now >= closes_at:
        raise errors.REVIEW_TOO_LATE.error()


def counts_now(order: OrderState) -> bool:
    """Whether a review written now moves trust at once: not while its buyer's refund request awaits an answer.

    It is shown all the same. Where the answer is no it counts from then on, and where the money goes back, never.
    """
    return not order.refund_requested or order.refund_answered
