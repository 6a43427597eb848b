"""The protocol's documents as the API's own documentation shows them: what they are is for the protocol's schemas."""

from typing import Any

from pydantic import ConfigDict, RootModel

from api.platform.schemas import example
from domain.checkout.ucp import CART, CHECKOUT, LOOKUP, ORDER, SEARCH, VERSION

_LISTING = "01920000-0000-7000-8000-000000000040"
_STORE_PAGE = "https://souk.example/stores/01920000-0000-7000-8000-000000000020"
_SESSION = "01920000-0000-7000-8000-0000000000c0"
_ORDER_ID = "01920000-0000-7000-8000-0000000000d0"
_ORDER_PAGE = "https://souk.example/orders/01920000-0000-7000-8000-0000000000e0"
_ITEM = {"id": _LISTING, "title": "Brass lamp", "price": 1_500}
_TOTALS = [
    {"type": "subtotal", "display_text": "Subtotal", "amount": 1_500},
    {"type": "total", "display_text": "Total", "amount": 1_500},
]
_PLAIN = [{"type": "subtotal", "amount": 1_500}, {"type": "total", "amount": 1_500}]
_LINES = [{"id": "line_1", "item": _ITEM, "quantity": 1, "totals": _PLAIN}]
_LINKS = [{"type": "refund_policy", "url": _STORE_PAGE}]
_PRICE = {"amount": 1_500, "currency": "USD"}


def _head(capability: str) -> dict[str, Any]:
    return {"version": VERSION, "status": "success", "capabilities": {capability: [{"version": VERSION}]}}


def _product(**more: Any) -> dict[str, Any]:
    variant = {
        "id": _LISTING,
        "title": "Brass lamp",
        "description": {"plain": "Burns olive oil."},
        "price": _PRICE,
        "availability": {"available": True, "status": "in_stock"},
        **more,
    }
    return {
        "id": "01920000-0000-7000-8000-000000000030",
        "title": "Brass lamp",
        "description": {"plain": "Burns olive oil."},
        "price_range": {"min": _PRICE, "max": _PRICE},
        "variants": [variant],
    }


class UcpDocument(RootModel[dict[str, Any]]):
    """A document of the protocol."""

    model_config = ConfigDict(frozen=True)


class CheckoutDocument(UcpDocument):
    model_config = example(
        {
            "ucp": {**_head(CHECKOUT), "payment_handlers": {}},
            "id": _SESSION,
            "status": "ready_for_complete",
            "line_items": _LINES,
            "totals": _TOTALS,
            "currency": "USD",
            "links": _LINKS,
            "payment": {"instruments": []},
            "expires_at": "2026-01-05T16:00:00+00:00",
            "continue_url": _STORE_PAGE,
        }
    )


class CartDocument(UcpDocument):
    model_config = example(
        {
            "ucp": _head(CART),
            "id": "01920000-0000-7000-8000-0000000000b0",
            "line_items": _LINES,
            "totals": _TOTALS,
            "currency": "USD",
            "links": _LINKS,
            "expires_at": "2026-01-12T10:00:00+00:00",
        }
    )


class OrderDocument(UcpDocument):
    model_config = example(
        {
            "ucp": _head(ORDER),
            "id": _ORDER_ID,
            "checkout_id": _SESSION,
            "permalink_url": _ORDER_PAGE,
            "line_items": [
                {
                    "id": "line_1",
                    "item": _ITEM,
                    "quantity": {"original": 1, "total": 1, "fulfilled": 0},
                    "totals": _PLAIN,
                    "status": "processing",
                }
            ],
            "fulfillment": {"expectations": [], "events": []},
            "adjustments": [],
            "currency": "USD",
            "totals": _TOTALS,
        }
    )


class SearchDocument(UcpDocument):
    model_config = example({"ucp": _head(SEARCH), "products": [_product()], "pagination": {"has_next_page": False}})


class LookupDocument(UcpDocument):
    model_config = example({"ucp": _head(LOOKUP), "products": [_product(inputs=[{"id": _LISTING, "match": "exact"}])]})


class ProductDocument(UcpDocument):
    model_config = example({"ucp": _head(LOOKUP), "product": _product()})
