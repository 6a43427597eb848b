"""Search over HTTP: filters, orders, pages and facets; stock and trust beside each hit."""

import secrets

import httpx
import pytest

from tests.api.conftest import Agent, Stall, register


@pytest.fixture
async def word(http: httpx.AsyncClient, stall: Stall) -> str:
    """A word of three listings: 900 and 500 yen, and 700 cents, which is sold out."""
    word = "zq" + secrets.token_hex(6).translate(str.maketrans("0123456789", "ghijklmnop"))
    for price, currency, stock in ((900, "JPY", 3), (500, "JPY", 2), (700, "USD", 1)):
        body = {"store_id": stall.store_id, "title": f"A {word} lamp", "description": "It shines.", "images": []}
        product = await stall.owner.ok("POST", "/v1/products", body)
        body = {"product_id": product["product_id"], "price_cents": price, "currency": currency}
        await stall.owner.ok("POST", "/v1/listings", body | {"inventory_on_hand": stock})
    return word


async def prices(http: httpx.AsyncClient, **asked: object) -> list[int]:
    answer = await http.get("/v1/search", params={name: str(value) for name, value in asked.items()})
    assert answer.status_code == 200, answer.text
    return [hit["price_cents"] for hit in answer.json()["items"]]


async def test_filters_and_orders(http: httpx.AsyncClient, word: str) -> None:
    assert sorted(await prices(http, q=word)) == [500, 700, 900]
    assert await prices(http, q=word, sort="price") == [500, 700, 900]
    assert await prices(http, q=word, sort="-price") == [900, 700, 500]
    assert await prices(http, q=word, sort="newest") == [700, 500, 900]
    assert await prices(http, q=word, currency="JPY", sort="price") == [500, 900]
    assert await prices(http, q=word, currency="JPY", max_price_cents=600) == [500]
    assert await prices(http, q=word, min_trust=50.1) == []
    assert sorted(await prices(http, q=word, min_trust=50)) == [500, 700, 900]
    assert (await http.get("/v1/search", params={"q": word, "sort": "cheap"})).status_code == 422


async def test_a_hit_shows_stock_trust_and_whose_store_it_is(http: httpx.AsyncClient, stall: Stall, word: str) -> None:
    hit = (await http.get("/v1/search", params={"q": word, "sort": "price"})).json()["items"][0]
    owner = (await http.get(f"/v1/agents/{stall.owner.agent_id}")).json()
    assert (hit["store_handle"], hit["store_trust"], hit["store_rated"]) == (owner["handle"], 50.0, False)
    assert hit["inventory_on_hand"] == 2


@pytest.mark.parametrize("sort", ["relevance", "price", "-price", "newest", "trust"])
async def test_pages_of_any_order_leave_nothing_out(http: httpx.AsyncClient, word: str, sort: str) -> None:
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = {"q": word, "sort": sort, "limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/v1/search", params=params)).json()
        found += [hit["listing_id"] for hit in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert len(found) == len(set(found)) == 3


async def test_facets_count_by_currency(http: httpx.AsyncClient, word: str) -> None:
    facets = (await http.get("/v1/search/facets", params={"q": word})).json()["facets"]
    found = {(facet["facet"], facet["value"]): facet for facet in facets}
    yen = found["currency", "JPY"]
    assert (yen["listings"], yen["min_price_cents"], yen["max_price_cents"]) == (2, 500, 900)
    assert found["currency", "USD"]["listings"] == 1
    assert found["in_stock", "true"]["listings"] == 3
    assert sum(facet["listings"] for facet in facets if facet["facet"] == "delivery") == 3


async def test_listings_are_filtered_by_currency_and_stock(http: httpx.AsyncClient, stall: Stall, word: str) -> None:
    asked = {"store_id": stall.store_id, "q": word, "currency": "JPY", "in_stock": "true"}
    found = (await http.get("/v1/listings", params=asked)).json()["items"]
    assert {listing["price_cents"] for listing in found} == {500, 900}


async def test_an_accent_is_forgiven_in_stores_and_threads_too(http: httpx.AsyncClient, stall: Stall) -> None:
    buyer: Agent = await register(http, "CUSTOMER")
    word = "zq" + secrets.token_hex(6).translate(str.maketrans("0123456789", "ghijklmnop"))
    body = {"type": "GENERAL", "title": f"Où est le {word} crème?", "context_store_id": stall.store_id}
    await buyer.ok("POST", "/v1/threads", body)
    found = (await http.get("/v1/search", params={"q": f"ou est {word} creme", "type": "thread"})).json()["items"]
    assert [hit["title"] for hit in found] == [body["title"]]
