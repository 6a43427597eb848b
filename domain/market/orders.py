"""Orders: placement to delivery, and the ways back.

PLACED → DELIVERED → (REFUNDED), or PLACED → REFUNDED. Times are the database's; all amounts cents. Whether an order
is paid is a fact beside its status: a checkout took the money, or the seller says that it has it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.market import errors
from domain.market.gating import ways_to_satisfy
from domain.market.negotiation import (
    BuyerStanding,
    ListingView,
    NegotiationState,
    check_listing_open,
    check_spend,
    total_price,
)
from domain.market.policy import MarketPolicy
from domain.market.reminders import next_date, reminder_date
from domain.market.states import DeliveryKind, OfferStatus, OrderStatus, Party, RefundReason


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the rules see it."""

    status: OrderStatus
    delivery: DeliveryKind
    promised_at: datetime | None
    remind_at: datetime | None
    reminded: bool
    refund_requested: bool
    refund_answered: bool
    refund_answer_due_at: datetime | None
    return_window_closes_at: datetime | None
    closed: bool
    paid: bool = False
    payment_due_at: datetime | None = None
    payment_remind_at: datetime | None = None
    appeal_by: datetime | None = None
    appealed: bool = False
    appeal_due_at: datetime | None = None
    appeal_decided: bool = False


@dataclass(frozen=True, slots=True)
class SeenPrice:
    """What a buyer expects a listing to cost per unit, in cents, and what tells that it has seen the price.

    ``lowest_lately_cents``: the lowest list price the listing had within the notice period, as far as it changed
    in it. It counts only where the buyer names no price.
    """

    listing_id: UUID
    currency: str
    expected_cents: int | None = None
    expected_currency: str | None = None
    lowest_lately_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """When a shipped order is due and when its merchant is reminded; None for instant delivery.

    The same for its payment; None where a checkout sees to that.
    """

    promised_at: datetime | None
    remind_at: datetime | None
    payment_due_at: datetime | None = None
    payment_remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What time has brought about: at most one of these."""

    refund: RefundReason | None = None
    remind: bool = False
    remind_payment: bool = False
    decline_appeal: bool = False
    close: bool = False


def check_gating(has_evidence: bool, listing_id: UUID, store_id: UUID) -> None:
    """Refuse a buyer without an earlier interaction, and say what would satisfy the rule."""
    if not has_evidence:
        raise errors.GATING_UNSATISFIED.error(ways=ways_to_satisfy(listing_id, store_id))


def check_party(agent_id: UUID, party: Party, buyer_id: UUID, seller_id: UUID) -> None:
    """Raises order.not_found for a stranger; order.buyer_only or order.seller_only for the other party."""
    if agent_id == (buyer_id if party is Party.BUYER else seller_id):
        return
    if agent_id not in {buyer_id, seller_id}:
        raise errors.ORDER_NOT_FOUND.error()
    raise (errors.BUYER_ONLY if party is Party.BUYER else errors.SELLER_ONLY).error()


def check_seen_price(unit_price_cents: int, seen: SeenPrice) -> None:
    """Refuse a list price the buyer has not agreed to: another one than it named, or without a name one that rose."""
    present: dict[str, Any] = {
        "listing_id": seen.listing_id,
        "unit_price_cents": unit_price_cents,
        "currency": seen.currency,
    }
    if seen.expected_cents not in {None, unit_price_cents} or seen.expected_currency not in {None, seen.currency}:
        raise errors.ORDER_PRICE_CHANGED.error(**present)
    lowest = seen.lowest_lately_cents
    if seen.expected_cents is None and lowest is not None and lowest < unit_price_cents:
        raise errors.ORDER_PRICE_UNSEEN.error(**present)


def decide_purchase(listing: ListingView, buyer: BuyerStanding, quantity: int, seen: SeenPrice) -> int:
    """A purchase at the list price, which must be one the buyer agreed to: returns the total in cents."""
    check_listing_open(listing)
    check_seen_price(listing.price_cents, seen)
    if quantity > listing.stock:
        raise errors.LISTING_SOLD_OUT.error(f"Only {listing.stock} in stock.")
    total = total_price(listing.price_cents, quantity)
    check_spend(buyer, total)
    return total


def decide_offer_purchase(state: NegotiationState, offer_id: UUID, buyer: BuyerStanding, now: datetime) -> int:
    """A purchase of an accepted offer: returns the total in cents. ``buyer`` excludes this negotiation."""
    offer = next((o for o in state.offers if o.offer_id == offer_id), None)
    if offer is None:
        raise errors.OFFER_NOT_FOUND.error()
    if state.spent and offer.status is OfferStatus.ACCEPTED:
        raise errors.OFFER_SPENT.error()
    if offer.status is OfferStatus.EXPIRED and offer.purchase_by is not None:
        raise errors.PURCHASE_WINDOW_PASSED.error()
    if offer.status is not OfferStatus.ACCEPTED or offer.purchase_by is None:
        raise errors.OFFER_NOT_ACCEPTED.error()
    if now >= offer.purchase_by:
        raise errors.PURCHASE_WINDOW_PASSED.error()
    total = total_price(offer.price_cents, offer.quantity)
    check_spend(buyer, total)
    return total


def order_dates(
    delivery: DeliveryKind,
    promised_seconds: int | None,
    now: datetime,
    policy: MarketPolicy,
    *,
    payment_authorized: bool = False,
) -> Dates:
    """When an order placed now is to be delivered and to be paid, and when that is reminded of."""
    if delivery is DeliveryKind.INSTANT:
        return Dates(None, None)
    seconds = policy.promised_delivery_seconds if promised_seconds is None else promised_seconds
    promised_at = now + timedelta(seconds=seconds)
    remind_at = reminder_date(now, promised_at, policy.delivery_reminder_share)
    if payment_authorized:
        return Dates(promised_at, remind_at)
    due_at = now + timedelta(seconds=policy.payment_window_seconds)
    return Dates(promised_at, remind_at, due_at, reminder_date(now, due_at, policy.payment_reminder_share))


def paid_cents(total_price_cents: int, charged_cents: int | None) -> int:
    """What an order really cost its buyer, and so what its review may weigh: a gift buys no trust."""
    return total_price_cents if charged_cents is None else min(charged_cents, total_price_cents)


def _awaits_delivery(order: OrderState) -> bool:
    return order.status is OrderStatus.PLACED


def decide_confirm_payment(order: OrderState, _now: datetime) -> bool:
    """Whether the seller's word that it has the money is news: at any time, but not for what was paid back."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    return not order.paid


