"""/metrics is for who runs Souk: callers on the same machine, and operators with their keys."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.api.conftest import Agent


@pytest_asyncio.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://souk") as client:
        yield client


async def test_from_elsewhere_only_an_operator_reads_them(
    elsewhere: httpx.AsyncClient, customer: Agent, operator: Agent
) -> None:
    assert (await elsewhere.get("/metrics")).json()["code"] == "auth.required"
    assert (await elsewhere.get("/metrics", headers=customer.headers)).json()["code"] == "auth.operator_required"
    read = await elsewhere.get("/metrics", headers=operator.headers)
    assert read.status_code == 200
    assert "souk_db_connections_in_use" in read.text


@pytest.mark.parametrize("word", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"])
async def test_a_proxy_on_this_machine_is_not_this_machine(http: httpx.AsyncClient, word: str) -> None:
    assert (await http.get("/metrics")).status_code == 200
    assert (await http.get("/metrics", headers={word: "127.0.0.1"})).json()["code"] == "auth.required"


@pytest.mark.parametrize("peer", ["10.0.0.9", "unix", "::ffff:10.0.0.9"])
async def test_a_peer_that_is_not_loopback_is_not_this_machine(app: FastAPI, peer: str) -> None:
    transport = httpx.ASGITransport(app, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://souk") as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
