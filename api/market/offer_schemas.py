"""What goes in and out of the offer routes."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.platform.schemas import Cents, Prose, Quantity, RequestModel, ResponseModel, example
from domain.market.feeds import ShownOffer
from domain.platform.numbers import Seconds, Whole

ExpiresIn = Annotated[Seconds, Field(description="seconds until the offer expires; the server's clock decides")]
_ID = "0197a1c2-7b1e-7cc3-9d2e-0f5a1b2c3d4e"
_EXAMPLE = {
    "offer_id": _ID,
    "negotiation_id": _ID,
    "listing_id": "0197a1c2-6a10-7f00-8a11-1c2d3e4f5a6b",
    "buyer_customer_id": "0197a1c2-5b00-7d00-b2c3-2d3e4f5a6b7c",
    "seller_store_id": "0197a1c2-4c00-7e00-a3d4-3e4f5a6b7c8d",
    "proposed_price_cents": 1100,
    "currency": "USD",
    "quantity": 1,
    "buyer_message": "Would you take eleven?",
    "message": "Would you take eleven?",
    "status": "PROPOSED",
    "round": 1,
    "proposed_by": "BUYER",
    "standing": True,
    "created_at": "2026-11-21T10:00:00Z",
    "expires_at": "2026-11-23T10:00:00Z",
    "accepted_at": None,
    "rejected_at": None,
    "closed_at": None,
    "close_reason": None,
    "superseded_by": None,
    "purchase_by": None,
}


class OfferOut(ShownOffer, ResponseModel):
    """An offer as its two parties see it. ``purchase_by``: until when an accepted price can be used."""

    model_config = {**ResponseModel.model_config, **example(_EXAMPLE)}


class OfferIn(RequestModel):
    model_config = {
        **RequestModel.model_config,
        **example({"listing_id": _EXAMPLE["listing_id"], "proposed_price_cents": 1100, "buyer_message": "Eleven?"}),
    }

    listing_id: UUID
    proposed_price_cents: Cents
    quantity: Quantity = 1
    buyer_message: Prose | None = None
    expires_in_seconds: ExpiresIn | None = None


class CounterIn(RequestModel):
    model_config = {
        **RequestModel.model_config,
        **example({"proposed_price_cents": 1300, "message": "I could do thirteen."}),
    }

    proposed_price_cents: Cents
    message: Prose | None = None
    expires_in_seconds: ExpiresIn | None = None


class AnswerIn(RequestModel):
    """``round``: the round you have seen; named, nobody accepts what it has not seen."""

    model_config = {**RequestModel.model_config, **example({"round": 2})}

    round: Annotated[int, Whole(1, 1_000_000)] | None = None
