"""A shop that platforms buy from, and every answer of the protocol read by the protocol's own models."""

from typing import Any
from uuid import UUID

import httpx
import psycopg
from ucp_sdk.models.schemas.shopping.buyer_consent import Checkout as CheckoutWithConsent
from ucp_sdk.models.schemas.shopping.cart import Cart
from ucp_sdk.models.schemas.shopping.catalog_lookup import GetProductResponse, LookupResponse
from ucp_sdk.models.schemas.shopping.catalog_search import SearchResponse
from ucp_sdk.models.schemas.shopping.discount import Checkout as CheckoutWithDiscounts
from ucp_sdk.models.schemas.shopping.fulfillment import Checkout as CheckoutWithFulfillment
from ucp_sdk.models.schemas.shopping.order import Order
from ucp_sdk.models.schemas.shopping.payment import Payment
from ucp_sdk.models.schemas.shopping.types.error_response import ErrorResponse

from db.platform.ids import new_id
from tests.e2e.people import Shop
from tests.running import RunningSouk
from tests.shopping_platform import ShoppingPlatform

for model in (CheckoutWithConsent, CheckoutWithDiscounts, CheckoutWithFulfillment):
    model.model_rebuild(_types_namespace={"Payment": Payment})

MODELS: dict[str, tuple[Any, ...]] = {
    "/checkout-sessions": (CheckoutWithConsent, CheckoutWithDiscounts, CheckoutWithFulfillment),
    "/carts": (Cart,),
    "/orders": (Order,),
    "/catalog/search": (SearchResponse,),
    "/catalog/lookup": (LookupResponse,),
    "/catalog/product": (GetProductResponse,),
}
HOME = {
    "id": "home", "full_name": "Amina Idris", "street_address": "1 Main St", "address_locality": "Springfield",
    "address_region": "IL", "postal_code": "62701", "address_country": "US",
}  # fmt: skip
SECRET = {"Simulation-Secret": "a secret of the simulation"}
PAYS = {"payment": {"instruments": [{
    "id": "card", "handler_id": "mock_payment_handler", "type": "card",
    "credential": {"type": "token", "token": "success_token"},
}]}}  # fmt: skip


def paying(token: str, **more: Any) -> dict[str, Any]:
    (instrument,) = PAYS["payment"]["instruments"]
    credential = {"type": "token", "token": token}
    return {"payment": {"instruments": [{**instrument, "credential": credential}]}, **more}


def read(answer: httpx.Response) -> Any:
    """The answer's document, after the protocol's models have read it."""
    document = answer.json()
    path = answer.request.url.path
    if answer.status_code >= 400 or document["ucp"]["status"] == "error":
        if "messages" in document:
            # What older versions have beside the messages, this one's model refuses.
            older = {"detail"} if answer.status_code >= 400 else set()
            ErrorResponse.model_validate({name: part for name, part in document.items() if name not in older})
            assert document["ucp"]["status"] == "error"
            assert all(message["content"] for message in document["messages"])
        else:
            assert set(document) == {"code", "content"}
            assert document["content"]
        return document
    for start, models in MODELS.items():
        if path.startswith(start):
            for model in models:
                model.model_validate(document)
            break
    else:
        assert path.startswith("/testing/"), path
    assert document["ucp"]["version"] == "2026-04-08"
    return document


def word_of(document: dict[str, Any]) -> str:
    """The code of a refusal, whichever way it is written."""
    return str(document["code"] if "code" in document else document["messages"][0]["code"])


def total_of(document: dict[str, Any], type: str = "total") -> int | None:
    found: list[int] = [entry["amount"] for entry in document["totals"] if entry["type"] == type]
    assert len(found) <= 1
    return found[0] if found else None


class Caller:
    """A platform's calls, each answer read by the models."""

    def __init__(self, platform: ShoppingPlatform) -> None:
        self.platform = platform

    def __call__(
        self, method: str, path: str, body: Any = None, *, status: int = 200, no: str | None = None, **more: Any
    ) -> Any:
        """``no``: the market says no, by this code in a message; else ``status`` tells what became of the request."""
        answer = self.platform.call(method, path, body, **more)
        document = read(answer)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        if status < 400:
            assert no == (word_of(document) if document["ucp"]["status"] == "error" else None), answer.text
        return document

    def open(self, item: str, quantity: int = 1, **more: Any) -> Any:
        lines = [{"item": {"id": item}, "quantity": quantity}]
        return self("POST", "/checkout-sessions", {"line_items": lines, **more}, status=201)

    def ready(self, item: str, quantity: int = 1, option: str = "std", **more: Any) -> Any:
        """A session with nothing missing but payment."""
        return self.open(item, quantity, **{"fulfillment": sent_home(option), **more})

    def complete(self, checkout_id: str, body: Any = PAYS, **more: Any) -> Any:
        return self("POST", f"/checkout-sessions/{checkout_id}/complete", body, **more)


def sent_home(option: str | None = None, country: str = "US") -> dict[str, Any]:
    group = [{"selected_option_id": option}] if option else []
    method = {"type": "shipping", "destinations": [{**HOME, "address_country": country}]}
    return {"methods": [{**method, "selected_destination_id": "home", **({"groups": group} if group else {})}]}


def price_list(souk: RunningSouk, shop: Shop) -> None:
    """What the store asks for delivery, and the codes it gives out."""
    store = UUID(shop.store_id)
    with psycopg.connect(souk.settings.database_url) as connection:
        for option, level, country, cents in (
            ("std", "standard", None, 500),
            ("exp-us", "express", "US", 1_500),
            ("exp-intl", "express", None, 2_500),
        ):
            title = f"{level.title()} {country or ''}".strip()
            connection.execute(
                "INSERT INTO shipping_rates (rate_id, store_id, option_id, title, service_level, country, price_cents)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (new_id(), store, option, title, level, country, cents),
            )
        connection.execute(
            "INSERT INTO shipping_promotions (promotion_id, store_id, title, service_level, min_subtotal_cents)"
            " VALUES (%s, %s, 'Free from 100', 'standard', 10000)",
            (new_id(), store),
        )
        for code, kind, value, position in (
            ("10OFF", "percentage", 10, 1),
            ("WELCOME20", "percentage", 20, 2),
            ("FIXED500", "fixed_amount", 500, 3),
        ):
            connection.execute(
                "INSERT INTO store_discounts (discount_id, store_id, code, title, kind, value, position)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (new_id(), store, code, code.title(), kind, value, position),
            )
