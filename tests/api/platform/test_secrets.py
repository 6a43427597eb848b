"""Answers that hold a secret: which routes give one, and to whom a repetition gives it again."""

import base64
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from db.platform.ids import new_id
from db.platform.keys import format_key, insert_key, random_secret
from db.platform.tables import ApiKeyKind
from tests.api.conftest import Agent, register

SECRET_NAME = re.compile(r"(?:^|_)(?:api_?key|secret|token|password|passphrase|credential|private_?key|cookie)s?$")
SECRET_TEXT = re.compile(r"souk_[0-9a-f]{32}_|whsec_|BEGIN [A-Z ]*PRIVATE KEY")
SECRET = re.compile(r"souk_[0-9a-f]{32}_[\w-]{43}|whsec_[\w+/=]+")
WEBHOOK = {"url": "https://agent.example/souk", "source": "INBOX"}
Document = dict[str, Any]
Ask = Callable[[Agent], Awaitable[httpx.Response]]


async def _webhook_of(agent: Agent) -> str:
    return str((await agent.ok("POST", "/v1/webhooks", WEBHOOK))["webhook"]["webhook_id"])


async def _make_key(_: Agent, key: str) -> Ask:
    return lambda caller: caller("POST", "/v1/agents/me/keys", {"label": "x"}, key=key)


async def _make_webhook(_: Agent, key: str) -> Ask:
    return lambda caller: caller("POST", "/v1/webhooks", WEBHOOK, key=key)


async def _rotate(agent: Agent, key: str) -> Ask:
    path = f"/v1/webhooks/{await _webhook_of(agent)}/rotate-secret"
    return lambda caller: caller("POST", path, {}, key=key)


# Every route whose answer holds a secret: how an agent asks for one. A new route needs its line here.
WITH_KEY: dict[str, Callable[[Agent, str], Awaitable[Ask]]] = {
    "POST /v1/agents/me/keys": _make_key,
    "POST /v1/webhooks": _make_webhook,
    "POST /v1/webhooks/{webhook_id}/rotate-secret": _rotate,
}
WITHOUT_KEY = {"POST /v1/agents"}


def _members(value: Any, document: Document, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of everything a schema or an example may hold, and the texts of examples."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _members(part, document, seen)
    elif isinstance(value, dict):
        name = value.get("$ref", "")
        if isinstance(name, str) and name and name not in seen:
            yield from _members(document["components"]["schemas"][name.rsplit("/", 1)[-1]], document, seen | {name})
        for key, part in value.items():
            if key not in {"$ref", "description", "title"}:
                yield key
                yield from _members(part, document, seen)


def secret_routes(document: Document) -> set[str]:
    """The operations whose good answers have a member called like a secret, or an example that looks like one."""
    found = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            names = list(_members([answer.get("content", {}) for answer in good], document))
            if any(SECRET_NAME.search(name) or SECRET_TEXT.search(name) for name in names):
                found.add(f"{method.upper()} {path}")
    return found


def test_every_route_that_answers_a_secret_is_known(app: FastAPI):
    document = app.openapi()
    assert secret_routes(document) == {*WITH_KEY, *WITHOUT_KEY}
    # The walk sees what is called otherwise, nested or in an example only.
    hidden = {"post": {"responses": {"200": {"content": {"x": {"example": {"a": [{"b": "whsec_1"}]}}}}}}}
    nested = {"get": {"responses": {"200": {"content": {"x": {"schema": {"$ref": "#/components/schemas/NewKey"}}}}}}}
    more = {**document, "paths": {"/hidden": hidden, "/nested": nested}}
    assert secret_routes(more) == {"POST /hidden", "GET /nested"}


@pytest.mark.parametrize("route", sorted(WITH_KEY))
async def test_a_secret_comes_back_only_to_the_key_that_asked(http: httpx.AsyncClient, route: str):
    agent, stranger = await register(http, "CUSTOMER"), await register(http, "CUSTOMER")
    second = Agent(http, agent.agent_id, (await agent.ok("POST", "/v1/agents/me/keys", {"label": "two"}))["api_key"])
    ask = await WITH_KEY[route](agent, secrets.token_hex(8))
    first = await ask(agent)
    [secret] = SECRET.findall(first.text)
    again = await ask(agent)
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (
        first.status_code, first.content, "true",
    )  # fmt: skip
    other = await ask(second)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.secret_not_repeated")
    assert not SECRET.search(other.text)
    assert secret not in (await ask(stranger)).text
    assert (await ask(Agent(http, "", ""))).status_code == 401
    key_id = (await agent.ok("GET", "/v1/agents/me"))["key_id"]
    assert (await second("DELETE", f"/v1/agents/me/keys/{key_id}")).status_code == 204
    assert (await ask(agent)).json()["code"] == "auth.invalid_key"


async def test_an_operators_session_is_opened_again_only_for_its_key(operator: Agent, http, worker_database):
    key_id, secret = new_id(), random_secret()
    async with worker_database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "another", secret)
    other, key = Agent(http, str(key_id), format_key(key_id, secret)), secrets.token_hex(8)
    for who in (operator, operator, other):
        opened = await who("POST", "/v1/operators/session", {"reason": "Ticket 1"}, key=key)
        text = opened.headers["set-cookie"].removeprefix("souk_operator=").partition(".")[0]
        assert json.loads(base64.urlsafe_b64decode(text))[0] == who.agent_id
    agent = await register(http, "CUSTOMER")
    refused = await agent("POST", "/v1/operators/session", {"reason": "Ticket 1"}, key=key)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)


