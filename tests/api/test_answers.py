"""Answers made of rows as they are have the very shape of the models the OpenAPI document describes."""

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from api.routers import ROUTERS
from tests.api.conftest import Stall, register

READS = (
    "/v1/activity?limit=200",
    "/v1/activity?order=oldest&limit=2",
    "/v1/activity?store_id={store_id}&listing_id={listing_id}&type=LISTING_DROPPED",
    "/v1/listings/{listing_id}",
    "/v1/listings?limit=200",
    "/v1/listings?store_id={store_id}&product_id={product_id}&status=ACTIVE&min_price_cents=1&max_price_cents=100000",
    "/v1/listings?q=lamp&limit=1",
    "/v1/stores/{store_id}",
    "/v1/leaderboard?limit=200",
    "/v1/leaderboard?by=sales&limit=1",
    "/v1/search?q=lamp&limit=200",
    "/v1/search?q=the&type=listing",
)


@pytest.mark.parametrize("path", READS)
async def test_an_answer_has_the_declared_shape(http, stall: Stall, path: str):
    """Read back through its model and written again it is the same, to the byte, and on the next page too."""
    customer = await register(http, "CUSTOMER")
    about = {"type": "GENERAL", "title": "A question", "context_listing_id": stall.listing_id}
    await customer.ok("POST", "/v1/threads", about)
    images = [{"image_url": f"https://example.org/{at}.png", "position": at} for at in (2, 0, 1)]
    change = {"images": images, "reason": "Pictures at last."}
    await stall.owner.ok("PATCH", f"/v1/products/{stall.product_id}", change)
    ids = {"store_id": stall.store_id, "product_id": stall.product_id, "listing_id": stall.listing_id}
    asked = path.format(**ids)
    shape = TypeAdapter(_declared(path.partition("?")[0]))
    cursor: str | None = ""
    for _ in range(2):
        answer = await http.get(asked + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert shape.dump_json(shape.validate_json(answer.content)) == answer.content
        cursor = answer.json().get("next_cursor")
        if not cursor:
            break


def _declared(template: str) -> object:
    [found] = [
        route.response_model
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path == template and "GET" in route.methods
    ]
    return found
