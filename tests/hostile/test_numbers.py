"""Every number an agent, an operator or a model can send, as no number it was meant to be: never a fault."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.people import Agent
from tests.hostile.callers import Callers
from tests.hostile.test_access_matrix import filled

Document = dict[str, Any]
Path = tuple[str | int, ...]
ODD = (
    "1e-9", "-0.0", "0", "-1", "0.5", "900.0", "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity",
    "9223372036854775808", "1" + "0" * 400, "1" + "0" * 5_000, '"7"', "true", "null", "[]",
)  # fmt: skip
MCP = {"Accept": "application/json, text/event-stream"}
_SLOT = '"the number under test"'


def _resolved(schema: Document, document: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def numbers(schema: Document, document: Document, path: Path = (), depth: int = 0) -> Iterator[Path]:
    """Where a schema has numbers, each within bounds. Schemas here are the market's own and not deep."""
    schema = _resolved(schema, document)
    if depth > 12:
        return
    if schema.get("type") in ("integer", "number"):
        assert {"minimum", "maximum"} <= schema.keys(), path
        yield path
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from numbers(part, document, path, depth + 1)
    for name, part in schema.get("properties", {}).items():
        yield from numbers(part, document, (*path, name), depth + 1)
    if isinstance(schema.get("items"), dict):
        yield from numbers(schema["items"], document, (*path, 0), depth + 1)


def put(body: Any, path: Path) -> str:
    """The body as JSON with a slot at a path, which is made where it is not there."""
    root: list[Any] = [copy.deepcopy(body)]
    place: Any = root
    at: str | int = 0
    for step in path:
        if not isinstance(place[at], list if isinstance(step, int) else dict):
            place[at] = [] if isinstance(step, int) else {}
        place = place[at]
        if isinstance(place, list) and not place:
            place.append(None)
        at = step
        if isinstance(place, dict):
            place.setdefault(at, None)
    place[at] = json.loads(_SLOT)
    return json.dumps(root[0])


def bodies(document: Document) -> Iterator[tuple[str, str, str]]:
    """Method, path and the body with its slot, of each number of each operation."""
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            schema = _resolved(content["schema"], document)
            options = [_resolved(part, document) for part in schema.get("anyOf", ())]
            examples = [each["examples"][0] for each in (schema, *options) if each.get("examples")]
            example = examples[0] if examples else {}
            for place in dict.fromkeys(numbers(schema, document)):
                yield method.upper(), path, put(example, place)


@pytest.fixture(scope="module")
def document(callers: Callers) -> Document:
    return callers.agents["none"].get("/openapi.json")


def test_the_walk_finds_numbers_wherever_they_are(document: Document) -> None:
    found = {(method, path, text) for method, path, text in bodies(document)}
    for method, path, name in (
        ("POST", "/v1/offers", "expires_in_seconds"), ("POST", "/v1/offers/{offer_id}/accept", "round"),
        ("POST", "/v1/listings", "promised_delivery_seconds"), ("POST", "/carts", "quantity"),
        ("PUT", "/v1/stores/{store_id}/price-list", "value"), ("POST", "/catalog/search", "limit"),
        ("POST", "/v1/webhooks/{webhook_id}/rotate-secret", "overlap_seconds"),
    ):  # fmt: skip
        assert any(one[:2] == (method, path) and f'"{name}": {_SLOT}' in one[2] for one in found), (path, name)


def test_an_offer_lasts_at_least_a_millisecond(callers: Callers) -> None:
    customer = Agent.register(callers.url, "CUSTOMER")
    body = {"listing_id": callers.shop.listing_id, "proposed_price_cents": 700}
    for seconds in (1e-9, 1e-7, 0.0005):
        assert customer.refused("POST", "/v1/offers", {**body, "expires_in_seconds": seconds}) == (
            422,
            "request.invalid",
        )
    made = customer.post("/v1/offers", {**body, "expires_in_seconds": 900.0})
    assert made["status"] == "PROPOSED"


def test_too_many_codes_are_called_so(callers: Callers) -> None:
    lines = {"line_items": [{"item": {"id": callers.shop.listing_id}, "quantity": 1}]}
    for path in ("/carts", "/checkout-sessions"):
        body = {**lines, "discounts": {"codes": [f"CODE{number}" for number in range(11)]}}
        answer = callers.call("customer", "POST", path, body)
        assert "checkout_too_many_discount_codes" in answer.text
        assert "at most 10 discount codes" in answer.text
        body["discounts"]["codes"].pop()
        assert callers.call("customer", "POST", path, body).status_code == 201


