"""A store's owner keeps a customer away: no new offers, orders or words; rights that were paid for stay."""

from domain.market import errors
from domain.market.negotiation import Closing, NegotiationState
from domain.market.orders import OrderState
from domain.market.states import CloseReason, OfferStatus, OrderStatus


def check_not_blocked(*, blocked: bool) -> None:
    """Refuse who the store's owner has blocked. Raises store.blocked."""
    if blocked:
        raise errors.STORE_BLOCKED.error()


def end_blocked_negotiation(state: NegotiationState) -> Closing | None:
    """How a block ends what the two have under way. What was accepted is broken, as by a withdrawal."""
    if state.standing is not None or state.held is not None:
        return Closing(OfferStatus.CANCELLED, CloseReason.BUYER_BLOCKED, returns_stock=state.held is not None)
    return None


def ends_blocked_order(order: OrderState) -> bool:
    """Whether a block ends an order: undelivered and unpaid. A paid one is delivered, or declined as any other."""
    return order.status is OrderStatus.PLACED and not order.paid
