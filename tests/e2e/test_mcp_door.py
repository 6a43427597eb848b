"""The way in to /mcp, as plain HTTP: keys, hosts, methods, bodies."""

import json
from typing import Any

import httpx
import pytest

from api.mcp.door import host_rules
from config.settings import Settings
from tests.e2e.people import Agent
from tests.hostile.callers import operator_key

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def knock(url: str, key: str | None, body: Any = None, *, method: str = "POST", **headers: str) -> httpx.Response:
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    content = body if isinstance(body, bytes) else json.dumps(body or rpc("ping")).encode()
    with httpx.Client(timeout=120) as http:
        return http.request(
            method, f"{url}/mcp", content=content, headers=HEADERS | bearer | {k.title(): v for k, v in headers.items()}
        )


def read_error(answer: httpx.Response) -> dict[str, Any]:
    """The error of an answer that is JSON-RPC."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"jsonrpc", "id", "error"}, body
    assert (body["jsonrpc"], body["id"]) == ("2.0", None)
    error: dict[str, Any] = body["error"]
    assert error["code"] < 0
    assert error["message"].startswith(error["data"]["detail"])
    return error


@pytest.fixture(scope="module")
def agent(souk_url: str) -> Agent:
    return Agent.register(souk_url, "CUSTOMER")


def test_no_key_an_unknown_and_a_revoked_one_are_shown_the_way(souk_url: str) -> None:
    agent = Agent.register(souk_url, "CUSTOMER")
    assert knock(souk_url, agent.key).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    key_id = agent.get("/v1/agents/me")["key_id"]
    assert agent.call("DELETE", f"/v1/agents/me/keys/{key_id}").status_code == 204
    for key in (None, "nonsense", "souk_" + "0" * 32 + "_" + "a" * 43, agent.key):
        answer = knock(souk_url, key)
        assert answer.status_code == 401, key
        pointer = f"{souk_url}/.well-known/oauth-protected-resource/mcp"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert f'resource_metadata="{pointer}"' in answer.headers["WWW-Authenticate"]
        assert "RateLimit-Remaining" in answer.headers
        error = read_error(answer)
        assert error["data"]["code"] == ("auth.required" if key is None else "auth.invalid_key")
        assert "POST /v1/agents to register" in error["message"]
    # The mark of inner requests is no header, nor anything else one can send.
    assert knock(souk_url, None, **{"souk.within": "1", "souk.identity": "1"}).status_code == 401
    told = httpx.get(pointer).json()
    assert told["resource"] == f"{souk_url}/mcp"
    assert told["bearer_methods_supported"] == ["header"]
    assert told == httpx.get(f"{souk_url}/.well-known/oauth-protected-resource").json()


async def test_an_operator_is_no_agent(souk_url: str, settings: Settings) -> None:
    answer = knock(souk_url, await operator_key(settings))
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert read_error(answer)["data"]["code"] == "auth.agent_required"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
def test_only_post(souk_url: str, agent: Agent, method: str) -> None:
    answer = knock(souk_url, agent.key, method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert read_error(answer)["data"]["code"] == "request.method_not_allowed"
    assert knock(souk_url, None, method=method).status_code == 401


def test_other_peoples_names_and_pages_are_turned_away(souk_url: str, agent: Agent) -> None:
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        answer = knock(souk_url, agent.key, host=host)
        assert (answer.status_code, read_error(answer)["data"]["code"]) == (421, "request.host_unknown"), host
    for origin in ("http://evil.example", "null", "https://localhost.evil.example"):
        answer = knock(souk_url, agent.key, origin=origin)
        assert (answer.status_code, read_error(answer)["data"]["code"]) == (403, "request.origin_unknown"), origin
    assert knock(souk_url, agent.key, origin="http://localhost:6274").status_code == 200


def test_a_public_url_opens_its_own_name(settings: Settings) -> None:
    rules = host_rules(settings.model_copy(update={"public_url": "https://souk.example", "allowed_hosts": ["api"]}))
    assert {"souk.example", "souk.example:*", "api", "api:*", "localhost:*"} <= set(rules.allowed_hosts)
    assert "https://souk.example" in rules.allowed_origins
    assert "souk.example" not in host_rules(settings).allowed_hosts


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"7", 400),
        (b"[" * 30_000, 400),
        (b'{"jsonrpc":"2.0","id":1,"method":' + b"9" * 5_000 + b"}", 400),
        (b'{"jsonrpc":"2.0","id":1}', 400),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 400),
        (json.dumps(rpc("tools/call", name="x" * 100_000)).encode(), 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_hostile_bodies(souk_url: str, agent: Agent, body: bytes, status: int) -> None:
    answer = knock(souk_url, agent.key, body)
    assert answer.status_code == status, answer.text
    assert b"Traceback" not in answer.content
    assert answer.json()["error"]["code"] < 0
    if status == 413:
        error = read_error(answer)
        assert (error["data"]["code"], error["data"]["max_bytes"]) == ("request.too_large", 98_304)
        assert "98304 bytes" in error["message"]
        assert "shorten the texts" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        rpc("no/such/method"),
        rpc("tools/call"),
        rpc("tools/call", name=["x"], arguments=7),
        rpc("tools/call", name="no_such_tool", arguments={}),
        rpc("prompts/get", name="no_such_prompt"),
        rpc("prompts/get", name="summary", arguments={"text": "x"}),
        rpc("resources/read", uri="souk://listings/../../etc/passwd"),
        rpc("resources/read", uri="souk://listings/%00"),
        rpc("resources/read", uri="file:///etc/passwd"),
        rpc("resources/read", uri="souk://threads/01920000-0000-7000-8000-00000000dead"),
    ],
    ids=lambda body: str(body["params"])[:40] or body["method"],
)
def test_hostile_calls_are_protocol_errors(souk_url: str, agent: Agent, body: dict[str, Any]) -> None:
    answer = knock(souk_url, agent.key, body)
    assert answer.status_code in (200, 400, 404), answer.text
    assert answer.json()["error"]["code"] in (-32601, -32602), answer.text


@pytest.mark.parametrize(
    "arguments",
    [
        b'{"query": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"query": "\\u0000"}',
        b'{"limit": 1e400}',
        b'{"limit": ' + b"9" * 400 + b"}",
        b'{"query": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"query": "' + b"x" * 60_000 + b'"}',
        b'{"cursor": "nonsense"}',
        b'{"store_id": {"$ne": null}}',
        b'{"__class__": "x", "self": 1}',
        b"[]",
    ],
    ids=lambda value: value[:20].decode(),
)
def test_hostile_arguments_are_refused_by_name(souk_url: str, agent: Agent, arguments: bytes) -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find_listings","arguments":%s}}'
    answer = knock(souk_url, agent.key, call % arguments)
    assert answer.status_code in (200, 400), answer.text
    body = answer.json()
    if "error" in body:
        assert body["error"]["code"] in (-32700, -32600, -32602), body
    else:
        assert body["result"]["isError"]
        assert body["result"]["structuredContent"]["code"] in ("request.invalid", "request.bad_cursor"), body


def test_other_media_types_are_refused(souk_url: str, agent: Agent) -> None:
    assert knock(souk_url, agent.key, **{"content-type": "text/plain"}).status_code == 400
    assert knock(souk_url, agent.key, accept="text/html").status_code == 406