def decide_deliver(order: OrderState, now: datetime) -> None:
    """Whether the merchant may confirm delivery: before the promised time passes."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not _awaits_delivery(order) or (order.promised_at is not None and now >= order.promised_at):
        raise errors.ORDER_NOT_PLACED.error()


def decide_cancel(order: OrderState, now: datetime) -> None:
    """Whether the buyer may cancel: before delivery."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not _awaits_delivery(order):
        raise errors.ORDER_NOT_PLACED.error(
            "The order was delivered: ask for a refund with POST /v1/orders/{order_id}/refund-request."
        )
    if order.promised_at is not None and now >= order.promised_at:
        # A missed delivery is the merchant's doing, and its trust must hear of it.
        raise errors.ORDER_OVERDUE.error()


def decide_decline(order: OrderState, now: datetime) -> None:
    """Whether the seller may decline the order: before delivery, and before its promise is broken anyway."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not _awaits_delivery(order):
        raise errors.ORDER_NOT_PLACED.error("The order was delivered: its buyer may ask for a refund.")
    if order.promised_at is not None and now >= order.promised_at:
        raise errors.ORDER_OVERDUE.error()


def breaks_promise(reason: RefundReason, *, paid: bool) -> bool:
    """Whether the seller broke its word by this end: it missed the delivery, or declined what was paid."""
    return reason is RefundReason.DELIVERY_MISSED or (reason is RefundReason.DECLINED_BY_SELLER and paid)


def stock_returns(reason: RefundReason) -> bool:
    """Whether the stock returns by an end that comes by itself: what was never delivered never left."""
    return reason in {RefundReason.DELIVERY_MISSED, RefundReason.NOT_PAID, RefundReason.BUYER_BLOCKED}


def decide_request_refund(order: OrderState, now: datetime) -> None:
    """Whether the buyer may ask for its money back: once, after delivery, within the return window."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if order.status is not OrderStatus.DELIVERED:
        raise errors.ORDER_NOT_DELIVERED.error(
            "The order is not delivered yet: cancel it with POST /v1/orders/{order_id}/cancel."
        )
    if order.refund_requested:
        raise errors.REFUND_PENDING.error()
    if order.closed or order.return_window_closes_at is None or now >= order.return_window_closes_at:
        raise errors.RETURN_WINDOW_CLOSED.error()