def _askers(callers: Callers, path: str) -> tuple[dict[str, Agent], dict[str, str]]:
    """Who asks, and the ids in the path. What is bargained over is fresh, so that no earlier number is in the way."""
    agents = {kind: callers.agents[kind] for kind in ("customer", "merchant", "operator")}
    known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
    if path.startswith("/v1/offers"):
        agents["customer"] = Agent.register(callers.url, "CUSTOMER")
    if "{offer_id}" in path:
        known["offer_id"] = callers.shop.offer(agents["customer"], 800)["offer_id"]
    return agents, known


@pytest.mark.slow(seconds=120)
def test_no_number_in_a_body_is_a_fault(callers: Callers, document: Document) -> None:
    faults, taken = [], set()
    for method, path, text in bodies(document):
        for odd in ODD:
            agents, known = _askers(callers, path)
            raw = _raw(callers, text, odd)
            for kind, agent in agents.items():
                answer = agent.http.request(
                    method, filled(path, known), content=raw, headers={"Content-Type": "application/json"}
                )
                if answer.is_success:
                    taken.add((method, path))
                if answer.status_code >= 500:
                    faults.append((kind, method, path, odd[:20], answer.status_code, answer.text[:200]))
    assert faults == []
    # The walk gets past the schema to the rules and the database behind them.
    assert {("POST", "/v1/offers"), ("POST", "/v1/listings"), ("POST", "/carts")} <= taken


def _raw(callers: Callers, text: str, odd: str) -> str:
    """The body with the number in its slot, and with the ids of the callers' market in the place of the example's."""
    body = json.loads(text)
    for name in body.keys() & callers.ids.keys():
        body[name] = callers.ids[name]
    if body.get("proposed_price_cents") not in (None, json.loads(_SLOT)):
        body["proposed_price_cents"] = 850  # between the bid and any list price
    for line in body.get("line_items") or ():
        line["item"] = {"id": callers.shop.listing_id}
    return json.dumps(body).replace(_SLOT, odd)


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 422 and answer.json().get("code") in ("request.invalid", "request_invalid")


@pytest.mark.slow(seconds=30)
def test_a_whole_number_may_be_written_with_a_point(callers: Callers, document: Document) -> None:
    """3.0 where 3 is taken, and 3.5 nowhere, whichever field it is."""
    different, taken = [], 0
    for method, path, text in bodies(document):
        known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
        for kind in ("customer", "merchant", "operator"):
            plain, pointed = (
                callers.agents[kind].http.request(
                    method, filled(path, known), content=_raw(callers, text, number),
                    headers={"Content-Type": "application/json"},
                )
                for number in ("3", "3.0")
            )  # fmt: skip
            taken += not _is_refused(plain)
            if _is_refused(plain) != _is_refused(pointed):
                different.append((kind, method, path, text, plain.text[:200], pointed.text[:200]))
    assert different == []
    assert taken > 20


@pytest.mark.slow(seconds=30)
def test_no_number_in_a_tools_arguments_is_a_fault(callers: Callers) -> None:
    ids = {**callers.ids, "id": callers.ids["order_id"]}
    wrong, asked = [], 0
    for kind in ("customer", "merchant"):
        http = callers.agents[kind].http
        listed = _rpc(http, "tools/list", "{}")["result"]["tools"]
        for tool in listed:
            schema = tool["inputSchema"]
            must = schema.get("required", ())
            needed = {name: _made_up(part) for name, part in schema["properties"].items() if name in must}
            needed |= {name: value for name, value in ids.items() if name in needed}
            for place in numbers(schema, {"components": {"schemas": schema.get("$defs", {})}}):
                if place == ("wait_seconds",):
                    continue  # it would wait; its bounds are those of Whole
                for odd in ODD:
                    arguments = put(needed, place).replace(_SLOT, odd)
                    told = _rpc(http, "tools/call", f'{{"name": "{tool["name"]}", "arguments": {arguments}}}')
                    asked += 1
                    if "internal" in json.dumps(told).lower():
                        wrong.append((tool["name"], place, odd[:20], told))
    assert wrong == []
    assert asked > 200


def _made_up(schema: Document) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    return {"integer": 1, "number": 1, "boolean": True}.get(schema.get("type", ""), "Words of more than twenty letters")


def _rpc(http: httpx.Client, method: str, params: str) -> Any:
    raw = f'{{"jsonrpc": "2.0", "id": 1, "method": "{method}", "params": {params}}}'
    answer = http.post("/mcp", content=raw, headers={**MCP, "Content-Type": "application/json"})
    if answer.status_code in (400, 422):
        return {"refused": answer.status_code}
    assert answer.status_code == 200, (raw[:300], answer.status_code, answer.text)
    return answer.json()
