"""What hostile callers send, and what they hear: a problem document, never a fault, and never their own words."""

import json
import socket
from uuid import uuid4

import httpx
import pytest

from tests.e2e.people import Agent, Shop
from tests.hostile.callers import Callers

_DEEP = "[" * 20_000 + "]" * 20_000
_TEXT = "<script>alert(1)</script> **bold** [x](javascript:alert(2)) {{7*7}} ${7*7} '; DROP TABLE offers; --"


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{" + b" " * 100_000 + b"}", 413),
        (_DEEP.encode(), 400),
        (b'{"listing_id": ' + _DEEP.encode()[:30_000] + b"}", 400),
        (b'{"buyer_message": "\xff\xfe"}', 400),
        (b'{"listing_id": "\\u0000"}', 422),
        (b"null", 422),
        (b"[1, 2]", 422),
        (b'{"a": 1, "a": 2}', 422),
    ],
    ids=["too large", "deep", "cut short", "no utf-8", "nul", "null", "list", "twice"],
)
def test_bodies(callers: Callers, raw: bytes, status: int) -> None:
    customer = callers.agents["customer"]
    for path in ("/v1/offers", "/v1/orders", "/v1/threads", "/v1/reviews"):
        for headers in ({}, {"Idempotency-Key": str(uuid4())}):
            answer = customer.http.post(path, content=raw, headers={"Content-Type": "application/json", **headers})
            assert problem(answer)[0] == status, (path, answer.text)


@pytest.mark.parametrize("cents", [0, -1, 1.5, 1.25, "900", True, 2**31, 2**63, 10**30, -(10**30), None, [], {}])
def test_amounts(callers: Callers, cents: object) -> None:
    body = {"listing_id": callers.ids["listing_id"], "proposed_price_cents": cents}
    assert callers.agents["foreign customer"].refused("POST", "/v1/offers", body) == (422, "request.invalid")
    price = {"price_cents": cents, "reason": "why not"}
    path = f"/v1/listings/{callers.ids['listing_id']}/price"
    assert callers.agents["merchant"].refused("PATCH", path, price) == (422, "request.invalid")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1E-2", "9" * 5_000])
def test_numbers_that_json_should_not_have(callers: Callers, number: str) -> None:
    raw = f'{{"listing_id": "{callers.ids["listing_id"]}", "proposed_price_cents": {number}}}'
    answer = callers.agents["foreign customer"].http.post(
        "/v1/offers", content=raw, headers={"Content-Type": "application/json"}
    )
    assert problem(answer)[0] in {400, 422}


@pytest.mark.parametrize("seconds", [0, -1, -1e308, 1e308, "tomorrow", 8 * 24 * 3600])
def test_expiries_of_a_skewed_clock(callers: Callers, seconds: object) -> None:
    """An offer lives for a while by the server's clock; a caller has no date to be wrong about."""
    body = {"listing_id": callers.ids["listing_id"], "proposed_price_cents": 700, "expires_in_seconds": seconds}
    status, code = callers.agents["foreign customer"].refused("POST", "/v1/offers", body)
    assert (status, code) in {(422, "request.invalid"), (422, "offer.expiry_out_of_range")}
    dated = {**body, "expires_in_seconds": 60, "expires_at": "2020-01-01T00:00:00Z"}
    assert callers.agents["foreign customer"].refused("POST", "/v1/offers", dated) == (422, "request.invalid")


@pytest.mark.parametrize(
    "handle", ["аna", "an\u0430", "ana\u200b", "ａｎａ", "a na", "ana\n", "x" * 65, "", "é\u0301a"]
)
def test_handles_that_look_like_others(callers: Callers, handle: str) -> None:
    body = {"agent_type": "CUSTOMER", "handle": handle, "display_name": "Ana"}
    assert callers.agents["none"].refused("POST", "/v1/agents", body) == (422, "request.invalid")


@pytest.mark.parametrize(
    "cursor", ["", "0", "!!!!", "AAAA", "e30=", "W10", "x" * 5_000, "\u00e9", "null", "eyJhIjoxfQ"]
)
def test_cursors(callers: Callers, cursor: str) -> None:
    for path in ("/v1/stores", "/v1/activity", "/v1/listings"):
        answer = callers.agents["none"].http.get(path, params={"cursor": cursor})
        assert problem(answer)[0] == 422, (path, answer.text)


def test_a_cursor_of_another_list_is_refused_or_harmless(callers: Callers) -> None:
    none, customer = callers.agents["none"], callers.agents["customer"]
    cursor = none.http.get("/v1/activity", params={"limit": 1}).json()["next_cursor"]
    assert cursor
    for path in ("/v1/stores", "/v1/listings", "/v1/offers", "/v1/orders"):
        assert customer.http.get(path, params={"cursor": cursor}).status_code == 422, path
    mine = customer.http.get("/v1/offers", params={"limit": 1}).json()["next_cursor"]
    assert mine
    # Whose list it came from gives nobody anything: row-level security knows the caller, not the cursor.
    stranger = callers.agents["foreign customer"].http.get("/v1/offers", params={"cursor": mine}).json()
    assert stranger["items"] == []


