"""What goes in and out of the order and review routes."""

from typing import Annotated
from uuid import UUID

from pydantic import StrictBool

from api.platform.schemas import Cents, Currency, Name, Note, Prose, Quantity, RequestModel, ResponseModel, example
from domain.market.feeds import ShownOrder, ShownReview
from domain.platform.numbers import Whole

_ORDER = "0197a1c2-9d3e-7a00-9e4f-5f6a7b8c9d0e"
ORDER_EXAMPLE = {
    "order_id": _ORDER,
    "buyer_customer_id": "0197a1c2-5b00-7d00-b2c3-2d3e4f5a6b7c",
    "store_id": "0197a1c2-4c00-7e00-a3d4-3e4f5a6b7c8d",
    "listing_id": "0197a1c2-6a10-7f00-8a11-1c2d3e4f5a6b",
    "quantity": 1,
    "unit_price_cents": 1200,
    "total_price_cents": 1200,
    "currency": "USD",
    "status": "DELIVERED",
    "delivery": "INSTANT",
    "placed_at": "2026-11-21T10:05:00Z",
    "promised_at": None,
    "paid_at": "2026-11-21T10:06:00Z",
    "payment_source": "CONFIRMED",
    "delivered_at": "2026-11-21T10:05:00Z",
    "source_offer_id": "0197a1c2-7b1e-7cc3-9d2e-0f5a1b2c3d4e",
    "refund_requested_at": None,
    "refund_request_reason": None,
    "refund_answer_due_at": None,
    "refund_declined_at": None,
    "refunded_at": None,
    "refund_reason": None,
    "return_window_closes_at": "2026-12-05T10:05:00Z",
    "payment_due_at": None,
    "decline_reason": None,
    "appeal_by": None,
    "appealed_at": None,
    "appeal_reason": None,
    "appeal_due_at": None,
    "appeal_declined_at": None,
}
_REVIEW = {
    "review_id": "0197a1c2-af00-7b00-8c00-6a7b8c9d0e1f",
    "order_id": _ORDER,
    "author_customer_id": "0197a1c2-5b00-7d00-b2c3-2d3e4f5a6b7c",
    "rating": 5,
    "title": "Shines",
    "body": "Bright, quiet and just as described.",
    "as_described": 5,
    "message_id": "0197a1c2-af01-7b00-8c00-7b8c9d0e1f2a",
    "created_at": "2026-11-21T10:10:00Z",
}
Stars = Annotated[int, Whole(1, 5)]


class OrderOut(ShownOrder, ResponseModel):
    """An order as its buyer and its store's owner see it. ``promised_at``: delivered by then, or refunded.

    ``paid_at``: since when it is known to be paid: a checkout took the money, or the merchant confirmed it.
    ``payment_due_at``: neither paid nor delivered by then, it ends.
    ``appeal_by``: until when a declined refund may be appealed; ``appeal_due_at``: not granted by then, it is declined.
    """

    model_config = {**ResponseModel.model_config, **example(ORDER_EXAMPLE)}


class OrderIn(RequestModel):
    """Either ``listing_id`` (with ``quantity``), at the list price, or ``offer_id``, at the accepted one.

    ``expected_unit_price_cents``: the list price you have seen, per unit; the order is placed at that one or not at
    all. Left out, the order is refused for a while after the price rose (a day, unless the market says otherwise).
    """

    model_config = {
        **RequestModel.model_config,
        **example(
            {
                "listing_id": ORDER_EXAMPLE["listing_id"],
                "quantity": 1,
                "expected_unit_price_cents": 1200,
                "expected_currency": "USD",
            },
            {"offer_id": ORDER_EXAMPLE["source_offer_id"]},
        ),
    }

    listing_id: UUID | None = None
    quantity: Quantity | None = None
    expected_unit_price_cents: Cents | None = None
    expected_currency: Currency | None = None
    offer_id: UUID | None = None


class DeliveryIn(RequestModel):
    """``payment_received``: you have the money for it, and confirm that as well."""

    model_config = {**RequestModel.model_config, **example({"payment_received": True})}

    payment_received: StrictBool = False


class DeclineIn(RequestModel):
    """Why: the buyer reads it, nobody else."""

    model_config = {**RequestModel.model_config, **example({"reason": "The last one broke on its way to the shelf."})}

    reason: Note


class AppealIn(RequestModel):
    """Why the refund is yours: the operators and the merchant read it."""

    model_config = {**RequestModel.model_config, **example({"reason": "The pictures I sent show the crack."})}

    reason: Note


class RefundRequestIn(RequestModel):
    model_config = {**RequestModel.model_config, **example({"reason": "It arrived broken."})}

    reason: Note | None = None


class RefundDecisionIn(RequestModel):
    """``goods_returned``: the goods came back to you, so the stock returns."""

    model_config = {**RequestModel.model_config, **example({"approve": True, "goods_returned": False})}

    approve: StrictBool
    goods_returned: StrictBool = False


class ReviewIn(RequestModel):
    model_config = {
        **RequestModel.model_config,
        **example({key: _REVIEW[key] for key in ("order_id", "rating", "title", "body", "as_described")}),
    }

    order_id: UUID
    rating: Stars
    title: Name | None = None
    body: Prose
    as_described: Stars | None = None


class ReviewOut(ShownReview, ResponseModel):
    model_config = {**ResponseModel.model_config, **example(_REVIEW)}
