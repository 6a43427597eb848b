"""What merchants set and see of sessions: their price list, and where an order goes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.context import Context
from api.errors import errors
from api.platform.auth import AnyAgent, Merchant
from api.platform.schemas import AmountOrZero, Name, RequestModel, ResponseModel, example
from db.checkout.countries import COUNTRIES, rules_of
from db.checkout.price_lists import get_price_list, replace_price_list
from db.checkout.pricing import price_list_of
from db.checkout.reads import get_checkout_of_market_order
from db.market.reads_catalog import get_store
from db.market.tables import Order
from db.platform.transactions import Transaction
from domain.checkout.addresses import FORM
from domain.checkout.fulfillment import delivery_countries
from domain.checkout.models import Buyer, Destination, DiscountRule, PriceList, ShippingPromotion, ShippingRate
from domain.checkout.states import DiscountKind
from domain.market.errors import LISTING_NOT_FOUND, ORDER_NOT_FOUND, STORE_NOT_FOUND, STORE_NOT_YOURS
from domain.platform.identity import NOT_A_MERCHANT
from domain.platform.numbers import Whole

router = APIRouter(prefix="/v1")
_OWN = (STORE_NOT_FOUND, STORE_NOT_YOURS, NOT_A_MERCHANT)
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _known(country: str) -> str:
    if country not in COUNTRIES:
        raise ValueError(f"this is no country: give {FORM}")
    return country


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_known)]


class DiscountIn(RequestModel):
    """``value`` is a percentage up to 100, or cents. Lower positions are applied first."""

    code: Code
    title: Name
    kind: DiscountKind
    value: Annotated[int, Whole(1, 100_000_000)]
    position: Annotated[int, Whole(1, 1_000)] = 1

    @model_validator(mode="after")
    def _at_most_everything(self) -> "DiscountIn":
        if self.kind is DiscountKind.PERCENTAGE and self.value > 100:
            raise ValueError("a percentage is at most 100")
        return self


class RateIn(RequestModel):
    """Without a country it is for everywhere; a country's own rate comes before it."""

    option_id: Code
    title: Name
    service_level: Code
    country: Country | None = None
    price_cents: AmountOrZero


class PromotionIn(RequestModel):
    """A service level is free from a subtotal on, or with one of these listings."""

    title: Name
    service_level: Code = "standard"
    min_subtotal_cents: AmountOrZero | None = None
    listing_ids: tuple[UUID, ...] = Field((), max_length=100)

    @model_validator(mode="after")
    def _says_when(self) -> "PromotionIn":
        if self.min_subtotal_cents is None and not self.listing_ids:
            raise ValueError("give min_subtotal_cents or listing_ids")
        return self


_PRICES = {
    "discounts": [{"code": "WELCOME10", "title": "Ten percent off", "kind": "percentage", "value": 10, "position": 1}],
    "rates": [
        {
            "option_id": "standard", "title": "Standard", "service_level": "standard", "country": None,
            "price_cents": 500,
        }
    ],
    "promotions": [
        {
            "title": "Free from 100", "service_level": "standard", "min_subtotal_cents": 10_000, "listing_ids": [],
        }
    ],
}  # fmt: skip


class PriceListIn(RequestModel):
    """The whole list: what is left out is removed. Without rates, delivery is included in the prices."""

    discounts: tuple[DiscountIn, ...] = Field((), max_length=200)
    rates: tuple[RateIn, ...] = Field((), max_length=200)
    promotions: tuple[PromotionIn, ...] = Field((), max_length=50)
    model_config = example(_PRICES)

    @model_validator(mode="after")
    def _names_once(self) -> "PriceListIn":
        if len({rule.code.upper() for rule in self.discounts}) != len(self.discounts):
            raise ValueError("a discount's code stands twice")
        if len({rate.option_id for rate in self.rates}) != len(self.rates):
            raise ValueError("a rate's option_id stands twice")
        return self

    def prices(self) -> PriceList:
        return PriceList(
            discounts=tuple(DiscountRule(**rule.model_dump()) for rule in self.discounts),
            rates=tuple(ShippingRate(**rate.model_dump()) for rate in self.rates),
            promotions=tuple(ShippingPromotion(**promotion.model_dump()) for promotion in self.promotions),
        )


