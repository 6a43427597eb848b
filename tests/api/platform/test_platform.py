"""The request's frame: identity, problems, conditional reads, hostile bodies."""

import secrets
from datetime import datetime
from uuid import UUID

import httpx
import pytest

from config.contexts import CONTEXTS
from tests.api.conftest import Agent, Stall

PROBLEM = "application/problem+json"


def problem(response: httpx.Response, status: int, code: str) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"/problems/{code}"
    assert isinstance(body["next_actions"], list)
    return body


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(http, customer: Agent, worker_database):
    from sqlalchemy import text

    async with worker_database.session() as session:
        rows = await session.execute(text("SELECT * FROM api_keys"))
        stored = str(list(rows))
    assert customer.api_key.split("_", 2)[2] not in stored
    mine = await customer.ok("GET", "/v1/agents/me")
    assert mine["agent"]["agent_id"] == customer.agent_id
    assert "api_key" not in str(mine)


async def test_when_an_agent_called_or_registered_it_is_told_alone(http, customer: Agent, stall: Stall):
    async def public() -> dict:
        return (await http.get(f"/v1/agents/{customer.agent_id}")).json()

    assert UUID(customer.agent_id).version == 4
    me = await customer.ok("GET", "/v1/agents/me")
    assert datetime.fromisoformat(me["last_call_at"]).tzinfo is not None
    assert (await public())["last_active_at"] is None
    assert (await public())["created_at"] == me["agent"]["created_at"]
    assert me["agent"]["created_at"].endswith("T00:00:00Z")
    thread = {"type": "GENERAL", "title": "A word", "context_listing_id": stall.listing_id}
    await customer.ok("POST", "/v1/threads", thread)
    assert (await public())["last_active_at"].endswith("T00:00:00Z")
    assert (await customer.ok("GET", "/v1/agents/me"))["agent"] == await public()
    assert not (await public()).keys() & {"last_call_at", "last_seen_at"}


async def test_keys_rotate_and_revoke(http, customer: Agent):
    second = await customer.ok("POST", "/v1/agents/me/keys", {"label": "second"})
    both = await customer.ok("GET", "/v1/agents/me/keys")
    assert [key["label"] for key in both["items"]] == ["first", "second"]
    first = both["items"][0]["key_id"]
    assert (await customer("DELETE", f"/v1/agents/me/keys/{first}")).status_code == 204
    problem(await customer("GET", "/v1/agents/me"), 401, "auth.invalid_key")
    again = Agent(http, customer.agent_id, second["api_key"])
    assert (await again("GET", "/v1/agents/me")).status_code == 200


async def test_nobody_revokes_the_keys_of_others(http, customer: Agent, stall: Stall):
    keys = await customer.ok("GET", "/v1/agents/me/keys")
    response = await stall.owner("DELETE", f"/v1/agents/me/keys/{keys['items'][0]['key_id']}")
    problem(response, 404, "auth.key_not_found")
    assert (await customer("GET", "/v1/agents/me")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer x", "Basic abc", "Bearer souk_0_x", "Bearer souk_" + "0" * 32 + "_" + "A" * 43, "\xff\xfe"],
)
async def test_bad_keys_are_401_everywhere(http, authorization: str):
    headers = {"Authorization": authorization.encode("latin-1")}
    for path in ("/v1/agents/me", "/v1/stores", "/v1/nowhere"):
        response = await http.get(path, headers=headers)
        problem(response, 401, "auth.invalid_key")
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_writes_need_a_key_and_the_right_role(http, customer: Agent, stall: Stall, operator: Agent):
    body = {"name": "x", "return_policy_text": "x", "shipping_policy_text": "x"}
    problem(await http.post("/v1/stores", json=body), 401, "auth.required")
    problem(await customer("POST", "/v1/stores", body), 403, "agent.not_a_merchant")
    problem(await operator("POST", "/v1/stores", body), 403, "auth.agent_required")
    problem(await stall.owner("PUT", "/v1/agents/me/limits", {}), 403, "agent.not_a_customer")


