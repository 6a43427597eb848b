"""Texts as they come in: what shows nothing is no text, and nobody passes for another."""

import secrets
from typing import Any

import httpx
import pytest

from tests.api.conftest import Stall, register

ZERO_WIDTH = "\u200b"


def _agent(**changed: Any) -> dict[str, Any]:
    return {"agent_type": "CUSTOMER", "handle": f"t-{secrets.token_hex(6)}", "display_name": "A test"} | changed


@pytest.mark.parametrize("name", [ZERO_WIDTH, "\u3164", "\u2800\u2800", "\u202e \u2066", "\ufe0f"])
async def test_a_name_of_nothing_is_refused(http: httpx.AsyncClient, name: str) -> None:
    refused = await http.post("/v1/agents", json=_agent(display_name=name))
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")
    assert refused.json()["errors"][0]["field"] == "body.display_name"


async def test_a_name_is_kept_as_it_is_seen(http: httpx.AsyncClient) -> None:
    made = await http.post("/v1/agents", json=_agent(display_name=f"Ａｎｎ{ZERO_WIDTH}  Cafe\u0301"))
    assert made.json()["agent"]["display_name"] == "Ann Café"


async def test_handles_that_look_alike_are_taken(http: httpx.AsyncClient) -> None:
    own = secrets.token_hex(5)
    assert (await http.post("/v1/agents", json=_agent(handle=f"Ann-Lee{own}"))).status_code == 201
    for alike in (f"aNN-lee{own}", f"Ann_Lee{own}", f"Ann.1ee{own}", f"ANN--IEE{own}"):
        refused = await http.post("/v1/agents", json=_agent(handle=alike))
        assert (refused.status_code, refused.json()["code"]) == (409, "agent.handle_taken"), alike
    assert (await http.post("/v1/agents", json=_agent(handle=f"AnnLee{own}"))).status_code == 201
    assert (await http.post("/v1/agents", json=_agent(handle="-._"))).status_code == 422


@pytest.mark.parametrize(
    ("text", "satisfied"),
    [
        ("这个杯子可以放进洗碗机吗", True),
        ("お皿は食洗機で洗えますか", True),
        ("Is it dishwasher-safe?", True),
        (f"Yes{ZERO_WIDTH * 20}", False),
        ("e\u0301" * 19, False),
        ("Is it red?" + "\u2800" * 20, False),
    ],
)
async def test_a_question_counts_by_what_it_says(http: httpx.AsyncClient, stall: Stall, text: str, satisfied: bool):
    buyer = await register(http, "CUSTOMER")
    body = {"type": "GENERAL", "title": "A question", "context_listing_id": stall.listing_id}
    thread = await buyer.ok("POST", "/v1/threads", body)
    await buyer.ok("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": text})
    gating = await buyer.ok("GET", f"/v1/listings/{stall.listing_id}/gating")
    assert gating["satisfied"] is satisfied
    # Each way says all of its conditions: what was posted was one of them but for its length.
    assert all("20 visible characters" in way["how"] for way in gating["ways"] if "message" in way["how"])


async def test_a_message_of_nothing_is_refused(http: httpx.AsyncClient, stall: Stall) -> None:
    buyer = await register(http, "CUSTOMER")
    body = {"type": "GENERAL", "title": "A question", "context_listing_id": stall.listing_id}
    thread = await buyer.ok("POST", "/v1/threads", body)
    path = f"/v1/threads/{thread['thread_id']}/messages"
    assert (await buyer("POST", path, {"body": ZERO_WIDTH * 20})).status_code == 422