class PriceListOut(ResponseModel):
    """The store's discounts, shipping rates and promotions, as only its owner sees them."""

    model_config = {**ResponseModel.model_config, **example(_PRICES)}

    discounts: tuple[DiscountRule, ...]
    rates: tuple[ShippingRate, ...]
    promotions: tuple[ShippingPromotion, ...]


class DestinationOut(ResponseModel):
    """For whom an order is and where it goes. All null when it came from no checkout session, or is long over."""

    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "checkout_id": "01920000-0000-7000-8000-00000000c0de",
                "buyer": {"first_name": "Amina", "last_name": "Idris", "email": "amina@example.com"},
                "destination": {"id": "home", "street_address": "1 Bazaar Lane", "address_country": "US"},
                "option": "Standard",
            }
        ),
    }

    checkout_id: UUID | None = None
    buyer: Buyer | None = None
    destination: Destination | None = None
    option: str | None = None


@router.put("/stores/{store_id}/price-list", responses=errors(*_OWN, LISTING_NOT_FOUND), tags=["stores"])
async def put_price_list(store_id: UUID, body: PriceListIn, caller: Merchant, context: Context) -> PriceListOut:
    """Replace the store's discounts, shipping rates and promotions for checkout sessions. Codes stay private."""
    async with context.database.session(viewer=caller.agent_id) as session:
        await replace_price_list(session, store_id, caller.agent_id, body.prices())
        return PriceListOut.model_validate(await get_price_list(session, store_id, caller.agent_id))


@router.get("/stores/{store_id}/price-list", responses=errors(*_OWN), tags=["stores"])
async def read_price_list(store_id: UUID, caller: Merchant, context: Context) -> PriceListOut:
    """The store's discounts, shipping rates and promotions."""
    async with context.database.session(viewer=caller.agent_id) as session:
        return PriceListOut.model_validate(await get_price_list(session, store_id, caller.agent_id))


class CountryOut(ResponseModel):
    """``required``: the members of a destination that an address there needs, beside its country and a name."""

    country: str
    name: str
    required: tuple[str, ...]
    postal_example: str | None


class DeliveryCountriesOut(ResponseModel):
    """Where a store's shipped goods can be sent."""

    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "countries": [
                    {
                        "country": "DE",
                        "name": "Germany",
                        "required": ["street_address", "address_locality", "postal_code"],
                        "postal_example": "26133",
                    }
                ]
            }
        ),
    }

    countries: tuple[CountryOut, ...]


@router.get("/stores/{store_id}/delivery-countries", responses=errors(STORE_NOT_FOUND), tags=["stores"])
async def read_delivery_countries(store_id: UUID, context: Context) -> DeliveryCountriesOut:
    """The countries a store delivers to, by ISO 3166-1 alpha-2, and what an address in each needs. Public."""
    async with context.database.session() as session:
        await get_store(await Transaction.of(session), store_id)
        prices = await price_list_of(session, store_id, ())
    wanted = delivery_countries(prices, COUNTRIES)
    return DeliveryCountriesOut(countries=tuple(CountryOut.model_validate(rules_of(country)) for country in wanted))


@router.get("/orders/{order_id}/destination", responses=errors(ORDER_NOT_FOUND), tags=["orders"])
async def read_destination(order_id: UUID, caller: AnyAgent, context: Context) -> DestinationOut:
    """Where to ship an order that came from a checkout session: for its parties, until some days after its end."""
    async with context.database.session(viewer=caller.agent_id) as session:
        if await (await Transaction.of(session)).get(Order, order_id) is None:
            raise ORDER_NOT_FOUND.error()
        checkout = await get_checkout_of_market_order(session, order_id)
    if checkout is None or checkout.order is None:
        return DestinationOut()
    line = next(placed.line_id for placed in checkout.order.orders if placed.order_id == order_id)
    for method in checkout.fulfillment.methods:
        for group in method.groups:
            if line in group.line_ids:
                chosen = (option.title for option in group.options if option.id == group.selected_option_id)
                places = (place for place in method.destinations if place.id == method.selected_destination_id)
                return DestinationOut(
                    checkout_id=checkout.checkout_id,
                    buyer=checkout.buyer,
                    destination=next(places, None),
                    option=next(chosen, None),
                )
    return DestinationOut(checkout_id=checkout.checkout_id, buyer=checkout.buyer)
