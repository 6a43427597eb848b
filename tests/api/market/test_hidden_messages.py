"""An operator hides a message: nobody reads its words any more, nothing else changes, and it can be shown again."""

import secrets
from typing import Any

import httpx
import pytest
from psycopg import ProgrammingError
from sqlalchemy import text

from db.platform.database import Database
from tests.api.conftest import Agent, Stall

TOMBSTONE = "This message was hidden by an operator."


@pytest.fixture
def reason() -> dict[str, str]:
    return {"reason": f"Ticket {secrets.token_hex(4)}"}


def _words() -> str:
    """Nobody else's, for the front page shows everybody's."""
    return f"Is canary{secrets.token_hex(4)} the brightest lamp there is?"


async def _asked(stall: Stall, customer: Agent) -> dict[str, Any]:
    """By REST."""
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "A lamp", "context_listing_id": stall.listing_id}
    )
    return await customer.ok("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": _words()})


async def _asked_by_tool(stall: Stall, customer: Agent, http: httpx.AsyncClient) -> dict[str, Any]:
    call = tool("ask", listing_id=stall.listing_id, text=_words())
    asked = (await http.post("/mcp", json=call, headers={**customer.headers, **MCP})).json()
    thread = await customer.ok("GET", f"/v1/threads/{asked['result']['structuredContent']['thread_id']}")
    [message] = thread["messages"]
    return dict(message)


async def _everywhere(http: httpx.AsyncClient, stall: Stall, message: dict[str, Any], reader: Agent) -> list[str]:
    thread_id, word = message["thread_id"], message["body"].split()[1]
    looks = [
        await http.get(path, headers=reader.headers)
        for path in (
            f"/v1/threads/{thread_id}", f"/v1/threads/{thread_id}/messages", f"/v1/search?q={word}",
            f"/v1/threads?context_listing_id={stall.listing_id}",
            f"/threads/{thread_id}", f"/listings/{stall.listing_id}", "/", f"/search?q={word}",
        )
    ]  # fmt: skip
    looks += [
        await http.post("/mcp", json=call, headers={**reader.headers, **MCP})
        for call in (
            tool("read_thread", thread_id=thread_id), tool("look_at_listing", listing_id=stall.listing_id),
            {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": f"souk://threads/{thread_id}"}},
        )
    ]  # fmt: skip
    assert {look.status_code for look in looks} == {200}
    return [look.text for look in looks]


MCP = {"Accept": "application/json, text/event-stream", "Host": "127.0.0.1"}


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("by_tool", [False, True])
async def test_hidden_words_are_nowhere_and_come_back(
    by_tool: bool, http: httpx.AsyncClient, stall: Stall, customer: Agent, operator: Agent, reason: dict[str, str],
    worker_database: Database,
):  # fmt: skip
    message = await (_asked_by_tool(stall, customer, http) if by_tool else _asked(stall, customer))
    path = f"/v1/operations/messages/{message['message_id']}"
    before = await _followed(worker_database, message["message_id"])
    seen = await _everywhere(http, stall, message, customer)
    assert sum(message["body"] in look for look in seen) >= 6
    await operator.ok("POST", f"{path}/hide", reason)
    for reader in (customer, stall.owner):
        hidden = await _everywhere(http, stall, message, reader)
        assert not [look for look in hidden if message["body"] in look]
        assert sum(TOMBSTONE in look for look in hidden) >= 6
    shown = (await customer.ok("GET", f"/v1/threads/{message['thread_id']}"))["messages"][0]
    assert (shown["body"], shown["hidden_at"] is not None) == (TOMBSTONE, True)
    assert (await customer.ok("GET", f"/v1/listings/{stall.listing_id}/gating"))["satisfied"]
    assert await _followed(worker_database, message["message_id"]) == before
    # Answering goes on, and the words come back as they were.
    answer = {"body": "It is.", "parent_message_id": message["message_id"]}
    await stall.owner.ok("POST", f"/v1/threads/{message['thread_id']}/messages", answer)
    await operator.ok("POST", f"{path}/show", reason)
    again = (await customer.ok("GET", f"/v1/threads/{message['thread_id']}"))["messages"][0]
    assert again == {**message, "hidden_at": None}
    log = await operator.ok("GET", "/v1/operations/audit-log")
    entries = [(entry["action"], entry["meta"]) for entry in log["items"] if entry["reason"] == reason["reason"]]
    assert entries == [(f"message.{what}", {"entity": message["message_id"]}) for what in ("show", "hide")]


async def _followed(database: Database, message_id: str) -> list[Any]:
    """What the message proved and asked, which hiding leaves alone."""
    async with database.session() as session:
        return [
            (await session.execute(text(query), {"id": message_id})).all()
            for query in (
                "SELECT * FROM interaction_evidence WHERE message_id = :id",
                "SELECT * FROM support_questions WHERE question_message_id = :id",
                "SELECT * FROM activity_events WHERE message_id = :id",
            )
        ]


async def test_done_once_and_refused_twice(
    stall: Stall, customer: Agent, operator: Agent, reason: dict[str, str], http: httpx.AsyncClient
):
    message, key = await _asked(stall, customer), secrets.token_hex(8)
    path = f"/v1/operations/messages/{message['message_id']}"
    refused = await operator("POST", f"{path}/show", reason)
    assert (refused.status_code, refused.json()["code"]) == (409, "message.not_hidden")
    first, again = [await operator("POST", f"{path}/hide", reason, key=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    refused = await operator("POST", f"{path}/hide", reason)
    assert (refused.status_code, refused.json()["code"]) == (409, "message.hidden")
    nowhere = await operator("POST", f"/v1/operations/messages/{stall.store_id}/hide", reason)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "message.not_found")
    for nobody in (customer, stall.owner):
        assert (await nobody("POST", f"{path}/show", reason)).status_code == 403


async def test_the_database_hides_nothing_without_an_entry_in_the_log(
    stall: Stall, customer: Agent, app, worker_database: Database
):
    message = await _asked(stall, customer)
    database: Database = app.state.context.database
    with pytest.raises(ProgrammingError, match="logged the reason"):
        async with database.session(viewer=None) as session:
            await session.execute(
                text("SELECT souk_hide_message(:id, true, gen_random_uuid())"), {"id": message["message_id"]}
            )
    for nobody in (database, worker_database):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with nobody.session() as session:
                await session.execute(text("SELECT * FROM hidden_words"))
