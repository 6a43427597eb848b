"""Documented maxima hold together: what the document allows for each field, a body takes for all of them at once."""

from typing import Any

import httpx
from fastapi import FastAPI

from api.platform.sizes import largest, sentence
from tests.api.conftest import Stall

WIDE = "\U0002000b"  # four bytes in UTF-8


def _bodies(app: FastAPI) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    document = app.openapi()
    return {
        f"{method.upper()} {path}": (operation, media["schema"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for media in operation.get("requestBody", {}).get("content", {}).values()
    }


def test_all_fields_at_their_maxima_fit_or_the_document_says_not(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    limit = app.state.context.settings.limits.max_body_bytes
    told = {name for name, (operation, _) in _bodies(app).items() if "A body holds at most" in operation["description"]}
    larger = {name for name, (_, schema) in _bodies(app).items() if largest(schemas, schema) > limit}
    assert told == larger
    # Whole price lists and sessions of another protocol, and what operators decode; no command of the market.
    assert {name for name in larger if " /v1/" in name} == {"PUT /v1/stores/{store_id}/price-list"}
    assert sentence(limit) in _bodies(app)["PUT /v1/stores/{store_id}/price-list"][0]["description"]


async def test_two_policies_at_their_maximum(http: httpx.AsyncClient, stall: Stall) -> None:
    text = WIDE * 10_000
    body = {"return_policy_text": text, "shipping_policy_text": text, "reason": WIDE * 1_000}
    store = await stall.owner.ok("PATCH", f"/v1/stores/{stall.store_id}/policies", body)
    assert store["shipping_policy_text"] == text


async def test_a_product_at_its_maximum(stall: Stall) -> None:
    address = "https://images.example/" + "a" * (2_000 - len("https://images.example/"))
    body = {
        "store_id": stall.store_id,
        "title": WIDE * 200,
        "description": WIDE * 10_000,
        "images": [{"image_url": address, "position": place} for place in range(20)],
    }
    product = await stall.owner.ok("POST", "/v1/products", body)
    assert len(product["images"]) == 20


async def test_an_address_is_of_ascii(http: httpx.AsyncClient) -> None:
    body = {"agent_type": "CUSTOMER", "handle": "an-address", "display_name": "A test"}
    refused = await http.post("/v1/agents", json=body | {"avatar_url": f"https://images.example/{WIDE}"})
    assert refused.json()["errors"][0]["field"] == "body.avatar_url"
