"""The agent card and the agent it names, as A2A 1.0 has them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Stall, open_stall

# Of the protocol's definition: what a card and its parts must have.
MUST = {
    "": {
        "name", "description", "supportedInterfaces", "version", "capabilities", "defaultInputModes",
        "defaultOutputModes", "skills",
    },
    "supportedInterfaces": {"url", "protocolBinding", "protocolVersion"},
    "provider": {"url", "organization"},
    "skills": {"id", "name", "description", "tags"},
}  # fmt: skip


def call(method: str = "SendMessage", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "one", "method": method, "params": params}


def message(*texts: str, **more: Any) -> dict[str, Any]:
    return {"messageId": "one", "role": "ROLE_USER", "parts": [{"text": text} for text in texts], **more}


async def test_the_card_is_one(http: httpx.AsyncClient):
    answer = await http.get("/.well-known/agent-card.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    card = answer.json()
    for part, names in MUST.items():
        found = card[part] if part else card
        for one in found if isinstance(found, list) else [found]:
            assert names <= one.keys(), part
    (interface,) = card["supportedInterfaces"]
    assert interface == {"url": "http://souk/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    assert (await http.get(card["documentationUrl"])).status_code == 200
    assert (await http.get(card["iconUrl"])).status_code == 200


async def test_a_message_finds_what_is_for_sale_and_the_way_in(http: httpx.AsyncClient):
    word = f"zither{uuid4().hex[:8]}"
    stall: Stall = await open_stall(http, title=f"A {word}")
    answer = await http.post("/a2a", json=call(message=message(word, contextId="ours")), headers={"A2A-Version": "1.0"})
    told = answer.json()
    assert (answer.status_code, told["jsonrpc"], told["id"]) == (200, "2.0", "one")
    said = told["result"]["message"]
    assert (said["role"], said["contextId"]) == ("ROLE_AGENT", "ours")
    text, data = said["parts"]
    assert "http://souk/v1/agents" in text["text"]
    assert "http://souk/mcp" in text["text"]
    (found,) = data["data"]["listings"]
    assert found["listing_id"] == stall.listing_id
    # Another agent's words are marked as such.
    assert found["title"] == {"untrusted_text": f"A {word}", "from": f"store:{stall.store_id}"}
    nothing = (await http.post("/a2a", json=call(message=message(uuid4().hex)))).json()
    assert nothing["result"]["message"]["parts"][1]["data"] == {"listings": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (call("no/such"), -32601),
        (call("SendMessage"), -32602),
        (call(message={"messageId": "1", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}), -32602),
        (call(message=message()), -32602),
        (call(message=message("x", taskId="7")), -32001),
        (call("GetTask", id="7"), -32001),
        (call("SendStreamingMessage", message=message("x")), -32004),
        ({"jsonrpc": "1.0", "id": 1, "method": "SendMessage"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "SendMessage"}, -32600),
        ([], -32600),
    ],
    ids=lambda value: value.get("method", "") if isinstance(value, dict) else str(value),
)
async def test_what_does_not_fit_is_an_error_of_json_rpc(http: httpx.AsyncClient, body: Any, code: int):
    answer = await http.post("/a2a", json=body)
    told = answer.json()
    assert (answer.status_code, told["jsonrpc"], told["error"]["code"]) == (200, "2.0", code), told
    assert "result" not in told


async def test_other_versions_and_what_is_not_read_are_refused_in_json_rpc(http: httpx.AsyncClient):
    older = await http.post("/a2a", json=call(message=message("lamp")), headers={"A2A-Version": "0.3"})
    assert older.json()["error"]["code"] == -32009
    assert older.json()["error"]["data"][0]["reason"] == "VERSION_NOT_SUPPORTED"
    for content, status, code in (
        (b"{", 400, -32700),
        (b"[" * 30_000, 400, -32700),
        (b"\xff", 400, -32700),
        (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "SendMessage"}', 400, -32700),
        (b'"' + b"x" * 100_000 + b'"', 413, -32000),
    ):
        answer = await http.post("/a2a", content=content, headers={"Content-Type": "application/json"})
        told = answer.json()
        assert (answer.status_code, told["error"]["code"], told["id"]) == (status, code, None), content[:20]
    assert (await http.get("/a2a")).json()["error"]["data"]["code"] == "request.method_not_allowed"
    assert (await http.post("/a2a", json=call("ListTasks"))).json()["result"]["tasks"] == []
    hostile = call(message=message("\x00 ' OR 1=1 --", "<script>"))
    assert "result" in (await http.post("/a2a", json=hostile)).json()