async def test_limits_are_their_owners_alone(http, customer: Agent, stall: Stall):
    await customer.ok("PUT", "/v1/agents/me/limits", {"spend_cap_cents": 777_123})
    assert (await customer.ok("GET", "/v1/agents/me/limits"))["spend_cap_cents"] == 777_123
    seen = await stall.owner("GET", f"/v1/agents/{customer.agent_id}")
    assert seen.status_code == 200
    assert "777123" not in seen.text


async def test_unknown_addresses_and_methods_are_problems(http):
    problem(await http.get("/v1/nowhere"), 404, "request.not_found")
    response = await http.delete("/v1/stores")
    problem(response, 405, "request.method_not_allowed")
    assert response.headers["allow"]
    head = await http.head("/v1/stores/none/policies")
    assert head.status_code == 405
    assert head.headers["content-type"] == PROBLEM


async def test_every_answer_carries_request_id_and_security_headers(http):
    for path in ("/healthz", "/v1/nowhere", "/v1/stores"):
        response = await http.get(path, headers={"X-Request-Id": "abc-1"})
        assert response.headers["x-request-id"] == "abc-1"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert (await http.get("/healthz", headers={"X-Request-Id": "a b\n"})).headers["x-request-id"] != "a b\n"


async def test_reads_are_conditional(http, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}"
    first = await http.get(path)
    tag = first.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await http.get(path, headers={"If-None-Match": asked})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    await stall.owner.ok("PATCH", f"{path}/price", {"price_cents": 1_400, "reason": "cheaper"})
    changed = await http.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


REGISTRATION = {"agent_type": "CUSTOMER", "handle": "nobody", "display_name": "x"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**REGISTRATION, "extra": 1}, "body.extra"),
        ({**REGISTRATION, "agent_type": "ROBOT"}, "body.agent_type"),
        ({**REGISTRATION, "handle": "a b"}, "body.handle"),
        ({**REGISTRATION, "display_name": "nul \x00 inside"}, "body.display_name"),
        ({**REGISTRATION, "display_name": ""}, "body.display_name"),
        ({**REGISTRATION, "display_name": "x" * 201}, "body.display_name"),
        ({**REGISTRATION, "avatar_url": "javascript:alert(1)"}, "body.avatar_url"),
        ({**REGISTRATION, "bio": 5}, "body.bio"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
)
async def test_bodies_outside_the_schema_name_their_fields_and_nothing_else(http, body, field: str):
    response = await http.post("/v1/agents", json=body)
    found = problem(response, 422, "request.invalid")
    assert field in {entry["field"] for entry in found["errors"]}


@pytest.mark.parametrize("value", [1.5, "5", True, -1, 0, 2**40, 10**30, None, [1], {"a": 1}])
async def test_money_is_whole_cents(http, stall: Stall, value):
    body = {"price_cents": value, "reason": "why not"}
    problem(await stall.owner("PATCH", f"/v1/listings/{stall.listing_id}/price", body), 422, "request.invalid")


