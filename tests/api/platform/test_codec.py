"""The codec endpoint: operators only, with a reason, and every look on record."""

import httpx
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from sqlalchemy import text
from temporalio.api.common.v1 import Payload, Payloads

from tests.api.conftest import Agent
from tests.conftest import TEST_KEY_RING
from workflows.codec import EncryptionCodec, parse_key_ring

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"price_cents": 424242}')


@pytest_asyncio.fixture
async def sealed() -> dict:
    found = await EncryptionCodec(parse_key_ring(TEST_KEY_RING)).encode([PLAIN])
    return MessageToDict(Payloads(payloads=found))


async def looks(database, operator: Agent) -> list[tuple[str, str]]:
    async with database.session() as session:
        query = text("SELECT action, reason FROM operator_audit_log WHERE key_id = :key ORDER BY created_at")
        return [(row[0], row[1]) for row in await session.execute(query, {"key": operator.agent_id})]


async def test_an_operator_with_a_reason_may_look(http, worker_database, operator: Agent, sealed: dict):
    headers = {**operator.headers, "X-Souk-Reason": "ticket 12"}
    opened = await http.post("/codec/decode", json=sealed, headers=headers)
    assert opened.json() == MessageToDict(Payloads(payloads=[PLAIN]))
    assert await looks(worker_database, operator) == [("codec.decode", "ticket 12")]
    again = await http.post("/codec/encode", json=opened.json(), headers=operator.headers)
    assert "NDI0MjQy" not in again.text
    back = await http.post("/codec/decode", json=again.json(), headers=headers)
    assert back.json() == opened.json()


async def test_without_a_reason_nothing_is_shown(http, worker_database, operator: Agent, sealed: dict):
    refused = await http.post("/codec/decode", json=sealed, headers=operator.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "auth.reason_required")
    assert await looks(worker_database, operator) == []


async def test_nobody_else_may(http, customer: Agent, sealed: dict):
    assert (await http.post("/codec/decode", json=sealed)).json()["code"] == "auth.required"
    headers = {**customer.headers, "X-Souk-Reason": "curious"}
    assert (await http.post("/codec/decode", json=sealed, headers=headers)).json()["code"] == "auth.operator_required"
    assert (await customer("POST", "/v1/operators/session", {"reason": "curious"})).status_code == 403


async def test_a_repeated_request_for_a_session_opens_one_too(worker_database, operator: Agent):
    answers = [
        await operator("POST", "/v1/operators/session", {"reason": "ticket 13"}, key="the-same") for _ in range(2)
    ]
    assert [("idempotent-replayed" in answer.headers) for answer in answers] == [False, True]
    assert all(answer.headers["set-cookie"].startswith("souk_operator=") for answer in answers)
    assert answers[0].content == answers[1].content
    assert await looks(worker_database, operator) == [("session.open", "ticket 13")]


async def test_a_session_lasts_until_its_key_is_revoked(app, http, worker_database, operator: Agent, sealed: dict):
    answer = await operator("POST", "/v1/operators/session", {"reason": "ticket 13"})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert operator.api_key not in cookie
    value = cookie.split(";")[0]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://souk") as browser:
        opened = await browser.post("/codec/decode", json=sealed, headers={"Cookie": value})
        assert opened.status_code == 200
        assert ("codec.decode", "ticket 13") in await looks(worker_database, operator)
        for forged in (value[:-1] + ("0" if value[-1] != "0" else "1"), value.replace("=", "=x", 1), "souk_operator=."):
            assert (await browser.post("/codec/decode", json=sealed, headers={"Cookie": forged})).status_code == 401
        async with worker_database.session() as session:
            await session.execute(
                text("UPDATE api_keys SET revoked_at = now() WHERE key_id = :key"), {"key": operator.agent_id}
            )
        assert (await browser.post("/codec/decode", json=sealed, headers={"Cookie": value})).status_code == 401


async def test_broken_payloads_are_refused(http, operator: Agent):
    headers = {**operator.headers, "X-Souk-Reason": "ticket 14"}
    encrypted = {"encoding": "YmluYXJ5L2VuY3J5cHRlZA==", "encryption-key-id": "dDE="}
    for body in (
        {"payloads": [{"metadata": encrypted, "data": "AAAA"}]},
        {"payloads": [{"metadata": encrypted, "data": "A" * 400}]},
        {"payloads": [{"metadata": {**encrypted, "encryption-key-id": "/w=="}, "data": "AAAA"}]},
        {"payloads": 5},
        {"other": 5},
    ):
        response = await http.post("/codec/decode", json=body, headers=headers)
        assert response.status_code in (400, 422), response.text


@pytest.mark.parametrize("data", ["\u0084", "AAA", "AA-_", "AAAA\n", "AA==AA", 7, ["AAAA"]])
async def test_what_is_no_base64_is_refused_and_not_left_out(http, operator: Agent, data: object):
    headers = {**operator.headers, "X-Souk-Reason": "ticket 15"}
    for payload in ({"data": data}, {"metadata": {"encoding": data}, "data": "AAAA"}):
        for path in ("/codec/decode", "/codec/encode"):
            refused = await http.post(path, json={"payloads": [payload]}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (400, "request.malformed"), (path, payload)


async def test_browsers_of_other_origins_are_kept_out(api_settings):
    from api.main import create_app

    app = create_app(api_settings.model_copy(update={"temporal_ui_url": "http://ui.example:8233/"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://souk") as http,
    ):
        for origin, path, allowed in (
            ("http://ui.example:8233", "/codec/decode", True),
            ("http://evil.example", "/codec/decode", False),
            ("http://ui.example:8233", "/v1/stores", False),
        ):
            ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = await http.options(path, headers=ask)
            assert ("access-control-allow-origin" in answer.headers) is allowed


async def test_who_may_not_look_hears_so_before_its_request_is_read(http, customer: Agent, operator: Agent):
    http.cookies.clear()
    bad = {"X-Souk-Reason": "0"}
    for path in ("/codec/decode", "/codec/encode"):
        assert (await http.post(path, json={"payloads": 5}, headers=bad)).json()["code"] == "auth.required"
        refused = await http.post(path, json={"payloads": 5}, headers={**customer.headers, **bad})
        assert refused.json()["code"] == "auth.operator_required"
        refused = await http.post(path, json={"payloads": 5}, headers={**operator.headers, **bad})
        assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")
