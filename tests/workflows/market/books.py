"""The market in memory, for the fake activities: what Postgres would hold."""

import pickle
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from domain.market.negotiation import BuyerStanding, ListingView, MerchantLimits, NegotiationState
from domain.market.orders import OrderState
from domain.market.states import (
    CloseReason,
    DeliveryKind,
    ListingStatus,
    RefundReason,
    ReviewWindowStatus,
    StoreStatus,
)
from tests.workflows.attempts import Attempts

_NAMES = UUID("5ca1ab1e-0000-5000-8000-000000000000")

_LISTING = ListingView(1_000, 10, ListingStatus.ACTIVE, StoreStatus.ACTIVE)
_NO_LIMITS = MerchantLimits()
_FREE_BUYER = BuyerStanding()
_DURABLE = ("listing", "delivery", "commands", "negotiations", "orders", "sent", "attempts")


def key(name: str) -> UUID:
    """An id that is the same in every run, so recorded histories change only when processes do."""
    return uuid5(_NAMES, name)


BUYER, SELLER, LISTING, STORE, STRANGER = (key(name) for name in ("buyer", "seller", "listing", "store", "stranger"))


@dataclass
class Haggle:
    """A negotiation's rows. ``made_at``: when its latest offer was made."""

    state: NegotiationState
    made_at: datetime
    closed: bool = False
    reason: CloseReason | None = None


@dataclass
class Bought:
    """An order's row, and its review window's."""

    state: OrderState
    buyer_id: UUID
    quantity: int
    total_cents: int
    negotiation_id: UUID | None = None
    refund_reason: RefundReason | None = None
    window: ReviewWindowStatus | None = None
    window_closes_at: datetime | None = None
    window_remind_at: datetime | None = None
    review_id: UUID | None = None


@dataclass
class Books(Attempts):
    """One listing of one store, and all that is recorded about it."""

    listing: ListingView = _LISTING
    limits: MerchantLimits = _NO_LIMITS
    buyer: BuyerStanding = _FREE_BUYER
    gated: bool = True
    delivery: DeliveryKind = DeliveryKind.SHIPPED
    reminds: bool = False
    commands: dict[UUID, str] = field(default_factory=dict)
    negotiations: dict[UUID, Haggle] = field(default_factory=dict)
    orders: dict[UUID, Bought] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    pending_facts: int = 0
    folds: list[int] = field(default_factory=list)
    fold_batch: int = 500
    fold_within: timedelta = timedelta(days=30)

    def save(self, path: Path) -> None:
        """What another process may go on with, after this one's death."""
        path.write_bytes(pickle.dumps({name: getattr(self, name) for name in _DURABLE}))

    def restore(self, path: Path) -> None:
        for name, value in pickle.loads(path.read_bytes()).items():
            setattr(self, name, value)

    def move_stock(self, change: int) -> bool:
        """Change the stock; True when this took the last piece."""
        stock = self.listing.stock + change
        assert stock >= 0
        status = self.listing.status
        if status is not ListingStatus.PAUSED:
            status = ListingStatus.ACTIVE if stock else ListingStatus.SOLD_OUT
        sold_out = status is ListingStatus.SOLD_OUT and self.listing.status is not ListingStatus.SOLD_OUT
        self.listing = replace(self.listing, stock=stock, status=status)
        return sold_out

    def tell(self, name: str) -> None:
        """An inbox message, as far as these tests care: that it was sent, and how often."""
        self.sent.append(name)
