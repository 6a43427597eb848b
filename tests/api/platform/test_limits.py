"""Rate limits: exact under a burst, per address and per agent, told in headers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.main import create_app
from api.platform.limits import client_address
from config.settings import Settings
from tests.api.conftest import register


@asynccontextmanager
async def limited(settings: Settings, address: str, **limits: str) -> AsyncIterator[httpx.AsyncClient]:
    """An app with its own limits, called from an address of its own: windows are shared by all tests."""
    changed = settings.limits.model_copy(update=limits)
    app = create_app(settings.model_copy(update={"limits": changed}))
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://souk") as http:
        yield http


async def test_of_a_burst_exactly_the_window_passes(api_settings: Settings):
    async with limited(api_settings, "10.0.0.1", per_address="25/hour") as http:
        answers = await asyncio.gather(*(http.get("/v1/stores") for _ in range(60)))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (25, 35)
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "request.rate_limited"
        assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
        assert int(refused.headers["retry-after"]) > 3_000
        assert refused.headers["ratelimit-limit"] == "25"
        assert refused.headers["ratelimit-remaining"] == "0"
        # Unknown addresses, bad bodies and bad keys count as well; health does not.
        for path, headers in (("/v1/nowhere", {}), ("/v1/stores", {"Authorization": "Bearer x"})):
            assert (await http.get(path, headers=headers)).status_code == 429
        assert (await http.get("/healthz")).status_code == 200


async def test_two_processes_share_a_window(api_settings: Settings):
    async with (
        limited(api_settings, "10.0.0.2", per_address="10/hour") as one,
        limited(api_settings, "10.0.0.2", per_address="10/hour") as two,
    ):
        answers = await asyncio.gather(*(http.get("/v1/stores") for _ in range(10) for http in (one, two)))
        assert [answer.status_code for answer in answers].count(200) == 10


async def test_an_agent_has_a_window_of_its_own(api_settings: Settings):
    async with limited(api_settings, "10.0.0.3", per_agent="3/hour") as http:
        agent, other = await register(http, "CUSTOMER"), await register(http, "CUSTOMER")
        statuses = [(await agent("GET", "/v1/agents/me")).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert (await other("GET", "/v1/agents/me")).headers["ratelimit-remaining"] == "2"


async def test_a_burst_of_an_agent_over_two_processes_is_counted_exactly(api_settings: Settings):
    async with (
        limited(api_settings, "10.0.0.8", per_agent="20/hour") as one,
        limited(api_settings, "10.0.0.8", per_agent="20/hour") as two,
    ):
        agent, other = await register(one, "CUSTOMER"), await register(one, "CUSTOMER")
        guessed = {"Authorization": agent.headers["Authorization"][:-4] + "AAAA"}
        answers = await asyncio.gather(
            *(http.get("/v1/agents/me", headers=headers) for _ in range(25) for http in (one, two)
              for headers in (agent.headers, guessed))
        )  # fmt: skip
        mine, guesses = answers[::2], answers[1::2]
        assert {answer.status_code for answer in guesses} == {401}
        passed = [answer for answer in mine if answer.status_code == 200]
        assert sorted(int(answer.headers["ratelimit-remaining"]) for answer in passed) == list(range(20))
        assert {answer.status_code for answer in mine if answer not in passed} == {429}
        assert (await other("GET", "/v1/agents/me")).headers["ratelimit-remaining"] == "19"


async def test_wrong_keys_use_up_the_address(api_settings: Settings):
    async with limited(api_settings, "10.0.0.9", per_address="10/hour") as http:
        agent = await register(http, "CUSTOMER")
        guessed = {"Authorization": agent.headers["Authorization"][:-4] + "AAAA"}
        statuses = [
            a.status_code for a in await asyncio.gather(*(http.get("/v1/stores", headers=guessed) for _ in range(12)))
        ]
        assert (statuses.count(401), statuses.count(429)) == (9, 3)
        assert (await agent("GET", "/v1/stores")).status_code == 429


async def test_registrations_and_messages_are_limited_besides(api_settings: Settings):
    async with limited(
        api_settings, "10.0.0.4", registrations_per_address="2/hour", messages_per_agent="2/hour"
    ) as http:
        agent = await register(http, "CUSTOMER")
        await register(http, "CUSTOMER")
        body = {"agent_type": "CUSTOMER", "handle": "third", "display_name": "x"}
        assert (await http.post("/v1/agents", json=body)).status_code == 429
        thread = {"type": "GENERAL", "title": "Hello"}
        statuses = [(await agent("POST", "/v1/threads", thread)).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        assert (await agent("GET", "/v1/agents/me")).status_code == 200


async def test_a_window_ends(api_settings: Settings):
    async with limited(api_settings, "10.0.0.5", per_address="2/second") as http:
        async with asyncio.timeout(60):
            # Three that a busy machine spreads over two windows are asked again.
            while 429 not in [(await http.get("/v1/stores")).status_code for _ in range(3)]:
                continue
            while (await http.get("/v1/stores")).status_code == 429:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"), ("testclient", "unknown")],
)
def test_an_address_is_its_network(host: str, shown: str):
    assert client_address({"client": (host, 1)}) == shown


async def test_only_trusted_proxies_speak_for_others(api_settings: Settings):
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    async with limited(api_settings, "10.0.0.6", per_address="2/hour") as http:
        statuses = [(await http.get("/v1/stores", headers=forwarded)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await http.get("/v1/stores")).status_code == 429
    trusting = api_settings.model_copy(update={"trusted_proxies": "10.0.0.7"})
    async with limited(trusting, "10.0.0.7", per_address="2/hour") as http:
        statuses = [(await http.get("/v1/stores", headers=forwarded)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await http.get("/v1/stores")).status_code == 200