def test_currencies(callers: Callers) -> None:
    shop = callers.shop
    body = {"product_id": shop.product_id, "price_cents": 100, "inventory_on_hand": 1}
    for currency in ("usd", "US", "XXXX", "ZZZ", "U\u0405D", 840):
        assert shop.owner.refused("POST", "/v1/listings", {**body, "currency": currency})[0] == 422
    # An offer has no currency of its own to disagree with.
    offer = {"listing_id": shop.listing_id, "proposed_price_cents": 700, "currency": "JPY"}
    assert callers.agents["foreign customer"].refused("POST", "/v1/offers", offer) == (422, "request.invalid")


def test_headers(callers: Callers) -> None:
    customer = callers.agents["foreign customer"]
    for key in (b"x" * 256, b"a b", b"\xc3\xa9", b""):
        answer = customer.http.post("/v1/threads", json={}, headers={"Idempotency-Key": key})
        assert problem(answer)[0] == 422, key
    for scheme in ("Basic x", "Bearer", "Bearer \u00ff", "Bearer " + "x" * 5_000, "bearer souk_0_0"):
        answer = httpx.get(f"{callers.url}/v1/agents/me", headers={"Authorization": scheme.encode("latin-1")})
        assert problem(answer) == (401, "auth.invalid_key")
    split = "ok\r\nSet-Cookie: owned=1"
    for path in (f"/v1/search?q={split}", f"/problems/{split}"):
        answer = httpx.get(httpx.URL(callers.url + path.replace("\r\n", "%0d%0a").replace(" ", "%20")))
        assert "set-cookie" not in answer.headers
        assert answer.status_code < 500
    # A header that is folded, cut by a bare return or not text never comes back as one of ours.
    for value in (b"ok\r\n Set-Cookie: owned=1", b"ok\rSet-Cookie: owned=1", b"ok\nSet-Cookie: owned=1", b"\xff"):
        with socket.create_connection((httpx.URL(callers.url).host, httpx.URL(callers.url).port or 80), 10) as raw:
            raw.sendall(
                b"GET /v1/stores HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: " + value + b"\r\n\r\n"
            )
            head = b"".join(iter(lambda: raw.recv(65_536), b"")).partition(b"\r\n\r\n")[0].lower()
        assert head.startswith((b"http/1.1 200", b"http/1.1 400")), head
        assert b"set-cookie" not in head
        assert b"owned" not in head
    spoofed = httpx.get(f"{callers.url}/v1/agents/me", headers={"X-Forwarded-For": "10.0.0.1, evil", "Host": "evil"})
    assert problem(spoofed) == (401, "auth.required")
    assert "evil" not in spoofed.text


def test_what_is_written_comes_back_as_data(callers: Callers) -> None:
    shop, customer = callers.shop, callers.agents["customer"]
    thread = customer.post(
        "/v1/threads", {"type": "GENERAL", "title": _TEXT[:190], "context_listing_id": shop.listing_id}
    )
    message = customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": _TEXT})
    assert message["body"] == _TEXT
    read = callers.agents["none"].call("GET", f"/v1/threads/{thread['thread_id']}")
    assert read.headers["content-type"] == "application/json"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.json()["messages"][0]["body"] == _TEXT


def test_a_refusal_does_not_say_what_was_sent(callers: Callers) -> None:
    secret = f"secret-{uuid4().hex}"
    for body in ({"listing_id": secret}, {secret: 1}, {"listing_id": callers.ids["listing_id"], "quantity": secret}):
        answer = callers.call("customer", "POST", "/v1/offers", body)
        assert problem(answer)[0] == 422
        # Unknown fields are named, values never are.
        assert secret not in json.dumps([entry["problem"] for entry in answer.json()["errors"]])


def test_replayed_and_reordered(callers: Callers) -> None:
    """Commands that arrive twice, late, or in the wrong order: each is done once or refused, and the deal stands."""
    shop = Shop.open(callers.url, delivery="SHIPPED")
    buyer = Agent.register(callers.url, "CUSTOMER")
    offer = shop.offer(buyer, 900)
    path = f"/v1/offers/{offer['offer_id']}"
    accept = str(uuid4())
    first = shop.owner.call("POST", f"{path}/accept", {"round": 1}, key=accept)
    assert first.status_code == 200
    # A counter and a reject sent before the accept, arriving after it.
    assert shop.owner.refused("POST", f"{path}/counter", {"proposed_price_cents": 1_200}) == (409, "offer.not_open")
    assert shop.owner.refused("POST", f"{path}/reject") == (409, "offer.not_open")
    placed = str(uuid4())
    order = buyer.post("/v1/orders", {"offer_id": offer["offer_id"]}, key=placed)
    assert buyer.post("/v1/orders", {"offer_id": offer["offer_id"]}, key=placed) == order
    # A review and a refund before the delivery.
    review = {"order_id": order["order_id"], "rating": 1, "body": "Where is it?"}
    assert buyer.refused("POST", "/v1/reviews", review)[1] == "review.order_not_delivered"
    assert buyer.refused("POST", f"/v1/orders/{order['order_id']}/refund-request")[1] == "order.not_delivered"
    delivered = shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")
    assert delivered["status"] == "DELIVERED"
    assert buyer.refused("POST", f"/v1/orders/{order['order_id']}/cancel")[0] == 409
    # The accept once more, long after: the same answer as then.
    assert shop.owner.call("POST", f"{path}/accept", {"round": 1}, key=accept).json() == first.json()
    # Somebody else's key is another key.
    foreign = Agent.register(callers.url, "CUSTOMER")
    assert foreign.call("POST", "/v1/orders", {"offer_id": offer["offer_id"]}, key=placed).status_code == 404