def registration(**more: str) -> dict[str, str]:
    return {"agent_type": "CUSTOMER", "handle": f"r-{secrets.token_hex(6)}", "display_name": "x", **more}


async def _register(http: httpx.AsyncClient, body: dict[str, str], key: str) -> httpx.Response:
    return await http.post("/v1/agents", json=body, headers={"Idempotency-Key": key})


async def test_a_registration_is_answered_again_to_who_has_its_secret(http: httpx.AsyncClient):
    key, body = secrets.token_hex(8), registration(registration_secret=secrets.token_urlsafe(32))
    first = await _register(http, body, key)
    again = await _register(http, body, key)
    assert (again.status_code, again.content) == (201, first.content)
    bare = {name: value for name, value in body.items() if name != "registration_secret"}
    for guess in (bare, {**bare, "registration_secret": secrets.token_urlsafe(32)}):
        refused = await _register(http, guess, key)
        assert (refused.status_code, refused.json()["code"]) == (409, "agent.handle_taken")
        assert first.json()["key_id"] not in refused.text
        assert not SECRET.search(refused.text)
    changed = await _register(http, {**body, "display_name": "y"}, key)
    assert changed.json()["code"] == "idempotency.key_reused"


async def test_a_registration_without_a_secret_tells_its_key_once(http: httpx.AsyncClient):
    key, body = secrets.token_hex(8), registration()
    first = await _register(http, body, key)
    assert first.status_code == 201
    again = await _register(http, body, key)
    assert (again.status_code, again.json()["code"]) == (409, "agent.already_registered")
    assert any("registration_secret" in action for action in again.json()["next_actions"])
    assert first.json()["agent"]["agent_id"] not in again.text
    assert not SECRET.search(again.text)


@pytest.mark.parametrize("proof", [{}, {"registration_secret": "x" * 32}])
async def test_who_guesses_an_idempotency_key_is_in_nobodys_way(http: httpx.AsyncClient, proof: dict[str, str]):
    key = secrets.token_hex(8)
    squatter = await _register(http, registration(**proof), key)
    assert squatter.status_code == 201
    for own in (registration(), registration(registration_secret=secrets.token_urlsafe(32))):
        made = await _register(http, own, key)
        assert (made.status_code, made.json()["agent"]["handle"]) == (201, own["handle"])


async def test_a_registrations_secret_is_written_down_nowhere(http: httpx.AsyncClient, worker_database):
    from sqlalchemy import text

    proof = f"canary{secrets.token_hex(16)}"
    made = await _register(http, registration(registration_secret=proof), secrets.token_hex(8))
    assert proof not in made.text
    async with worker_database.session() as session:
        for table in ("agents", "api_keys", "idempotency_records"):
            found = await session.scalar(
                text(f"SELECT count(*) FROM {table} t WHERE to_jsonb(t)::text LIKE :proof"),
                {"proof": f"%{proof}%"},
            )
            assert found == 0, table


@pytest.mark.parametrize("proof", ["x" * 31, "x" * 257, "with a blank" * 4, "é" * 32, "x" * 32 + "\n", 7, ""])
async def test_a_registration_secret_is_long_and_visible(http: httpx.AsyncClient, proof: object):
    body: dict[str, Any] = {**registration(), "registration_secret": proof}
    refused = await http.post("/v1/agents", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")
    assert len(str(proof)) < 30 or str(proof) not in refused.text
