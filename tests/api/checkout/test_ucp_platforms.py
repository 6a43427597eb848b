"""Who may act for a platform where the test-only mode is off: claims are read, proofs are asked for."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from limits import parse
from sqlalchemy import text

from api.checkout.profiles import Profiles
from api.main import create_app
from config.settings import Settings
from db.checkout.housekeeping import delete_personal_data
from db.platform.database import Database
from db.platform.transactions import Transaction
from domain.checkout.ucp import CART, CHECKOUT, SEARCH, VERSION
from tests.api.conftest import Agent, Stall, open_stall, register
from tests.shopping_platform import Key, sign

HERE = "https://souk.example"


@dataclass
class World:
    """A Souk for the outside, and the profiles that stand out there."""

    app: FastAPI
    http: httpx.AsyncClient
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def publish(self, *keys: Key, capabilities: tuple[str, ...] = (CHECKOUT, CART, SEARCH)) -> str:
        url = f"https://p.example/{uuid4().hex}"
        self.profiles[url] = {
            "ucp": {"version": VERSION, "capabilities": {name: [{"version": VERSION}] for name in capabilities}},
            "signing_keys": [key.jwk for key in keys],
        }
        return url

    async def call(
        self, method: str, path: str, profile: str, body: Any = None, key: Key | None = None, **headers: str
    ) -> httpx.Response:
        sent = {"UCP-Agent": f'profile="{profile}"', "Host": "souk.example"}
        raw = b"" if body is None else json.dumps(body).encode()
        if raw:
            sent |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent = sign(key, method, HERE + path, sent, raw)
        return await self.http.request(method, path, content=raw or None, headers=sent)

    async def word(self, *args: Any, **more: Any) -> tuple[int, str]:
        answer = await self.call(*args, **more)
        told = answer.json()
        return answer.status_code, told["code"] if "code" in told else told["messages"][0]["code"]


@pytest_asyncio.fixture(scope="module")
async def world(api_settings: Settings) -> AsyncIterator[World]:
    secret = base64.b64encode(b"s" * 32).decode()
    changes = {"ucp_signing_keys": type(api_settings.credential_secret)(secret), "public_url": HERE}
    limits = api_settings.limits.model_copy(update={"profiles_per_address": "1000/minute", "per_platform": "6/minute"})
    app = create_app(api_settings.model_copy(update={**changes, "limits": limits}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as http,
    ):
        made = World(app, http)

        def outside(request: httpx.Request) -> httpx.Response:
            made.fetched.append(str(request.url))
            found = made.profiles.get(str(request.url))
            return httpx.Response(404) if found is None else httpx.Response(200, json=found)

        client = httpx.AsyncClient(transport=httpx.MockTransport(outside))
        app.state.context.profiles = Profiles(development=False, client=client)
        yield made


@pytest_asyncio.fixture(scope="module")
async def goods(world: World) -> Stall:
    return await open_stall(world.http)


def cart_of(goods: Stall) -> dict[str, Any]:
    return {"line_items": [{"item": {"id": goods.listing_id}, "quantity": 1}]}


async def test_a_claim_is_enough_to_look_and_for_nothing_else(world: World, goods: Stall) -> None:
    profile = world.publish()
    assert (await world.call("POST", "/catalog/search", profile, {"query": "lamp"})).status_code == 200
    assert await world.word("POST", "/carts", profile, cart_of(goods)) == (401, "signature_missing")
    assert await world.word("GET", f"/orders/{uuid4()}", profile) == (401, "signature_missing")
    assert await world.word("GET", f"/checkout-sessions/{uuid4()}", profile) == (401, "signature_missing")


async def test_a_signature_makes_the_platform_its_agent(world: World, goods: Stall) -> None:
    key = Key()
    profile = world.publish(key)
    made = await world.call("POST", "/carts", profile, cart_of(goods), key)
    assert made.status_code == 201, made.text
    path = f"/carts/{made.json()['id']}"
    assert (await world.call("GET", path, profile, key=key)).status_code == 200
    assert await world.word("GET", path, profile) == (401, "signature_missing")
    # Another platform with the same key is another platform.
    other = world.publish(key)
    assert await world.word("GET", path, other, key=key) == (200, "not_found")


async def test_who_publishes_keys_signs_even_what_needs_no_proof(world: World) -> None:
    profile = world.publish(Key())
    assert await world.word("POST", "/catalog/search", profile, {}) == (401, "signature_missing")


async def test_a_signature_by_another_key_or_for_another_place(world: World, goods: Stall) -> None:
    key = Key("mine")
    profile = world.publish(key)
    assert await world.word("POST", "/carts", profile, cart_of(goods), Key("mine")) == (401, "signature_invalid")
    assert await world.word("POST", "/carts", profile, cart_of(goods), Key("other")) == (401, "key_not_found")
    # Signed for another merchant and sent on to us with that one's name.
    body = json.dumps(cart_of(goods)).encode()
    headers = {"UCP-Agent": f'profile="{profile}"', "Content-Type": "application/json", "Idempotency-Key": "k"}
    elsewhere = sign(key, "POST", "https://other.example/carts", headers, body)
    relayed = await world.http.post("/carts", content=body, headers={**elsewhere, "Host": "other.example"})
    assert (relayed.status_code, relayed.json()["code"]) == (401, "signature_invalid")
    # What was seen on its way is no use with another body.
    swapped = sign(key, "POST", f"{HERE}/carts", headers, body)
    changed = await world.http.post("/carts", content=body.replace(b"1", b"2"), headers=swapped)
    assert (changed.status_code, changed.json()["code"]) == (400, "digest_mismatch")


async def test_a_signed_change_needs_a_signed_idempotency_key(world: World, goods: Stall) -> None:
    key = Key()
    profile = world.publish(key)
    body = json.dumps(cart_of(goods)).encode()
    headers = {"UCP-Agent": f'profile="{profile}"', "Content-Type": "application/json"}
    answer = await world.http.post("/carts", content=body, headers=sign(key, "POST", f"{HERE}/carts", headers, body))
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


async def test_a_key_published_since_is_found(world: World, goods: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Key("old"), Key("new")
    profile = world.publish(old)
    assert (await world.call("POST", "/carts", profile, cart_of(goods), old)).status_code == 201
    world.profiles[profile]["signing_keys"].append(new.jwk)
    # At most once a minute, whoever asks.
    assert await world.word("POST", "/carts", profile, cart_of(goods), new) == (401, "key_not_found")
    assert world.fetched.count(profile) == 1
    monkeypatch.setattr("api.checkout.profiles._MIN_SECONDS", 0.0)
    assert (await world.call("POST", "/carts", profile, cart_of(goods), new)).status_code == 201
    assert world.fetched.count(profile) == 2


async def test_a_customers_key_acts_for_that_customer(world: World, goods: Stall) -> None:
    customer, profile = await register(world.http, "CUSTOMER"), world.publish()
    made = await world.call("POST", "/carts", profile, cart_of(goods), **customer.headers)
    assert made.status_code == 201, made.text
    path = f"/carts/{made.json()['id']}"
    assert (await world.call("GET", path, profile, **customer.headers)).status_code == 200
    stranger: Agent = await register(world.http, "CUSTOMER")
    assert await world.word("GET", path, profile, **stranger.headers) == (200, "not_found")
    # But not through a platform that would have signed.
    signing = world.publish(Key())
    assert await world.word("GET", path, signing, **customer.headers) == (401, "signature_missing")


async def test_merchants_do_not_shop(world: World, goods: Stall) -> None:
    profile = world.publish()
    word = await world.word("POST", "/carts", profile, cart_of(goods), **goods.owner.headers)
    assert word == (403, "agent_not_a_customer")


async def test_what_was_not_negotiated_is_not_served(world: World, goods: Stall) -> None:
    key = Key()
    profile = world.publish(key, capabilities=(SEARCH,))
    answer = await world.call("POST", "/carts", profile, cart_of(goods), key)
    # An outcome of negotiation, not an error of transport: as the protocol has it.
    assert (answer.status_code, answer.json()["ucp"]["status"]) == (200, "error")
    assert answer.json()["messages"][0]["code"] == "capabilities_incompatible"


async def test_older_versions_are_refused_where_the_test_mode_is_off(world: World) -> None:
    profile = world.publish()
    world.profiles[profile]["ucp"]["version"] = "2026-01-11"
    assert await world.word("POST", "/catalog/search", profile, {}) == (422, "version_unsupported")
    placeholder = {"UCP-Agent": f'profile="..."; version="{VERSION}"'}
    answer = await world.http.post("/catalog/search", json={}, headers=placeholder)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_profile_url")


async def test_a_platform_has_a_limit_of_its_own_that_strangers_cannot_use_up(world: World) -> None:
    key = Key()
    profile = world.publish(key)
    # Whoever claims to be the platform counts for itself.
    forged = [await world.word("POST", "/catalog/search", profile, {}, Key(key.kid)) for _ in range(7)]
    assert forged == [(401, "signature_invalid")] * 7
    statuses = [(await world.call("POST", "/catalog/search", profile, {}, key)).status_code for _ in range(7)]
    assert statuses == [200] * 6 + [429]
    answer = await world.call("POST", "/catalog/search", profile, {}, key)
    assert (answer.json()["code"], "retry-after" in answer.headers) == ("request_rate_limited", True)
    other = Key()
    assert (await world.call("POST", "/catalog/search", world.publish(other), {}, other)).status_code == 200


async def test_a_new_platform_counts_as_a_registration(
    world: World, goods: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key()
    known = world.publish(key)
    assert (await world.call("POST", "/carts", known, cart_of(goods), key)).status_code == 201
    monkeypatch.setitem(world.app.state.context.limiter.items, "registrations_per_address", parse("0/hour"))
    assert await world.word("POST", "/carts", world.publish(key), cart_of(goods), key) == (429, "request_rate_limited")
    assert (await world.call("POST", "/carts", known, cart_of(goods), key)).status_code == 201


@pytest.mark.parametrize("host", ["[", "127.0.0.1:999999", "a:b:c"])
async def test_a_host_that_is_none_is_just_not_ours(world: World, host: str) -> None:
    key = Key()
    profile = world.publish(key)
    headers = sign(key, "GET", f"http://souk.example/carts/{uuid4()}", {"UCP-Agent": f'profile="{profile}"'}, b"")
    answer = await world.http.get(f"/carts/{uuid4()}", headers={**headers, "Host": host})
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


async def test_who_only_names_a_platform_does_not_use_its_share_up(world: World) -> None:
    key = Key()
    profile = world.publish(key)
    for _ in range(8):
        assert await world.word("POST", "/catalog/search", profile, {}) == (401, "signature_missing")
    assert (await world.call("POST", "/catalog/search", profile, {}, key)).status_code == 200


async def test_simulation_is_not_there(world: World) -> None:
    secret = {"Simulation-Secret": ""}
    answer = await world.http.post(f"/testing/simulate-shipping/{uuid4()}", headers=secret)
    assert answer.status_code == 404


async def test_an_order_and_its_page_share_an_address(world: World) -> None:
    path = f"/orders/{uuid4()}"
    for accept in ("text/html", "*/*", "text/html,application/json;q=0.9"):
        page = await world.http.get(path, headers={"Accept": accept})
        assert (page.status_code, "UCP-Agent" in page.text) == (404, False)
    order = await world.http.get(path, headers={"Accept": "application/json"})
    assert (order.status_code, order.json()["code"]) == (400, "invalid_profile_url")


async def test_a_basket_with_too_many_lines_is_not_looked_up(world: World) -> None:
    key = Key()
    body = {"line_items": [{"item": {"id": str(uuid4())}, "quantity": 1}] * 51}
    refused = await world.word("POST", "/carts", world.publish(key), body, key)
    assert refused == (200, "checkout_too_many_lines")


async def test_an_answer_with_a_person_in_it_is_not_kept_as_long_as_others(
    world: World, goods: Stall, owner_url: str
) -> None:
    key, email = Key(), f"{uuid4().hex}@example.com"
    profile = world.publish(key)
    body = {**cart_of(goods), "buyer": {"email": email}}
    made = await world.call("POST", "/carts", profile, body, key, Idempotency_Key="once")
    again = await world.call("POST", "/carts", profile, body, key, Idempotency_Key="once")
    assert (again.text, email in again.text, made.status_code) == (made.text, True, 201)
    database = Database(Settings(database_url=owner_url).role_url("worker"), 1, "test-worker")
    kept = text("SELECT count(*) FROM idempotency_records WHERE response_body::text LIKE :email")
    try:
        for days, rows in ((13, 1), (15, 0)):
            async with database.session() as session:
                aged = "UPDATE idempotency_records SET created_at = now() - make_interval(days => :days) WHERE "
                await session.execute(
                    text(aged + "response_body::text LIKE :email"), {"days": days, "email": f"%{email}%"}
                )
                await delete_personal_data(await Transaction.of(session), 14)
                assert await session.scalar(kept, {"email": f"%{email}%"}) == rows
    finally:
        await database.close()
