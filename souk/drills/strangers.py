"""Whoever repeats another's request gets no secret of it, and keeps its owner from nothing.

Registrations, keys and webhooks are made; then strangers from the same address send the same Idempotency-Key: with
the same body, with another, with a secret or a key of their own, and with another key of the same agent.
"""

import re
import secrets
from collections.abc import Iterator

import httpx

from souk.drills.canaries import Json, PlantingError, client_of

_SECRET = re.compile(r"souk_[0-9a-f]{32}_[\w-]{43}|whsec_[\w+/=]+")


def replay_as_strangers(api: str) -> list[str]:
    """What went wrong. Raises PlantingError when a secret cannot even be made."""
    with client_of(api, None) as anyone:
        first, key = _registration(), secrets.token_hex(4)
        failed = list(_registrations(anyone, first, key))
        owner_key = _SECRET.findall(_sent(anyone, "/v1/agents", first, key).text)
    if not owner_key:
        return [*failed, "who repeats its own registration with its secret got no key"]
    with client_of(api, owner_key[0]) as owner:
        failed += _secrets_of_agents(api, owner)
    return failed


def _careless() -> Json:
    return {"agent_type": "CUSTOMER", "handle": f"replayed-{secrets.token_hex(6)}", "display_name": "R"}


def _registration() -> Json:
    return {**_careless(), "registration_secret": secrets.token_urlsafe(32)}


def _sent(client: httpx.Client, path: str, body: Json, key: str) -> httpx.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": key})


def _made(client: httpx.Client, path: str, body: Json, key: str) -> httpx.Response:
    answer = _sent(client, path, body, key)
    if not answer.is_success or not _SECRET.search(answer.text):
        raise PlantingError(f"POST {path}: {answer.status_code} {answer.text[:300]}")
    return answer


def _registrations(anyone: httpx.Client, first: Json, key: str) -> Iterator[str]:
    path, bare = "/v1/agents", {name: value for name, value in first.items() if name != "registration_secret"}
    told = set(_SECRET.findall(_made(anyone, path, first, key).text))
    careless = _careless()
    told |= set(_SECRET.findall(_made(anyone, path, careless, key).text))
    for guess in (bare, {**bare, "registration_secret": secrets.token_urlsafe(32)}, careless):
        if told & set(_SECRET.findall(_sent(anyone, path, guess, key).text)):
            yield "a stranger who repeated a registration got its API key"
    for own in (_registration(), _registration()):
        if not _sent(anyone, path, own, key).is_success:
            yield "a registration was refused because of a stranger's Idempotency-Key"


def _secrets_of_agents(api: str, owner: httpx.Client) -> Iterator[str]:
    key = secrets.token_hex(4)
    second = _SECRET.findall(_made(owner, "/v1/agents/me/keys", {"label": "second"}, secrets.token_hex(4)).text)[0]
    stranger = _SECRET.findall(_made(owner, "/v1/agents", _registration(), secrets.token_hex(4)).text)[0]
    hook = {"url": "https://agent.example/souk", "source": "INBOX"}
    webhook_id = _made(owner, "/v1/webhooks", hook, key).json()["webhook"]["webhook_id"]
    rotate = f"/v1/webhooks/{webhook_id}/rotate-secret"
    for number, (path, body) in enumerate(
        (("/v1/webhooks", hook), (rotate, {}), ("/v1/agents/me/keys", {"label": "third"}), ("/v1/agents", _careless()))
    ):
        one = f"{key}{number}" if number else key
        told = set(_SECRET.findall(_made(owner, path, body, one).text))
        if told != set(_SECRET.findall(_sent(owner, path, body, one).text)):
            yield f"who repeated POST {path} with its own key did not get its secret again"
        for who in (second, stranger, None):
            with client_of(api, who) as another:
                if told & set(_SECRET.findall(_sent(another, path, body, one).text)):
                    yield f"another key than the one that asked POST {path} got its secret"
