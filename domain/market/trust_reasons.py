"""What moves trust, what it moves, and by how much: the words that rules, rows and readers share."""

from dataclasses import dataclass
from enum import StrEnum


class TrustComponent(StrEnum):
    """The four parts of the overall score, in the order events of one fact are recorded."""

    PRODUCT = "product"
    CLAIM = "claim"
    SUPPORT = "support"
    POLICY = "policy"


class TrustReason(StrEnum):
    """Why evidence changed. The first six are the seed's; the last four extend it."""

    REVIEW_POSTED = "REVIEW_POSTED"
    MERCHANT_REPLIED_IN_THREAD = "MERCHANT_REPLIED_IN_THREAD"
    POLICY_UPDATED = "POLICY_UPDATED"
    PRICE_UPDATED = "PRICE_UPDATED"
    PRODUCT_COPY_UPDATED = "PRODUCT_COPY_UPDATED"
    OFFER_HONORED = "OFFER_HONORED"
    REPLY_MISSED = "REPLY_MISSED"
    OFFER_BROKEN = "OFFER_BROKEN"
    TIME_DECAY = "TIME_DECAY"
    ORDER_REFUNDED = "ORDER_REFUNDED"


REVERSED_BY_REFUND = frozenset({TrustReason.REVIEW_POSTED, TrustReason.OFFER_HONORED, TrustReason.PRODUCT_COPY_UPDATED})
"""What an order proved by being paid for, and proves no longer when its money went back."""


@dataclass(frozen=True, slots=True)
class TrustDelta:
    """A change of one component's evidence, in milli-units; either number may be negative."""

    component: TrustComponent
    dr: int
    ds: int
