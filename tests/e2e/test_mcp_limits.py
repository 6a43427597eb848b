"""Rates, places in flight and measurements: a tool costs what its REST calls cost, and nothing twice."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from mcp import MCPError
from prometheus_client.parser import text_string_to_metric_families

from api.mcp.tools_inbox import MAX_WAIT_SECONDS
from config.settings import Settings
from tests.e2e.mcp_people import at_mcp, newcomer
from tests.e2e.people import Agent, Shop, eventually
from tests.e2e.test_mcp_door import HEADERS, rpc
from tests.running import RunningSouk

IN_FLIGHT = 2
PER_AGENT = 40


@pytest.fixture(scope="module")
def tight_url(settings: Settings) -> Iterator[str]:
    limits = {"max_in_flight": IN_FLIGHT, "per_agent": f"{PER_AGENT}/day", "messages_per_agent": "2/day"}
    with RunningSouk(Settings.model_validate(settings.model_dump() | {"limits": limits})) as running:
        yield running.url


def left(url: str, agent: Agent, body: dict[str, Any]) -> int:
    """What the agent may still ask today, after this call."""
    answer = httpx.post(
        f"{url}/mcp", json=body, headers=HEADERS | {"Authorization": f"Bearer {agent.key}"}, timeout=120
    )
    assert answer.status_code == 200, answer.text
    return int(answer.headers["RateLimit-Remaining"])


def test_a_tool_counts_as_its_rest_calls(tight_url: str) -> None:
    shop = Shop.open(tight_url)
    agent = Agent.register(tight_url, "CUSTOMER")
    assert left(tight_url, agent, rpc("ping")) == PER_AGENT - 1
    trust = rpc("tools/call", name="store_trust", arguments={"store_id": shop.store_id})
    # One read, paid by the request that carries it; then three of my_deals: two more.
    assert left(tight_url, agent, trust) == PER_AGENT - 2
    assert left(tight_url, agent, rpc("tools/call", name="my_deals", arguments={})) == PER_AGENT - 3
    assert left(tight_url, agent, rpc("ping")) == PER_AGENT - 6


async def test_limits_hold_inside_of_tools(tight_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, tight_url)
    async with newcomer(tight_url, "CUSTOMER") as customer:
        # A thread and a message; the next thread is one too many.
        asked = await customer.do("ask", listing_id=shop.listing_id, text="Does it burn for a whole night?")
        problem = await customer.refused("ask", thread_id=asked["thread_id"], text="Or for two whole nights?")
        assert problem["code"] == "request.rate_limited"
        assert problem["retry_after_seconds"] > 0
        result = None
        for _ in range(PER_AGENT):
            result = await customer.try_("my_deals")
            if result.is_error:
                break
        assert result is not None
        assert result.structured_content["code"] == "request.rate_limited"


async def test_tools_at_once_neither_wait_for_themselves_nor_leave_places_behind(tight_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, tight_url)
    agents = await asyncio.to_thread(lambda: [Agent.register(tight_url, "CUSTOMER") for _ in range(6)])

    def look(agent: Agent) -> int:
        body = rpc("tools/call", name="look_at_listing", arguments={"listing_id": shop.listing_id})
        headers = HEADERS | {"Authorization": f"Bearer {agent.key}"}
        answer = httpx.post(f"{tight_url}/mcp", json=body, headers=headers, timeout=120)
        assert answer.status_code == 503 or not answer.json()["result"].get("isError"), answer.text
        return answer.status_code

    statuses = await asyncio.gather(*(asyncio.to_thread(look, agent) for agent in agents))
    assert 200 in statuses
    assert set(statuses) <= {200, 503}
    for agent in agents[:IN_FLIGHT]:
        assert await asyncio.to_thread(look, agent) == 200


async def test_who_waits_takes_no_place_in_flight(tight_url: str) -> None:
    """Twice as many wait as the process may hold in flight; it answers others all the same."""
    async with (
        newcomer(tight_url, "CUSTOMER") as customer,
        at_mcp(tight_url, customer.agent) as again,
        newcomer(tight_url, "CUSTOMER") as other,
    ):
        thread = await asyncio.to_thread(
            customer.agent.post, "/v1/threads", {"type": "LOOKING_FOR", "title": "A lamp that hums"}
        )
        # The client asks once how answers look; later it would do so for all of them at the same moment.
        assert (await again.do("read_inbox"))["events"] == []
        waiting = []
        for number in range(2 * IN_FLIGHT):
            waiting.append(asyncio.create_task(again.try_("read_inbox", wait_seconds=MAX_WAIT_SECONDS)))
            await asyncio.to_thread(open_streams, tight_url, number + 1)
        assert (await customer.do("read_inbox"))["events"] == []
        path = f"/v1/threads/{thread['thread_id']}/messages"
        await asyncio.to_thread(other.agent.post, path, {"body": "I have seen one in the old town."})
        answers = await asyncio.gather(*waiting)
        heard = [[event["type"] for event in result.structured_content["events"]] for result in answers]
        assert heard == [["MESSAGE_REPLIED"]] * len(waiting)


def open_streams(url: str, least: int) -> None:
    """Wait until so many are open."""
    eventually(
        lambda: sample(httpx.get(f"{url}/metrics").text, "souk_open_streams"), until=lambda count: count >= least
    )


def sample(text: str, name: str, **labels: str) -> float:
    found = [
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    return sum(found)


async def test_tools_are_measured_by_name_alone(tight_url: str) -> None:
    word = "c4n4ry"
    async with newcomer(tight_url, "CUSTOMER") as customer:
        count = "souk_mcp_tool_seconds_count"
        before = (await asyncio.to_thread(httpx.get, f"{tight_url}/metrics")).text
        await customer.do("find_listings", query=word)
        await customer.refused("find_listings", query=word, limit=10_000)
        after = (await asyncio.to_thread(httpx.get, f"{tight_url}/metrics")).text
    for outcome in ("ok", "refused"):
        labels = {"tool": "find_listings", "outcome": outcome}
        assert sample(after, count, **labels) == sample(before, count, **labels) + 1
    assert sample(after, "souk_http_request_seconds_count", route="/mcp") > 0
    assert word not in json.dumps(after)


async def test_no_line_of_the_log_holds_an_argument(
    tight_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    word, kept = "c4n4ry-in-the-log", structlog.get_config()["wrapper_class"]

    def broken(answer: Any) -> Any:
        raise ValueError(word)

    async with newcomer(tight_url, "CUSTOMER") as customer:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
        try:
            with structlog.testing.capture_logs() as lines, caplog.at_level(logging.DEBUG):
                await customer.do("find_listings", query=word)
                await customer.refused("find_listings", query=word, **{word: word})
                await customer.refused("ask", thread_id="01920000-0000-7000-8000-00000000dead", text=word)
                with pytest.raises(MCPError):
                    await customer.try_(word)
                with pytest.raises(MCPError):
                    await customer.client.read_resource(f"souk://listings/{word}")
                monkeypatch.setattr("api.mcp.views.Listings.of", broken)
                assert (await customer.refused("find_listings", query=word))["code"] == "internal.error"
        finally:
            structlog.configure(wrapper_class=kept)
    told = json.dumps(lines, default=str)
    assert {"request", "mcp.fault"} <= {line["event"] for line in lines}
    assert word not in told
    # The package's client logs in this process, too; its server's loggers may not.
    server = [record.getMessage() for record in caplog.records if record.name.startswith("mcp.server")]
    assert word not in json.dumps(server)
