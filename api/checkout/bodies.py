"""What platforms send, read with tolerance: members that are not ours are ignored, as the protocol asks.

No member is an amount: whatever price a platform sends is not even read. Quantities are whole numbers from 1 on.
"""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from api.platform.schemas import Quantity
from domain.checkout.models import (
    Buyer,
    Consent,
    Destination,
    FulfillmentChoice,
    GroupChoice,
    MethodChoice,
    MethodType,
    PaymentChoice,
)

_MAX_DEPTH = 16


def _printable(value: str) -> str:
    """Refuse what Postgres cannot hold, also in lists."""
    if "\x00" in value:
        raise ValueError("a text must not hold the character NUL")
    return value


def _plain_json(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what cannot be handed on as JSON: half characters, numbers that are none, nests too deep."""
    inside: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        inside = [part for nest in inside for part in (nest.values() if isinstance(nest, dict) else nest)]
        inside = [part for part in inside if isinstance(part, dict | list)]
    if inside:
        raise ValueError("this is nested too deep")
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("this cannot be written as JSON") from None
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(_printable)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
OpenObject = Annotated[dict[str, Any], AfterValidator(_plain_json)]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class ItemIn(Body):
    id: Id = Field(description="a listing's id, or that of an offer of yours that was accepted")


class LineItemIn(Body):
    id: Id | None = None
    item: ItemIn
    quantity: Quantity


class ConsentIn(Body):
    analytics: StrictBool | None = None
    preferences: StrictBool | None = None
    marketing: StrictBool | None = None
    sale_of_data: StrictBool | None = None


class BuyerIn(Body):
    first_name: Text | None = None
    last_name: Text | None = None
    full_name: Text | None = Field(None, validation_alias=AliasChoices("full_name", "fullName"))
    email: Text | None = None
    phone_number: Text | None = None
    consent: ConsentIn | None = None

    def chosen(self) -> Buyer:
        consent = Consent(**self.consent.model_dump()) if self.consent else None
        return Buyer(**self.model_dump(exclude={"consent"}), consent=consent)


class DestinationIn(Body):
    id: Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)] = ""
    street_address: Text | None = None
    extended_address: Text | None = None
    address_locality: Text | None = None
    address_region: Text | None = None
    postal_code: Text | None = None
    address_country: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    full_name: Text | None = None
    phone_number: Text | None = None


class GroupIn(Body):
    id: Id | None = None
    selected_option_id: Id | None = None


class MethodIn(Body):
    id: Id | None = None
    type: MethodType = "shipping"
    line_item_ids: list[Id] | None = Field(None, max_length=200)
    destinations: list[DestinationIn] | None = Field(None, max_length=20)
    selected_destination_id: Id | None = None
    groups: list[GroupIn] | None = Field(None, max_length=20)

    def chosen(self) -> MethodChoice:
        return MethodChoice(
            id=self.id,
            type=self.type,
            line_ids=None if self.line_item_ids is None else tuple(self.line_item_ids),
            destinations=None
            if self.destinations is None
            else tuple(Destination(**place.model_dump()) for place in self.destinations),
            selected_destination_id=self.selected_destination_id,
            groups=None if self.groups is None else tuple(GroupChoice(**group.model_dump()) for group in self.groups),
        )


class FulfillmentIn(Body):
    methods: list[MethodIn] = Field(default_factory=list, max_length=5)

    def chosen(self) -> FulfillmentChoice:
        return FulfillmentChoice(methods=tuple(method.chosen() for method in self.methods))


class DiscountsIn(Body):
    codes: list[Code] | None = Field(None, max_length=50)


class CheckoutIn(Body):
    """A new session, or what one becomes. ``cart_id`` counts only when a session is opened."""

    line_items: list[LineItemIn] = Field(default_factory=list, max_length=200)
    cart_id: Id | None = None
    buyer: BuyerIn | None = None
    fulfillment: FulfillmentIn | None = None
    discounts: DiscountsIn | None = None

    @property
    def codes(self) -> tuple[str, ...] | None:
        return None if self.discounts is None or self.discounts.codes is None else tuple(self.discounts.codes)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "line_items": [{"item": {"id": "01920000-0000-7000-8000-000000000040"}, "quantity": 1}],
                    "buyer": {"first_name": "Ana", "email": "ana@example.com"},
                }
            ]
        }
    )


class CartIn(Body):
    """A cart's contents, whole: what is left out is taken out."""

    line_items: Annotated[list[LineItemIn], Field(min_length=1, max_length=200)]
    buyer: BuyerIn | None = None
    discounts: DiscountsIn | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"line_items": [{"item": {"id": "01920000-0000-7000-8000-000000000040"}, "quantity": 2}]}]
        }
    )


class InstrumentIn(Body):
    id: Id
    handler_id: Id
    type: Text | None = None
    credential: OpenObject = Field(default_factory=dict, repr=False)
    selected: StrictBool | None = None


class PaymentIn(Body):
    instruments: list[InstrumentIn] = Field(default_factory=list, max_length=20)


class CompleteIn(Body):
    """With what to pay: of several instruments the one that is selected, else the first."""

    payment: PaymentIn | None = None
    risk_signals: OpenObject = Field(default_factory=dict, repr=False)
    signals: OpenObject = Field(default_factory=dict, repr=False)

    def chosen(self) -> PaymentChoice | None:
        if self.payment is None or not self.payment.instruments:
            return None
        instruments = self.payment.instruments
        selected = next((one for one in instruments if one.selected), instruments[0])
        return PaymentChoice(
            handler_id=selected.handler_id,
            instrument_id=selected.id,
            type=selected.type,
            credential=selected.credential,
            risk_signals={**self.signals, **self.risk_signals},
        )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment": {
                        "instruments": [
                            {
                                "id": "card-1",
                                "handler_id": "mock_payment_handler",
                                "type": "card",
                                "selected": True,
                                "credential": {"type": "token", "token": "success_token"},
                            }
                        ]
                    }
                }
            ]
        }
    )
