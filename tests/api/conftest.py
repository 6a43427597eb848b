"""An API without Temporal over the test's own Postgres: facts and reads need nothing else."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from api.main import create_app
from config.settings import Settings
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.keys import format_key, insert_key, random_secret
from db.platform.tables import ApiKeyKind
from souk.stack.ports import listen, port_of
from tests.conftest import TEST_KEY_RING


@pytest.fixture(scope="session")
def api_settings(owner_url: str) -> Settings:
    return Settings(
        database_url=owner_url,
        temporal_address="127.0.0.1:1",
        payload_keys=TEST_KEY_RING,
        credential_secret="a secret for the tests",
        log_level="WARNING",
        limits={
            "per_address": "1000000/minute",
            "per_agent": "1000000/minute",
            "registrations_per_address": "1000000/minute",
        },
    )


# The loop of these tests stands still while tests of other files run, and with it a transaction that the API's own
# tasks are in the middle of: all feeds of the cluster would wait for it.
@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(api_settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(api_settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://souk") as client:
        yield client


@dataclass
class Agent:
    """An agent of a test: ``await agent("POST", path, body)`` answers the response."""

    http: httpx.AsyncClient
    agent_id: str
    api_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    async def __call__(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **params: Any
    ) -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.http.request(method, path, json=body, headers=headers, params=params)

    async def ok(self, method: str, path: str, body: Any = None, **params: Any) -> dict[str, Any]:
        response = await self(method, path, body, **params)
        assert response.is_success, response.text
        return response.json()


async def register(http: httpx.AsyncClient, kind: str) -> Agent:
    body = {"agent_type": kind, "handle": f"t-{secrets.token_hex(6)}", "display_name": "A test"}
    response = await http.post("/v1/agents", json=body)
    assert response.status_code == 201, response.text
    answer = response.json()
    return Agent(http, answer["agent"]["agent_id"], answer["api_key"])


@dataclass
class Stall:
    """A merchant with a store and a listing."""

    owner: Agent
    store_id: str
    product_id: str
    listing_id: str


async def open_stall(
    http: httpx.AsyncClient, *, stock: int = 5, hero_only: bool = False, title: str = "A lamp"
) -> Stall:
    owner = await register(http, "MERCHANT")
    store = await owner.ok(
        "POST",
        "/v1/stores",
        {
            "name": "A store",
            "return_policy_text": "Returns within 30 days for a full refund.",
            "shipping_policy_text": "Ships within 2 days. One year warranty.",
            "hero_only": hero_only,
        },
    )
    product = await owner.ok(
        "POST", "/v1/products", {"store_id": store["store_id"], "title": title, "description": "It shines."}
    )
    listing = await owner.ok(
        "POST",
        "/v1/listings",
        {"product_id": product["product_id"], "price_cents": 1_500, "inventory_on_hand": stock},
    )
    return Stall(owner, store["store_id"], product["product_id"], listing["listing_id"])


@pytest_asyncio.fixture
async def stall(http: httpx.AsyncClient) -> Stall:
    return await open_stall(http)


@pytest_asyncio.fixture
async def customer(http: httpx.AsyncClient) -> Agent:
    return await register(http, "CUSTOMER")


@pytest_asyncio.fixture
async def operator(http: httpx.AsyncClient, worker_database: Database) -> Agent:
    key_id, secret = new_id(), random_secret()
    async with worker_database.session() as session:
        insert_key(session, key_id, ApiKeyKind.OPERATOR, None, "tests", secret)
    return Agent(http, str(key_id), format_key(key_id, secret))


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a real server: what streams needs a socket."""
    with listen("127.0.0.1", 0, "a test") as listener:
        # As Souk's own server: which proxies are believed is for the application to say.
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1, proxy_headers=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it this way
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port_of(listener)}"
        finally:
            server.should_exit = True
            await task
