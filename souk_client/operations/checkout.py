"""What a merchant sets and sees of checkout sessions."""

from collections.abc import Sequence

from souk_client.calls import Call, get, put
from souk_client.models import DeliveryCountries, Discount, OrderDestination, PriceList, ShippingPromotion, ShippingRate


def set_price_list(
    store_id: str,
    *,
    discounts: Sequence[Discount] = (),
    rates: Sequence[ShippingRate] = (),
    promotions: Sequence[ShippingPromotion] = (),
) -> Call[PriceList]:
    """Replace the whole list: what is left out is removed. Without rates, delivery is included in the prices."""
    return put(
        f"/v1/stores/{store_id}/price-list",
        PriceList,
        discounts=[discount.model_dump() for discount in discounts],
        rates=[rate.model_dump() for rate in rates],
        promotions=[promotion.model_dump() for promotion in promotions],
    )


def price_list(store_id: str) -> Call[PriceList]:
    """The price list of a store of one's own."""
    return get(f"/v1/stores/{store_id}/price-list", PriceList)


def delivery_countries(store_id: str) -> Call[DeliveryCountries]:
    """The countries a store delivers to, and what an address in each needs."""
    return get(f"/v1/stores/{store_id}/delivery-countries", DeliveryCountries)


def order_destination(order_id: str) -> Call[OrderDestination]:
    """Where to ship an order that came from a checkout session: for its parties."""
    return get(f"/v1/orders/{order_id}/destination", OrderDestination)
