"""The rules of a session's life: open until it is completed, canceled or expired; completed at most once.

Every decision takes the state and the database's ``now`` and returns what happens, or raises a typed error.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.checkout import errors
from domain.checkout.models import Notice, PaymentChoice, Quote
from domain.checkout.payments import MARKET_HANDLER
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.quotes import is_complete, same_price
from domain.checkout.states import CheckoutStatus, PaymentStatus
from domain.market.gating import Evidence
from domain.market.states import InteractionType


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as its rules see it. ``payment`` is that of the attempt under way or the last one.

    ``shown``: its present quote was answered to its platform.
    """

    status: CheckoutStatus
    expires_at: datetime
    sells_offer: bool = False
    payment: PaymentStatus | None = None
    shown: bool = False


def expiry(now: datetime, policy: CheckoutPolicy, purchase_by: datetime | None = None) -> datetime:
    """When a session opened now expires: never after the hold of the offer it sells."""
    end = now + timedelta(seconds=policy.session_seconds)
    return end if purchase_by is None else min(end, purchase_by)


def check_may_open(open_sessions: int, own_limit: int | None, policy: CheckoutPolicy) -> None:
    """Refuse one session too many. ``own_limit`` is the agent's own, lower, limit of open negotiations."""
    cap = policy.max_open_sessions if own_limit is None else min(own_limit, policy.max_open_sessions)
    if open_sessions >= cap:
        raise errors.TOO_MANY_OPEN.error()


def check_open(state: SessionState, now: datetime) -> None:
    """Refuse what a session that is over, being completed or past its time no longer takes."""
    if state.status.over:
        raise errors.CHECKOUT_OVER.error()
    if state.status is CheckoutStatus.COMPLETE_IN_PROGRESS:
        raise errors.CHECKOUT_BUSY.error()
    if now >= state.expires_at:
        raise errors.CHECKOUT_EXPIRED.error()


def decide_update(state: SessionState, now: datetime, *, changes_items: bool) -> None:
    check_open(state, now)
    if changes_items and state.sells_offer:
        raise errors.ITEMS_FIXED.error()


def decide_cancel(state: SessionState, now: datetime) -> None:
    check_open(state, now)


def decide_complete(
    state: SessionState,
    seen: Quote,
    current: Quote,
    payment: PaymentChoice | None,
    handlers: Collection[str],
    seen_total_cents: int | None,
    now: datetime,
) -> str:
    """Whether a completion may begin: answers with the payment handler's id.

    Raises checkout.price_changed when the price is no longer what the session holds, or what it holds was not answered
    to the platform yet: nothing is ever charged that it was not told before.
    """
    check_open(state, now)
    if (
        not state.shown
        or not same_price(seen, current)
        or (seen_total_cents is not None and seen_total_cents != current.totals.total_cents)
    ):
        raise errors.PRICE_CHANGED.error()
    if not is_complete(current):
        raise errors.FULFILLMENT_MISSING.error()
    if payment is None and MARKET_HANDLER not in handlers:
        raise errors.PAYMENT_MISSING.error()
    handler = MARKET_HANDLER if payment is None else payment.handler_id
    if handler not in handlers:
        raise errors.PAYMENT_HANDLER_UNKNOWN.error()
    return handler


def is_expired(state: SessionState, now: datetime) -> bool:
    """Whether time has ended the session. One that is being completed is no longer ended by time."""
    return not state.status.over and state.status is not CheckoutStatus.COMPLETE_IN_PROGRESS and now >= state.expires_at


def next_deadline(state: SessionState) -> datetime | None:
    """When the process must look again by itself."""
    if state.status.over or state.status is CheckoutStatus.COMPLETE_IN_PROGRESS:
        return None
    return state.expires_at


def evidence_of_session(
    listing_ids: Sequence[UUID], *, for_platform: bool, payment: PaymentStatus | None
) -> list[Evidence]:
    """What a session proves for gating, and when: to a shopping platform's agent, once its payment is authorized.

    A platform cannot post messages, so the session is its interaction: it was told the price before it asked
    to complete. Sessions that are opened and left prove nothing and show nowhere, so opening many
    gains nothing; a customer that can speak for itself interacts as everybody does.
    """
    if not for_platform or payment is not PaymentStatus.AUTHORIZED:
        return []
    return [Evidence(InteractionType.CHECKOUT_SESSION, listing_id=key) for key in dict.fromkeys(listing_ids)]


def notice_of_failure(code: str, content: str) -> Notice:
    """Why an attempt to complete came to nothing."""
    if code == errors.ESCALATED.code:
        return Notice(type="error", code=code, content=content, severity="requires_buyer_input", path="$.payment")
    word = {
        errors.PRICE_CHANGED.code: "price_changed",
        "order.price_changed": "price_changed",
        errors.PAYMENT_DECLINED.code: "payment_failed",
        errors.PAYMENT_FRAUD.code: "payment_failed",
        "listing.sold_out": "out_of_stock",
        "listing.not_active": "item_unavailable",
        "store.closed": "item_unavailable",
    }.get(code, code)
    return Notice(type="error", code=word, content=content)


def gives_back_delivery(*, all_refunded: bool, any_delivered: bool) -> bool:
    """Whether the price of delivery is paid back too: when nothing was ever delivered and nothing will be."""
    return all_refunded and not any_delivered
