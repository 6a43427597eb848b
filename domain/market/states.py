"""The named states and kinds of the market: the seed's enums, shared by rules, tables and messages."""

from enum import StrEnum

from domain.platform.events import PrivateEvent, PublicEvent


class StoreStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


class ListingStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SOLD_OUT = "SOLD_OUT"


class DeliveryKind(StrEnum):
    INSTANT = "INSTANT"
    SHIPPED = "SHIPPED"


class ThreadType(StrEnum):
    LAUNCH_DROP = "LAUNCH_DROP"
    LOOKING_FOR = "LOOKING_FOR"
    CLAIM_CHALLENGE = "CLAIM_CHALLENGE"
    NEGOTIATION = "NEGOTIATION"
    REVIEW = "REVIEW"
    GENERAL = "GENERAL"


class ThreadStatus(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    ARCHIVED = "ARCHIVED"


class OfferStatus(StrEnum):
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class OrderStatus(StrEnum):
    PLACED = "PLACED"
    DELIVERED = "DELIVERED"
    REFUNDED = "REFUNDED"


class PaymentSource(StrEnum):
    """How it is known that an order was paid: taken by a checkout, or the seller says that it has the money."""

    CAPTURED = "CAPTURED"
    CONFIRMED = "CONFIRMED"


class Party(StrEnum):
    """A side of a negotiation."""

    BUYER = "BUYER"
    SELLER = "SELLER"

    @property
    def other(self) -> "Party":
        return Party.SELLER if self is Party.BUYER else Party.BUYER


class MovementReason(StrEnum):
    INITIAL = "INITIAL"
    ADJUSTED = "ADJUSTED"
    OFFER_HELD = "OFFER_HELD"
    HOLD_RETURNED = "HOLD_RETURNED"
    ORDER_PLACED = "ORDER_PLACED"
    ORDER_RETURNED = "ORDER_RETURNED"


class HoldRelease(StrEnum):
    SPENT = "SPENT"
    LAPSED = "LAPSED"
    BROKEN = "BROKEN"
    RELEASED = "RELEASED"


class ReviewWindowStatus(StrEnum):
    OPEN = "OPEN"
    REVIEWED = "REVIEWED"
    LAPSED = "LAPSED"
    VOID = "VOID"


class InteractionType(StrEnum):
    """What makes a buyer eligible. The last one extends the seed: a platform's session (``domain.checkout``)."""

    QUESTION_POSTED = "QUESTION_POSTED"
    OFFER_MADE = "OFFER_MADE"
    LOOKING_FOR_PARTICIPATION = "LOOKING_FOR_PARTICIPATION"
    CHECKOUT_SESSION = "CHECKOUT_SESSION"


class ActivityType(PublicEvent):
    """Public events with their words. The last three extend the seed: a process that ends shows in the feed."""

    STORE_CREATED = "STORE_CREATED", "shop", "store opened"
    LISTING_DROPPED = "LISTING_DROPPED", "shop", "new on sale"
    THREAD_CREATED = "THREAD_CREATED", "talk", "new thread"
    MESSAGE_POSTED = "MESSAGE_POSTED", "talk", "message"
    OFFER_MADE = "OFFER_MADE", "offer", "offer made"
    OFFER_ACCEPTED = "OFFER_ACCEPTED", "deal", "offer accepted"
    OFFER_REJECTED = "OFFER_REJECTED", "offer", "offer declined"
    OFFER_REFERENCE_POSTED = "OFFER_REFERENCE_POSTED", "talk", "offer mentioned"
    ORDER_PLACED = "ORDER_PLACED", "deal", "order"
    ORDER_DELIVERED = "ORDER_DELIVERED", "deal", "delivered"
    REVIEW_POSTED = "REVIEW_POSTED", "review", "review"
    STORE_UPDATE_POSTED = "STORE_UPDATE_POSTED", "shop", "change"
    TRUST_UPDATED = "TRUST_UPDATED", "trust", "trust"
    OFFER_EXPIRED = "OFFER_EXPIRED", "offer", "offer expired"
    OFFER_CANCELLED = "OFFER_CANCELLED", "offer", "offer withdrawn"
    ORDER_REFUNDED = "ORDER_REFUNDED", "refund", "refund"

    @property
    def anonymous(self) -> bool:
        """The feed does not say who bargains."""
        return self.value.startswith("OFFER_") and self is not ActivityType.OFFER_REFERENCE_POSTED


class InboxType(PrivateEvent):
    """Private events, each to one agent."""

    OFFER_MADE = "OFFER_MADE"
    OFFER_COUNTERED = "OFFER_COUNTERED"
    OFFER_ACCEPTED = "OFFER_ACCEPTED"
    OFFER_REJECTED = "OFFER_REJECTED"
    OFFER_WITHDRAWN = "OFFER_WITHDRAWN"
    OFFER_EXPIRED = "OFFER_EXPIRED"
    OFFER_CANCELLED = "OFFER_CANCELLED"
    HOLD_LAPSED = "HOLD_LAPSED"
    OFFER_EXPIRING_SOON = "OFFER_EXPIRING_SOON"
    HOLD_LAPSING_SOON = "HOLD_LAPSING_SOON"
    ORDER_PLACED = "ORDER_PLACED"
    ORDER_DELIVERED = "ORDER_DELIVERED"
    PAYMENT_CONFIRMED = "PAYMENT_CONFIRMED"
    ORDER_REFUNDED = "ORDER_REFUNDED"
    DELIVERY_DUE_SOON = "DELIVERY_DUE_SOON"
    PAYMENT_DUE_SOON = "PAYMENT_DUE_SOON"
    REFUND_REQUESTED = "REFUND_REQUESTED"
    REFUND_DECLINED = "REFUND_DECLINED"
    APPEAL_MADE = "APPEAL_MADE"
    APPEAL_DECLINED = "APPEAL_DECLINED"
    REVIEW_WINDOW_OPENED = "REVIEW_WINDOW_OPENED"
    REVIEW_WINDOW_CLOSED = "REVIEW_WINDOW_CLOSED"
    REVIEW_WINDOW_CLOSING_SOON = "REVIEW_WINDOW_CLOSING_SOON"
    REVIEW_POSTED = "REVIEW_POSTED"
    QUESTION_ASKED = "QUESTION_ASKED"
    QUESTION_ANSWERED = "QUESTION_ANSWERED"
    QUESTION_MISSED = "QUESTION_MISSED"
    QUESTION_DUE_SOON = "QUESTION_DUE_SOON"
    MESSAGE_REPLIED = "MESSAGE_REPLIED"
    TRUST_MOVED = "TRUST_MOVED"


class CloseReason(StrEnum):
    """Why an offer or a negotiation ended, beyond its status. Shown to both parties, so it tells no limit."""

    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"
    BROKEN_BY_SELLER = "BROKEN_BY_SELLER"
    RELEASED_BY_BUYER = "RELEASED_BY_BUYER"
    BUYER_BLOCKED = "BUYER_BLOCKED"
    SOLD_OUT = "SOLD_OUT"
    LISTING_PAUSED = "LISTING_PAUSED"
    STORE_CLOSED = "STORE_CLOSED"
    PRICE_FELL = "PRICE_FELL"
    NOT_ANSWERED = "NOT_ANSWERED"
    NOT_PURCHASED = "NOT_PURCHASED"
    DECLINED = "DECLINED"
    PURCHASED = "PURCHASED"


class RefundReason(StrEnum):
    """Why an order was paid back."""

    CANCELLED_BY_BUYER = "CANCELLED_BY_BUYER"
    DELIVERY_MISSED = "DELIVERY_MISSED"
    GRANTED = "GRANTED"
    NOT_ANSWERED = "NOT_ANSWERED"
    BY_OPERATOR = "BY_OPERATOR"
    DECLINED_BY_SELLER = "DECLINED_BY_SELLER"
    NOT_PAID = "NOT_PAID"
    BUYER_BLOCKED = "BUYER_BLOCKED"
    APPEAL_GRANTED = "APPEAL_GRANTED"
    PAYMENT_FAILED = "PAYMENT_FAILED"


class AppealOutcome(StrEnum):
    """Why an appeal was not granted: the operators said no, or nothing in time."""

    DECLINED = "DECLINED"
    NOT_DECIDED = "NOT_DECIDED"
