"""An appeal after a declined refund: once, to the operators, who decide within a window or leave the decline as it is.

A merchant must not be the judge of its own cause for good, and a buyer must not ask for ever.
"""

from datetime import datetime

from domain.market import errors
from domain.market.orders import OrderState
from domain.market.states import OrderStatus


def decide_appeal(order: OrderState, now: datetime) -> None:
    """Whether the buyer may appeal: once, after a declined refund, within the window that the decline opened."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not order.refund_requested or not order.refund_answered:
        raise errors.NOTHING_TO_APPEAL.error()
    if order.appealed:
        raise errors.APPEAL_MADE.error()
    if order.closed or order.appeal_by is None or now >= order.appeal_by:
        raise errors.APPEAL_WINDOW_CLOSED.error()


def decide_appeal_decision(order: OrderState, now: datetime) -> None:
    """Whether an appeal awaits the operators' decision: until its date, also when the timer is late."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not order.appealed or order.appeal_decided:
        raise errors.NO_APPEAL.error()
    if order.appeal_due_at is not None and now >= order.appeal_due_at:
        raise errors.APPEAL_DECISION_LATE.error()


APPEAL = "appeal"
LATE_APPEAL = "late appeal"
APPEAL_HELP = "Decide it: grant or decline the appeal. Nobody's decision by then declines it."


def appeal_kind(appealed_at: datetime, due_at: datetime, now: datetime) -> str:
    """How operators are told of an appeal that awaits them; late once half of their time for it has passed."""
    return LATE_APPEAL if now - appealed_at > due_at - now else APPEAL
