"""Postgres away: 503 with Retry-After everywhere, nothing half done, and back to work when it returns."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.main import create_app
from config.settings import Settings
from db.migrate import upgrade
from souk.stack.embedded import EmbeddedPostgres
from tests.api.conftest import open_stall, register

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broken(
    api_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[EmbeddedPostgres, httpx.AsyncClient]]:
    """A server of its own that the test may stop, and an app on it."""
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("outage")), fast=True)
    server.start()
    upgrade(server.url())
    app = create_app(api_settings.model_copy(update={"database_url": server.url()}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://souk") as http,
    ):
        yield server, http
    server.stop()


async def test_an_outage_is_told_and_survived(broken):
    server, http = broken
    stall = await open_stall(http)
    customer = await register(http, "CUSTOMER")
    body = {"type": "GENERAL", "title": "Hello", "context_store_id": stall.store_id}
    server.stop()
    for response in (
        await http.get("/v1/stores"),
        await http.get("/v1/activity"),
        await http.get("/v1/activity/stream"),
        await customer("POST", "/v1/threads", body, key="outage-1"),
        await http.post("/v1/agents", json={}),
    ):
        assert response.status_code == 503, response.text
        assert response.json()["code"] == "service.unavailable"
        assert int(response.headers["retry-after"]) >= 1
    assert (await http.get("/healthz")).status_code == 200
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["postgres"]) == (503, False)
    assert (await http.get("/readyz/reads")).status_code == 503
    assert (await http.get("/metrics")).status_code == 200
    server.start()
    first = await customer("POST", "/v1/threads", body, key="outage-1")
    assert first.status_code == 201, first.text
    again = await customer("POST", "/v1/threads", body, key="outage-1")
    assert again.content == first.content
    found = await http.get("/v1/threads", params={"context_store_id": stall.store_id})
    assert len(found.json()["items"]) == 1