def decide_answer_refund(order: OrderState, now: datetime) -> None:
    """Whether a refund request awaits the merchant's answer: until its date, also when the timer is late."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if not order.refund_requested or order.refund_answered:
        raise errors.NO_REFUND_REQUEST.error()
    if order.refund_answer_due_at is not None and now >= order.refund_answer_due_at:
        raise errors.REFUND_ANSWER_LATE.error()


def decide_refund_by_operator(order: OrderState, now: datetime, *, cancel: bool) -> None:
    """Whether an operator may pay back: before delivery it cancels, after delivery it refunds, at any time."""
    if order.status is OrderStatus.REFUNDED:
        raise errors.ORDER_REFUNDED.error()
    if cancel:
        decide_cancel(order, now)
    elif order.status is not OrderStatus.DELIVERED:
        raise errors.ORDER_NOT_DELIVERED.error()


def decide_order_due(order: OrderState, now: datetime) -> Due:
    """What time has brought about: a missed delivery, a reminder, a granted refund, the end of the process."""
    if order.closed:
        return Due()
    if order.status is OrderStatus.REFUNDED:
        return Due(close=True)
    if order.status is OrderStatus.PLACED:
        return _due_undelivered(order, now)
    if order.refund_requested and not order.refund_answered:
        if order.refund_answer_due_at is not None and now >= order.refund_answer_due_at:
            return Due(refund=RefundReason.NOT_ANSWERED)
        return Due()
    date = _end_delivered(order)
    if date is not None and now < date:
        return Due()
    return Due(decline_appeal=True) if _awaits_operators(order) else Due(close=True)


def _awaits_operators(order: OrderState) -> bool:
    return order.appealed and not order.appeal_decided


def _end_delivered(order: OrderState) -> datetime | None:
    """Until when a delivered order waits: for the operators, else for its return window and the time to appeal."""
    if _awaits_operators(order):
        return order.appeal_due_at
    dates = (order.return_window_closes_at, None if order.appealed else order.appeal_by)
    return max((date for date in dates if date is not None), default=None)


def _end_undelivered(order: OrderState) -> tuple[datetime, RefundReason] | None:
    """When an order ends that is not delivered, and why: unpaid, or past its promise, whichever comes first."""
    ends = []
    if order.payment_due_at is not None and not order.paid:
        ends.append((order.payment_due_at, RefundReason.NOT_PAID))
    if order.promised_at is not None:
        ends.append((order.promised_at, RefundReason.DELIVERY_MISSED))
    return min(ends, key=lambda end: end[0], default=None)


def _payment_reminder(order: OrderState) -> datetime | None:
    return None if order.paid else order.payment_remind_at


def _due_undelivered(order: OrderState, now: datetime) -> Due:
    end = _end_undelivered(order)
    if end is not None and now >= end[0]:
        return Due(refund=end[1])
    remind_payment_at = _payment_reminder(order)
    if remind_payment_at is not None and now >= remind_payment_at:
        return Due(remind_payment=True)
    if order.remind_at is not None and now >= order.remind_at and not order.reminded:
        return Due(remind=True)
    return Due()


def next_order_deadline(order: OrderState) -> datetime | None:
    """When the process must look again, or None when it is over."""
    if order.closed:
        return None
    if order.status is OrderStatus.PLACED:
        end = _end_undelivered(order)
        return next_date(None if order.reminded else order.remind_at, _payment_reminder(order), end[0] if end else None)
    if order.refund_requested and not order.refund_answered:
        return order.refund_answer_due_at
    return _end_delivered(order)
