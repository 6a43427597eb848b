"""What a merchant sets and sees of checkout sessions: its price list, and where an order goes."""

from souk_client.models.base import Model


class Discount(Model):
    """A code that buyers give: ``value`` is a percentage up to 100, or cents. Lower positions are applied first."""

    code: str
    title: str
    kind: str
    value: int
    position: int = 1


class ShippingRate(Model):
    """A way to ship. Without a country it is for everywhere; a country's own rate comes before it."""

    option_id: str
    title: str
    service_level: str
    country: str | None = None
    price_cents: int


class ShippingPromotion(Model):
    """A service level is free from a subtotal on, or with one of these listings."""

    title: str
    service_level: str = "standard"
    min_subtotal_cents: int | None = None
    listing_ids: list[str] = []


class PriceList(Model):
    """A store's discounts, shipping rates and promotions, as only its owner sees them."""

    discounts: list[Discount]
    rates: list[ShippingRate]
    promotions: list[ShippingPromotion]


class Consent(Model):
    """What the buyer agreed to; None: not asked."""

    analytics: bool | None = None
    preferences: bool | None = None
    marketing: bool | None = None
    sale_of_data: bool | None = None


class Buyer(Model):
    """For whom an order is."""

    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    consent: Consent | None = None


class Address(Model):
    """Where an order goes."""

    id: str = ""
    street_address: str | None = None
    extended_address: str | None = None
    address_locality: str | None = None
    address_region: str | None = None
    postal_code: str | None = None
    address_country: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    phone_number: str | None = None


class DeliveryCountry(Model):
    """A country by its ISO 3166-1 alpha-2 code; ``required`` are the members of an address that it needs."""

    country: str
    name: str
    required: list[str]
    postal_example: str | None = None


class DeliveryCountries(Model):
    """Where a store's shipped goods can be sent."""

    countries: list[DeliveryCountry]


class OrderDestination(Model):
    """For whom an order is and where it goes. All None when it came from no checkout session, or is long over."""

    checkout_id: str | None = None
    buyer: Buyer | None = None
    destination: Address | None = None
    option: str | None = None
