"""Answers made of rows as they are have the very shape of the models the OpenAPI document describes."""

import json
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from api.platform.parts import ApiParts
from config.contexts import CONTEXTS
from domain.platform.cursors import encode_cursor
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
        # Their order says nothing.
        assert json.loads(shape.dump_json(shape.validate_json(answer.content))) == answer.json()
        cursor = answer.json().get("next_cursor")
        if not cursor:
            break


def _declared(template: str) -> object:
    [found] = [
        route.response_model
        for router in ApiParts(CONTEXTS).routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path == template and "GET" in route.methods
    ]
    return found


async def test_a_cursor_beyond_every_row_is_no_fault(http, stall: Stall):
    """Its numbers may be as large as the database's largest."""
    most, far = 2**63 - 1, UUID(int=2**128 - 1)
    for path, key in (
        ("/v1/activity?limit=1", (most, most)),
        ("/v1/activity?limit=1&order=oldest", (most, most)),
        ("/v1/leaderboard?limit=1", (most, most, far)),
        ("/v1/leaderboard?limit=1&by=sales", (most, far)),
        ("/v1/search?limit=1&q=lamp", (9e14, far)),
        ("/v1/listings?limit=1", (far,)),
    ):
        answer = await http.get(f"{path}&cursor={encode_cursor(*key)}")
        assert answer.status_code == 200, answer.text
