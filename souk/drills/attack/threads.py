"""Answers to answers by the hundred, JSON in JSON, and words that an operator hides."""

import re
from collections.abc import Iterator
from typing import Any

from souk.drills.attack.findings import Findings, Target
from souk.drills.people import Agent, Shop
from souk_client.repeating import new_key

_DEPTH = 240
NESTS = {
    f"{name} in each other, {depth} deep": opening * depth + middle + closing * depth
    for name, opening, middle, closing in (("lists", "[", "", "]"), ("objects", '{"a":', "1", "}"))
    for depth in (20, 200, 300, 950, 1_100, 10_000)
}
SLOT = "<the nest>"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_TOMBSTONE = "This message was hidden by an operator."


def nest_answers(target: Target, found: Findings) -> None:
    shop, customer = Shop.open(target.url), target.customer()
    asked = shop.ask(customer)
    thread_id, parent = asked["thread_id"], asked["message_id"]
    for number in range(_DEPTH):
        body = {"body": f"Word {number}, and on it goes.", "parent_message_id": parent}
        parent = customer.post(f"/v1/threads/{thread_id}/messages", body)["message_id"]
    page = customer.call("GET", f"/threads/{thread_id}")
    found.expect("the page of the thread", page.status_code, 200)
    found.expect("the page shows the deepest answer", f"Word {_DEPTH - 1}," in page.text, True)
    for path in (
        f"/listings/{shop.listing_id}", "/", f"/v1/threads/{thread_id}", f"/v1/threads/{thread_id}/messages?limit=200",
        "/v1/search?q=Word",
    ):  # fmt: skip
        found.expect(_masked(f"GET {path}"), customer.call("GET", path).status_code, 200)
    for name, arguments in (
        ("read_thread", {"thread_id": thread_id}), ("look_at_listing", {"listing_id": shop.listing_id}),
    ):  # fmt: skip
        answer = target.tool(customer, name, arguments)
        fine = answer.status_code == 200 and not answer.json()["result"]["isError"]
        found.expect(f"tool {name}", fine, True)


def _masked(text: str) -> str:
    return re.sub(r"[0-9a-f-]{36}", "*", text)


def nest_json(target: Target, found: Findings) -> None:
    customer = target.customer()
    requests = [*nested_requests(customer.get("/openapi.json"), customer.agent_id)]
    for name in target.choose([*NESTS], [*NESTS][5::6]):
        faults = []
        for method, path, body in requests:
            key = {} if body == SLOT else {"Idempotency-Key": new_key()}
            content = body.replace(SLOT, NESTS[name])
            answer = customer.http.request(method, path, content=content, headers={**HEADERS, **key})
            if answer.status_code >= 500:
                faults.append((method, _masked(path), answer.status_code))
        found.expect(f"no body with {name} is a fault", faults, [])


def nested_requests(document: dict[str, Any], any_id: str) -> Iterator[tuple[str, str, str]]:
    """Method, path and body of everything that takes a body, with a slot for a nest in it; JSON-RPC last."""
    for path, methods in document["paths"].items():
        for method in methods.keys() & {"post", "put", "patch"}:
            for body in (SLOT, f'{{"body": {SLOT}}}', f'{{"payment": {{"instruments": [{{"credential": {SLOT}}}]}}}}'):
                yield method, re.sub(r"\{\w+\}", any_id, path), body
    for address, called in (("/mcp", "tools/call"), ("/a2a", "SendMessage")):
        for body in (SLOT, f'{{"jsonrpc": "2.0", "id": 1, "method": "{called}", "params": {SLOT}}}'):
            yield "post", address, body


def read_hidden_words(target: Target, found: Findings) -> None:
    for by_tool in (False, True):
        _read_hidden_words(target, found, by_tool=by_tool)


def _read_hidden_words(target: Target, found: Findings, *, by_tool: bool) -> None:
    shop, customer = Shop.open(target.url), target.customer()
    word = f"spam{customer.agent_id[-12:]}"
    text = f"Buy {word} the brightest there is at my own place."
    if by_tool:
        answer = target.tool(customer, "ask", {"listing_id": shop.listing_id, "text": text})
        message = answer.json()["result"]["structuredContent"]
    else:
        message = shop.ask(customer, text)
    thread_id = message["thread_id"]
    shown = _tellers(target, shop, thread_id, word, customer)
    found.expect("before, its words are told in many places", len(shown) >= 6, True)
    hide = f"/v1/operations/messages/{message['message_id']}"
    found.expect("no customer hides a message", customer.call("POST", f"{hide}/hide", {"reason": "!"}).status_code, 403)
    target.operator.post(f"{hide}/hide", {"reason": "A drill."})
    for reader in (customer, shop.owner, Agent(target.url)):
        told = _tellers(target, shop, thread_id, word, reader)
        found.expect(f"hidden, nothing tells its words ({'a key' if reader.key else 'no key'})", told, [])
    body = customer.get(f"/v1/threads/{thread_id}")["messages"][0]["body"]
    found.expect("in their place it says so", body, _TOMBSTONE)
    target.operator.post(f"{hide}/show", {"reason": "A drill."})
    again = _tellers(target, shop, thread_id, word, customer)
    # The front page has the newest alone.
    found.expect("shown again, they are told where they were", {*shown} - {*again, "/"}, set())


def _tellers(target: Target, shop: Shop, thread_id: str, word: str, reader: Agent) -> list[str]:
    """What tells a reader the words."""
    reads = (
        f"/v1/threads/{thread_id}", f"/v1/threads/{thread_id}/messages", f"/v1/search?q={word}",
        f"/v1/threads?context_listing_id={shop.listing_id}", f"/threads/{thread_id}", f"/listings/{shop.listing_id}",
        "/", f"/search?q={word}",
    )  # fmt: skip
    answers: dict[str, Any] = {_masked(path): reader.call("GET", path).text for path in reads}
    for name, arguments in (
        ("read_thread", {"thread_id": thread_id}), ("look_at_listing", {"listing_id": shop.listing_id}),
    ):  # fmt: skip
        answers[f"tool {name}"] = target.tool(reader, name, arguments).text
    return [place for place, text in answers.items() if f"{word} the" in text]
