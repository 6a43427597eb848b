"""Nothing that agents send costs depth: answers to answers by the thousand, JSON in JSON, and code that recurses."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from api.web.conversation import DEEPEST, lines_of
from db.market.tables import Message
from db.platform.database import Database
from db.platform.ids import new_id
from souk.drills.attack.threads import HEADERS, NESTS, SLOT, nested_requests
from tests.api.conftest import Agent, Stall
from tests.api.market.test_hidden_messages import MCP, tool

ROOT = Path(__file__).parents[3]
DEPTH = 3_000


async def _deep_thread(database: Database, stall: Stall, customer: Agent) -> str:
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "Deep", "context_listing_id": stall.listing_id}
    )
    ids = [new_id() for _ in range(DEPTH)]
    rows = [
        {"id": own, "thread": thread["thread_id"], "by": customer.agent_id, "parent": parent, "body": f"Word {number}."}
        for number, (own, parent) in enumerate(zip(ids, [None, *ids], strict=False))
    ]
    async with database.session() as session:
        await session.execute(
            text(
                "INSERT INTO messages (message_id, thread_id, author_agent_id, parent_message_id, body, created_at)"
                " VALUES (:id, :thread, :by, :parent, :body, clock_timestamp())"
            ),
            rows,
        )
    return str(thread["thread_id"])


async def test_thousands_of_nested_answers_are_read_everywhere(
    http: httpx.AsyncClient, worker_database: Database, stall: Stall, customer: Agent
):
    thread_id = await _deep_thread(worker_database, stall, customer)
    page = await http.get(f"/threads/{thread_id}")
    assert (page.status_code, page.text.count("<article")) == (200, 500)
    assert page.text.count('<ol class="tree">') == page.text.count("</ol>") == DEEPEST + 1
    assert page.text.count("<li ") == page.text.count("</li>") == 500
    assert "Word 2999." in page.text
    assert (await http.get(f"/listings/{stall.listing_id}")).status_code == 200
    seen, cursor = 0, None
    while True:
        answer = await customer.ok("GET", f"/v1/threads/{thread_id}/messages", limit=200, **cursor or {})
        seen += len(answer["items"])
        if not answer["next_cursor"]:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert seen == DEPTH
    for name, arguments in (
        ("read_thread", {"thread_id": thread_id}), ("look_at_listing", {"listing_id": stall.listing_id}),
    ):  # fmt: skip
        told = (await http.post("/mcp", json=tool(name, **arguments), headers={**customer.headers, **MCP})).json()
        assert not told["result"]["isError"]
        assert "Word 0." in str(told)
    newest = (await customer.ok("GET", f"/v1/threads/{thread_id}"))["messages"][-1]
    body = {"body": "And one more.", "parent_message_id": newest["message_id"]}
    assert (await customer("POST", f"/v1/threads/{thread_id}/messages", body)).status_code == 201


def _messages(parents: list[int | None]) -> list[Message]:
    ids = [UUID(int=number + 1) for number in range(len(parents))]
    return [_message(own, None if parent is None else ids[parent]) for own, parent in zip(ids, parents, strict=True)]


def _message(own: UUID, parent: UUID | None) -> Message:
    where = {"thread_id": UUID(int=0), "author_agent_id": UUID(int=0)}
    return Message(message_id=own, parent_message_id=parent, body="Yes.", created_at=datetime.now(UTC), **where)


def test_a_tree_is_told_in_its_order():
    #        0 ─ 2 ─ 4
    #          └ 3        1     5 answers what is not shown
    messages = _messages([None, None, 0, 0, 2])
    lost = _message(UUID(int=99), UUID(int=98))
    lines = lines_of([*messages, lost])
    told = [(line.message.message_id.int - 1, line.depth, line.opens, line.closes) for line in lines]
    assert told == [(0, 0, True, 0), (2, 1, True, 0), (4, 2, False, 1), (3, 1, False, 1), (1, 0, False, 0), (98, 0, False, 0)]  # fmt: skip  # noqa: E501
    assert lines_of([]) == []
    chain = lines_of(_messages([None, *range(DEPTH - 1)]))
    assert [line.depth for line in chain[:DEEPEST]] == list(range(DEEPEST))
    assert {line.depth for line in chain[DEEPEST:]} == {DEEPEST}
    assert all(line.answers is None for line in chain[: DEEPEST + 1])
    assert all(
        line.answers is before.message for line, before in zip(chain[DEEPEST + 1 :], chain[DEEPEST:], strict=False)
    )
    assert sum(line.opens for line in chain) == sum(line.closes for line in chain) == DEEPEST


@pytest.mark.parametrize("name", NESTS)
async def test_a_nest_of_json_is_refused_wherever_a_body_is_read(
    http: httpx.AsyncClient, app, customer: Agent, name: str
):
    headers = {**customer.headers, **HEADERS, "Host": "127.0.0.1"}
    for method, path, body in nested_requests(app.openapi(), customer.agent_id):
        for key in ({}, {"Idempotency-Key": str(new_id())}):
            content = body.replace(SLOT, NESTS[name])
            answer = await http.request(method, path, content=content, headers={**headers, **key})
            assert answer.status_code < 500, (method, path, body, answer.text)


FOLDERS = ("activities", "api", "db", "domain", "souk_client", "worker", "workflows")


# They walk schemas of our own making, once at the start.
OF_OUR_SCHEMAS = {
    "api/openapi.py: _example",
    "api/mcp/server.py: _slim",
    "api/platform/sizes.py: largest",
}


def test_no_code_of_ours_calls_itself():
    """Functions by name and methods by ``self``, and macros of templates neither."""
    found, seen = set(), 0
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        methods = {part for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body}
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        seen += len(functions)
        found |= {
            f"{path.relative_to(ROOT)}: {function.name}"
            for function in functions
            for call in ast.walk(function)
            if isinstance(call, ast.Call) and _called(call.func, by_self=function in methods) == function.name
        }
    assert seen > 1_000
    assert found == OF_OUR_SCHEMAS
    for path in (ROOT / "web" / "templates").rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"{% for .* recursive %}", source), path
        for macro in re.finditer(r"{% macro (\w+)\(.*?{% endmacro %}", source, re.DOTALL):
            assert not re.search(rf"{{{{ *{macro[1]}\(", macro[0]), (path, macro[1])


def _called(function: ast.expr, *, by_self: bool) -> str | None:
    match function:
        case ast.Name(id=name) if not by_self:
            return name
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if by_self:
            return name
    return None