async def test_no_document_echoes_what_was_sent(http):
    secret = "canary-" + secrets.token_hex(8)
    body = {**REGISTRATION, "handle": f"{secret} with spaces", "agent_type": secret, "bio": [secret]}
    assert secret not in (await http.post("/v1/agents", json=body)).text
    assert secret not in (await http.post("/v1/agents", content=f'{{"handle": "{secret}"')).text
    assert secret not in (await http.get("/v1/stores", params={"limit": secret})).text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b'{"handle": "\xc3\x28"}', 400),
        (b"[" * 20_000, 400),
        (b'{"a":' * 12_000, 400),
        (b'{"agent_type": ' + b"9" * 5_000 + b"}", 400),
        (b'{"agent_type": NaN, "handle": Infinity, "display_name": "x"}', 422),
        (b'{"agent_type":"CUSTOMER","handle":"nobody","display_name":"\\ud800"}', 422),
        (b'{"agent_type":"CUSTOMER","handle":"nobody","display_name":"x","\\ud800\\u0000":1}', 422),
        (b'{"agent_type":"CUSTOMER","handle":"nobody","display_name":"\\u0000"}', 422),
    ],
)
async def test_hostile_json_is_refused(http, content: bytes, status: int):
    response = await http.post("/v1/agents", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM


async def test_large_bodies_are_refused_declared_or_chunked(http):
    large = b'{"handle": "' + b"x" * 100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    problem(await http.post("/v1/agents", content=large, headers=headers), 413, "request.too_large")

    async def chunks():
        for start in range(0, len(large), 1_000):
            yield large[start : start + 1_000]

    problem(await http.post("/v1/agents", content=chunks(), headers=headers), 413, "request.too_large")


@pytest.mark.parametrize(
    "cursor", ["", "x", "%%%", "bnVsbA", "WzFd", "WyJ4Il0", "é", "W1tbW10", "WzFlOTk5XQ", "A" * 400]
)
@pytest.mark.parametrize("path", ["/v1/stores", "/v1/activity", "/v1/leaderboard", "/v1/search?q=lamp", "/v1/threads"])
async def test_foreign_cursors_are_refused(http, path: str, cursor: str):
    join = "&" if "?" in path else "?"
    problem(await http.get(f"{path}{join}cursor={cursor}"), 422, "request.bad_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "x", "-1", "1.5"])
async def test_limits_of_pages_are_checked(http, limit: str):
    problem(await http.get("/v1/stores", params={"limit": limit}), 422, "request.invalid")


@pytest.mark.parametrize(
    "path", ["/v1/stores/x", "/v1/listings/%00", "/v1/search?q=%00", "/v1/threads?type=NONE", "/v1/listings?q=%00"]
)
async def test_bad_parameters_are_422(http, path: str):
    problem(await http.get(path), 422, "request.invalid")


async def test_what_is_missing_is_404_and_says_what(http, customer: Agent):
    nothing = "01920000-0000-7000-8000-000000000000"
    for path, code in (
        (f"/v1/stores/{nothing}", "store.not_found"),
        (f"/v1/stores/{nothing}/trust", "store.not_found"),
        (f"/v1/listings/{nothing}", "listing.not_found"),
        (f"/v1/products/{nothing}", "product.not_found"),
        (f"/v1/threads/{nothing}", "thread.not_found"),
        (f"/v1/agents/{nothing}", "agent.not_found"),
        (f"/v1/listings/{nothing}/gating", "listing.not_found"),
        (f"/v1/listings/{nothing}/review-thread", "listing.not_found"),
    ):
        problem(await customer("GET", path), 404, code)


async def test_next_actions_name_the_thing_at_hand(http, stall: Stall):
    second = await stall.owner("GET", f"/v1/listings/{stall.listing_id}/review-thread")
    assert problem(second, 404, "review.no_thread")
    kinds = (await http.get("/problems/order.gating_unsatisfied")).json()
    assert kinds["status"] == 422
    problem(await http.get("/problems/no.such"), 404, "request.not_found")


async def test_health_metrics_and_readiness(http):
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    ready = problem(await http.get("/readyz"), 503, "service.unavailable")
    assert ready["postgres"] is True
    assert ready["temporal"] is False
    assert ready["queues"] == dict.fromkeys(CONTEXTS.queues)
    assert (await http.get("/readyz/reads")).json() == {"postgres": True}
    await http.get("/v1/stores")
    text = (await http.get("/metrics")).text
    assert 'route="/v1/stores"' in text
    assert "souk_db_connections_in_use" in text


async def test_docs_load_nothing_from_elsewhere(http):
    import re

    page = (await http.get("/docs")).text
    assert not re.search(r"(src|href)=\"https?://", page)
    assert "https://cdn" not in page
    for asset in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page):
        assert (await http.get(asset)).status_code == 200, asset
