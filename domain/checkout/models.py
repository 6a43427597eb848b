"""A checkout session as its readers see it, and what a platform may choose in one.

All frozen. Amounts are integer minor units (cents) of the session's currency; nothing a platform sends holds
an amount, so no client value can become a price. ``line_id`` is unique within its session.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.checkout.states import CheckoutClose, CheckoutStatus, DiscountKind, PaymentStatus
from domain.market.states import OrderStatus

Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=500)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
MethodType = Literal["shipping", "pickup"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# What a platform chooses.


class ItemChoice(Part):
    """One line. Without ``line_id`` the session gives it one."""

    listing_id: UUID
    quantity: Quantity = 1
    line_id: Name | None = None


class Consent(Part):
    analytics: bool | None = None
    preferences: bool | None = None
    marketing: bool | None = None
    sale_of_data: bool | None = None


class Buyer(Part):
    """Whom the platform buys for. Personal data."""

    first_name: Text | None = None
    last_name: Text | None = None
    full_name: Text | None = None
    email: Text | None = None
    phone_number: Text | None = None
    consent: Consent | None = None


class Address(Part):
    """Personal data. Which members must be there depends on the country (``addresses``), which selects the rates."""

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


class Destination(Address):
    """An empty ``id`` asks for one: of the known address with this content, else a new one."""

    id: Annotated[str, Field(max_length=200)] = ""


class GroupChoice(Part):
    id: Name | None = None
    selected_option_id: Name | None = None


class MethodChoice(Part):
    """None keeps what the session has under the method's id."""

    id: Name | None = None
    type: MethodType = "shipping"
    line_ids: tuple[str, ...] | None = None
    destinations: tuple[Destination, ...] | None = Field(None, max_length=20)
    selected_destination_id: Name | None = None
    groups: tuple[GroupChoice, ...] | None = Field(None, max_length=20)


class FulfillmentChoice(Part):
    methods: tuple[MethodChoice, ...] = Field((), max_length=5)


class PaymentChoice(Part):
    """With what to pay. ``credential`` goes to the handler and is written down nowhere."""

    handler_id: Name
    instrument_id: Text | None = None
    type: Text | None = None
    credential: dict[str, Any] = Field(default_factory=dict, repr=False)
    risk_signals: dict[str, Any] = Field(default_factory=dict, repr=False)


# What a session holds.


class Line(Part):
    """``total_cents = base_cents - discount_cents``; ``base_cents = unit_price_cents * quantity``."""

    line_id: str
    listing_id: UUID
    title: str
    image_url: str | None = None
    shipped: bool
    quantity: int
    unit_price_cents: int
    base_cents: int
    discount_cents: int = 0
    total_cents: int


class Option(Part):
    """A way of delivery and what it costs."""

    id: str
    title: str
    service_level: str
    price_cents: int


class Group(Part):
    id: str
    line_ids: tuple[str, ...]
    options: tuple[Option, ...] = ()
    selected_option_id: str | None = None


class AddressProblem(Part):
    """What is wrong with one ``field`` of a destination."""

    field: str
    content: str


class Method(Part):
    """``address_problems``: what keeps goods from being sent to the selected destination."""

    id: str
    type: MethodType
    line_ids: tuple[str, ...]
    destinations: tuple[Destination, ...] = ()
    selected_destination_id: str | None = None
    groups: tuple[Group, ...] = ()
    address_problems: tuple[AddressProblem, ...] = ()


class Fulfillment(Part):
    methods: tuple[Method, ...] = ()


class Allocation(Part):
    line_id: str
    amount_cents: int


class AppliedDiscount(Part):
    """``amount_cents`` is positive and the sum of its allocations."""

    code: str
    title: str
    amount_cents: int
    priority: int
    allocations: tuple[Allocation, ...]


class Discounts(Part):
    """``codes`` as they were given; a code the store does not know applies nothing."""

    codes: tuple[str, ...] = ()
    applied: tuple[AppliedDiscount, ...] = ()


class Totals(Part):
    """``total_cents = subtotal_cents - discount_cents + fulfillment_cents``. Prices include tax."""

    subtotal_cents: int
    discount_cents: int
    fulfillment_cents: int
    total_cents: int


class Notice(Part):
    """What a session tells its platform: ``path`` is a JSONPath into the protocol's checkout document."""

    type: Literal["error", "warning", "info"]
    code: str
    content: str
    severity: Literal["recoverable", "requires_buyer_input", "requires_buyer_review", "unrecoverable"] = "recoverable"
    path: str | None = None


class Payment(Part):
    """The latest attempt to pay."""

    handler_id: str
    instrument_id: str | None = None
    status: PaymentStatus
    amount_cents: int


class PlacedOrder(Part):
    """The market's order of one line, as it stands now."""

    line_id: str
    order_id: UUID
    status: OrderStatus
    placed_at: datetime
    promised_at: datetime | None = None
    delivered_at: datetime | None = None
    refunded_at: datetime | None = None
    refund_reason: str | None = None


class OrderGroup(Part):
    """What a completed session became: one order of the market per line, under one id."""

    order_id: UUID
    orders: tuple[PlacedOrder, ...]


class Quote(Part):
    """What the server asks for now. Equal inputs give equal quotes."""

    lines: tuple[Line, ...]
    fulfillment: Fulfillment
    discounts: Discounts
    totals: Totals
    notices: tuple[Notice, ...] = ()


class Checkout(Quote):
    """A session. ``buyer`` and destinations are None and empty once personal data was deleted.

    ``quote_version`` counts its pricings; ``shown_version`` is the last one that was answered to its platform.
    """

    checkout_id: UUID
    agent_id: UUID
    store_id: UUID
    currency: str
    status: CheckoutStatus
    quote_version: int
    shown_version: int
    buyer: Buyer | None = None
    offer_id: UUID | None = None
    cart_id: UUID | None = None
    payment: Payment | None = None
    order: OrderGroup | None = None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    closed_at: datetime | None = None
    close_reason: CheckoutClose | None = None


class Cart(Quote):
    """A basket without a process: read and priced anew each time."""

    cart_id: UUID
    agent_id: UUID
    store_id: UUID
    currency: str
    buyer: Buyer | None = None
    checkout_id: UUID | None = Field(None, description="its open session, if it was converted")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


# What prices are made of.


class Goods(Part):
    """A listing as a quote reads it. ``unit_price_cents`` is the list price or the accepted offer's."""

    listing_id: UUID
    title: str
    image_url: str | None = None
    unit_price_cents: int
    shipped: bool
    discountable: bool = True


class DiscountRule(Part):
    code: str
    title: str
    kind: DiscountKind
    value: int
    position: int = 1


class ShippingRate(Part):
    """``country`` None is everywhere; a rate of the destination's own country comes before it."""

    option_id: str
    title: str
    service_level: str
    country: str | None = None
    price_cents: int


class ShippingPromotion(Part):
    """Makes a service level free from a subtotal on, or with one of these listings."""

    title: str
    service_level: str = "standard"
    min_subtotal_cents: int | None = None
    listing_ids: tuple[UUID, ...] = ()


class PriceList(Part):
    """What one store asks, as far as one quote needs it. Without rates of its own, delivery is included."""

    rates: tuple[ShippingRate, ...] = ()
    promotions: tuple[ShippingPromotion, ...] = ()
    discounts: tuple[DiscountRule, ...] = ()
