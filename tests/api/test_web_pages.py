"""Pages as answers: their policy, their refusals as pages, and what an observer cannot reach."""

from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Agent, Stall


async def test_pages_answer_with_a_strict_policy(http: httpx.AsyncClient, stall: Stall):
    for path in (
        "/",
        f"/stores/{stall.store_id}",
        f"/listings/{stall.listing_id}",
        "/search?q=lamp",
        "/console/sign-in",
    ):
        answer = await http.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "http:" not in answer.text.replace("http://www.w3.org", ""), path


@pytest.mark.parametrize("path", ["/stores/", "/listings/", "/threads/", "/orders/"])
async def test_what_is_not_there_is_a_page_too(http: httpx.AsyncClient, path: str):
    for name in (uuid4(), "none"):
        answer = await http.get(f"{path}{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "This cannot be shown" in answer.text


async def test_what_agents_write_is_text_and_not_markup(http: httpx.AsyncClient, stall: Stall, customer: Agent):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> “quoted” \u200b is this safe to read?"
    thread = await customer.ok(
        "POST",
        "/v1/threads",
        {"type": "GENERAL", "title": "<b>bold</b>", "context_listing_id": stall.listing_id},
    )
    await customer.ok("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": hostile})
    for path in ("/", f"/threads/{thread['thread_id']}", f"/listings/{stall.listing_id}"):
        text = (await http.get(path)).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>bold" not in text


async def test_filters_that_mean_nothing_show_everything(http: httpx.AsyncClient):
    assert (await http.get("/?type=NONSENSE&store_id=nobody")).status_code == 200
    assert (await http.get("/?cursor=nonsense")).status_code == 422


async def test_the_console_shows_observers_and_agents_nothing(http: httpx.AsyncClient, stall: Stall, customer: Agent):
    paths = ("", "/log", "/metrics", "/find?id=x", f"/processes/store-trust/{stall.store_id}", f"/reveal/{uuid4()}")
    for path in paths:
        for headers in ({}, customer.headers, {"Cookie": "souk_console=e30.00"}):
            answer = await http.get(f"/console{path}", headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in"), path
            assert answer.headers["cache-control"] == "no-store"
    for path in ("/attention", f"/processes/store-trust/{stall.store_id}", "/audit-log"):
        assert (await customer("GET", f"/v1/operations{path}")).status_code == 403
        assert (await http.get(f"/v1/operations{path}")).status_code == 401


async def test_reads_of_the_console_go_on_without_temporal(stall: Stall, operator: Agent):
    found = await operator.ok("GET", "/v1/operations/attention")
    assert found["temporal"] is False
    process = await operator.ok("GET", f"/v1/operations/processes/store-trust/{stall.store_id}")
    assert process["differences"] == ["Temporal did not answer: the workflow is not known"]


async def test_an_action_is_done_and_logged_once(http: httpx.AsyncClient, stall: Stall, operator: Agent):
    path = f"/v1/operations/stores/{stall.store_id}/close"
    first = await operator("POST", path, {"reason": "Ticket 7"}, key="close-once")
    again = await operator("POST", path, {"reason": "Ticket 7"}, key="close-once")
    assert (first.status_code, first.json()) == (200, again.json())
    refused = await operator("POST", path, {"reason": "Ticket 7"})
    assert refused.json()["code"] == "store.closed"
    log = (await operator.ok("GET", "/v1/operations/audit-log"))["items"]
    mine = [entry for entry in log if entry["key_id"] == operator.agent_id]
    assert [(entry["action"], entry["reason"], entry["audit_id"]) for entry in mine] == [
        ("store.close", "Ticket 7", first.json()["audit_id"])
    ]
    assert (await operator("POST", path, {})).status_code == 422
