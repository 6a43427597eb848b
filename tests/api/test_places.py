"""What browsers, crawlers and agents look for at well-known places, and HEAD wherever GET is."""

import json
import re
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Stall

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.mark.parametrize("path", ["/healthz", "/readyz/reads", "/metrics", "/readyz", "/problems/listing.sold_out"])
async def test_health_answers_head(http: httpx.AsyncClient, path: str):
    whole, head = await http.get(path), await http.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


async def test_every_read_answers_head(http: httpx.AsyncClient, app: FastAPI, stall: Stall):
    reads = [path for path, methods in app.openapi()["paths"].items() if "get" in methods and "stream" not in path]
    for path in [*reads, "/", "/search", f"/stores/{stall.store_id}", "/sitemap.xml", "/static/site.css", "/docs"]:
        address = re.sub(r"\{\w+\}", stall.store_id, path)
        whole, head = await http.get(address), await http.head(address)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert head.headers.get("etag") == whole.headers.get("etag"), path
    assert (await http.head("/v1/activity/stream")).status_code == 405
    refused = await http.put("/healthz")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert (await http.head("/no/such/place")).status_code == 404


async def test_nothing_there_is_a_page_for_a_browser_and_a_problem_for_a_program(http: httpx.AsyncClient):
    for path in ("/no-such-place", "/v2/agents", "/static/none.css"):
        page = await http.get(path, headers=BROWSER)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is nothing at this address." in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        for headers in ({}, {"Accept": "application/json"}):
            problem = await http.get(path, headers=headers)
            assert (problem.status_code, problem.json()["code"]) == (404, "request.not_found"), path
    # Programs' own places are problems whoever asks.
    assert (await http.get("/v1/none", headers=BROWSER)).json()["code"] == "request.not_found"


async def test_robots_and_llms_name_where_they_are(http: httpx.AsyncClient):
    robots = await http.get("/robots.txt")
    assert robots.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Sitemap: http://souk/sitemap.xml" in robots.text
    llms = await http.get("/llms.txt")
    assert llms.headers["content-type"] == "text/markdown; charset=utf-8"
    assert llms.text.startswith("# Souk\n\n> ")
    assert "$" not in llms.text
    links = re.findall(r"\]\((http://souk[^)]*)\)", llms.text)
    assert len(links) > 10
    for link in links:
        assert (await http.get(link)).status_code == (421 if link.endswith("/mcp") else 200), link
    disallowed = re.findall(r"^Disallow: (.+)$", robots.text, re.MULTILINE)
    assert "/console" in disallowed
    for path in disallowed:
        assert (await http.head(path)).status_code != 404, path


async def test_the_sitemap_names_what_is_there(http: httpx.AsyncClient, stall: Stall):
    async def named() -> dict[str, str]:
        # Its places are remembered for some seconds.
        http._transport.app.state.context.glance._made.clear()
        answer = await http.get("/sitemap.xml")
        assert answer.headers["content-type"] == "application/xml"
        root = ET.fromstring(answer.text)
        return {url.find(f"{SITEMAP}loc").text: url.findtext(f"{SITEMAP}lastmod", "") for url in root}

    listing = f"http://souk/listings/{stall.listing_id}"
    places = await named()
    assert "http://souk/" in places
    assert f"http://souk/stores/{stall.store_id}" in places
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", places[listing])
    assert (await http.get(listing)).status_code == 200
    await stall.owner.ok("PATCH", f"/v1/listings/{stall.listing_id}/status", {"status": "PAUSED"})
    assert listing not in await named()


async def test_a_listing_is_a_product_to_search_engines(http: httpx.AsyncClient, stall: Stall):
    hostile = "Lamp</script><script>alert(1)</script>"
    product = await stall.owner.ok(
        "POST", "/v1/products", {"store_id": stall.store_id, "title": hostile, "description": "Burns."}
    )
    for currency, cents, price in (("EUR", 2_450, "24.50"), ("JPY", 2_450, "2450"), ("KWD", 2_450, "2.450")):
        listing = await stall.owner.ok(
            "POST",
            "/v1/listings",
            {"product_id": product["product_id"], "price_cents": cents, "currency": currency, "inventory_on_hand": 1},
        )
        text = (await http.get(f"/listings/{listing['listing_id']}")).text
        assert "<script>alert" not in text
        (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
        data = json.loads(block)
        assert (data["@context"], data["@type"], data["name"]) == ("https://schema.org", "Product", hostile)
        offer = data["offers"]
        assert (offer["price"], offer["priceCurrency"]) == (price, currency)
        assert offer["availability"] == "https://schema.org/InStock"
        assert offer["url"] == f"/listings/{listing['listing_id']}"
        assert "aggregateRating" not in data
    await stall.owner.ok("PATCH", f"/v1/listings/{listing['listing_id']}/status", {"status": "PAUSED"})
    text = (await http.get(f"/listings/{listing['listing_id']}")).text
    assert "https://schema.org/OutOfStock" in text
