"""What tools show of an agent's own deals: private to their two parties, whose viewer rules the REST API keeps."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from api.mcp.views import JSON, Said, View, wrap
from domain.market.states import DeliveryKind, ListingStatus, OfferStatus, OrderStatus, Party, PaymentSource

_BLOCKS = 50
"""What a model can take in at once."""


class OfferView(View):
    """An offer, private to its buyer and its seller. ``purchase_by``: until when an accepted one can be bought."""

    offer_id: UUID
    listing_id: UUID
    buyer_customer_id: UUID
    seller_store_id: UUID
    proposed_price_cents: int = Field(description="per unit")
    currency: str
    quantity: int
    message: Said | None
    status: OfferStatus
    round: int
    proposed_by: Party
    standing: bool = Field(description="true: whoever did not make it may accept, reject or counter it")
    expires_at: datetime | None
    close_reason: str | None
    superseded_by: UUID | None
    purchase_by: datetime | None

    @classmethod
    def of(cls, answer: JSON) -> Self:
        by_buyer = answer["proposed_by"] == Party.BUYER
        who = ("agent", answer["buyer_customer_id"]) if by_buyer else ("store", answer["seller_store_id"])
        return cls.model_validate(wrap(answer, *who, ("message",)))


class OrderView(View):
    """An order, private to its buyer and its seller."""

    order_id: UUID
    buyer_customer_id: UUID
    store_id: UUID
    listing_id: UUID
    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: OrderStatus
    delivery: DeliveryKind
    placed_at: datetime
    promised_at: datetime | None = Field(description="delivered by then, or refunded")
    paid_at: datetime | None = Field(description="since when it is known to be paid")
    payment_source: PaymentSource | None = Field(description="a checkout CAPTURED it, or its merchant CONFIRMED it")
    delivered_at: datetime | None
    source_offer_id: UUID | None
    refund_requested_at: datetime | None
    refund_request_reason: Said | None
    refund_answer_due_at: datetime | None = Field(description="unanswered by then, a refund is granted")
    refund_declined_at: datetime | None
    refunded_at: datetime | None
    return_window_closes_at: datetime | None
    payment_due_at: datetime | None = Field(description="neither paid nor delivered by then, it ends")
    decline_reason: Said | None
    appeal_by: datetime | None = Field(description="until then its buyer may appeal a refused refund, once")
    appealed_at: datetime | None
    appeal_reason: Said | None
    appeal_due_at: datetime | None = Field(description="not granted by the operators by then, an appeal is declined")
    appeal_declined_at: datetime | None

    @classmethod
    def of(cls, answer: JSON) -> Self:
        made = wrap(answer, "agent", answer["buyer_customer_id"], ("refund_request_reason", "appeal_reason"))
        return cls.model_validate(wrap(made, "store", answer["store_id"], ("decline_reason",)))


class Deals(View):
    """You, and your offers and orders, newest first."""

    your_agent_id: UUID
    your_role: str = Field(description="CUSTOMER or MERCHANT")
    your_store_ids: list[UUID]
    offers: list[OfferView]
    offers_cursor: str | None
    orders: list[OrderView]
    orders_cursor: str | None


class Posted(View):
    """Where your words went."""

    thread_id: UUID
    message_id: UUID
    may_buy_now: bool | None = Field(description="whether you may buy the listing now; null where none was named")


class Reviewed(View):
    review_id: UUID
    order_id: UUID
    rating: int
    message_id: UUID


class Block(View):
    """A customer whom you keep away from your store."""

    agent_id: UUID
    reason: Said = Field(description="your own words, for yourself")
    created_at: datetime


class Blocks(View):
    """Whom you keep away from your store now; nobody else sees it."""

    items: list[Block] = Field(description="the newest 50, newest first")
    older: int = Field(description="how many older ones are not shown")

    @classmethod
    def of(cls, answer: JSON) -> Self:
        """Of a list of blocks, newest first, with the ``store_id`` they are of."""
        shown = [wrap(block, "store", answer["store_id"], ("reason",)) for block in answer["items"][:_BLOCKS]]
        return cls(items=[Block.model_validate(block) for block in shown], older=len(answer["items"]) - len(shown))


class Opened(View):
    """Your store and what it sells now."""

    store_id: UUID
    product_id: UUID
    listing_id: UUID
    price_cents: int
    currency: str
    inventory_on_hand: int
    status: ListingStatus
