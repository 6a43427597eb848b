"""The named states of checkout sessions. Statuses are the protocol's own words."""

from enum import StrEnum

from domain.platform.events import PrivateEvent


class CheckoutStatus(StrEnum):
    INCOMPLETE = "incomplete"
    REQUIRES_ESCALATION = "requires_escalation"
    READY_FOR_COMPLETE = "ready_for_complete"
    COMPLETE_IN_PROGRESS = "complete_in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"

    @property
    def over(self) -> bool:
        return self in {CheckoutStatus.COMPLETED, CheckoutStatus.CANCELED}


class PaymentStatus(StrEnum):
    """How far an attempt to complete has come.

    PENDING → AUTHORIZED → PLACED → CAPTURED, or PENDING → DECLINED, ESCALATED or VOIDED; whatever fails later
    ends as VOIDED, with its orders refunded.
    """

    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    PLACED = "PLACED"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    ESCALATED = "ESCALATED"
    VOIDED = "VOIDED"

    @property
    def under_way(self) -> bool:
        return self in {PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.PLACED}


class CheckoutClose(StrEnum):
    """Why a session is over."""

    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class DiscountKind(StrEnum):
    PERCENTAGE = "percentage"
    FIXED_AMOUNT = "fixed_amount"


class CheckoutNews(PrivateEvent):
    """Private events of a platform's customer."""

    CHECKOUT_COMPLETED = "CHECKOUT_COMPLETED"
