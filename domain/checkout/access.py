"""Who may call checkout's routes."""

from collections.abc import Mapping

from domain.platform.access import CUSTOMER, OWNER, PARTY, PUBLIC, SHOPPER, Access

ACCESS: Mapping[str, Access] = {
    "PUT /v1/stores/{store_id}/price-list": OWNER.with_body({}),
    "GET /v1/stores/{store_id}/price-list": OWNER,
    "GET /v1/stores/{store_id}/delivery-countries": PUBLIC,
    "GET /v1/orders/{order_id}/destination": PARTY,
    "GET /.well-known/ucp": PUBLIC,
    "POST /catalog/search": PUBLIC,
    "POST /catalog/lookup": PUBLIC,
    "POST /catalog/product": PUBLIC,
    "POST /carts": CUSTOMER,
    "GET /carts/{cart_id}": SHOPPER,
    "PUT /carts/{cart_id}": SHOPPER.with_body({"line_items": [{"item": {"id": "{listing_id}"}, "quantity": 1}]}),
    "POST /carts/{cart_id}/cancel": SHOPPER,
    "POST /checkout-sessions": CUSTOMER,
    "GET /checkout-sessions/{checkout_id}": SHOPPER,
    "PUT /checkout-sessions/{checkout_id}": SHOPPER,
    "POST /checkout-sessions/{checkout_id}/complete": SHOPPER,
    "POST /checkout-sessions/{checkout_id}/cancel": SHOPPER,
    "GET /orders/{order_group_id}": SHOPPER,
}
