"""Every number an agent, an operator or a model can send, as no number it was meant to be: never a fault."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from souk.drills.attack.callers import Callers
from souk.drills.attack.findings import Findings, Target
from souk.drills.people import Agent, Shop

Document = dict[str, Any]
Path = tuple[str | int, ...]
ODD = (
    "1e-9", "-0.0", "0", "-1", "0.5", "900.0", "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity",
    "9223372036854775808", "1" + "0" * 400, "1" + "0" * 5_000, '"7"', "true", "null", "[]",
)  # fmt: skip
FEW = ("1e-9", "900.0")
"""One by which the market was hurt and one that it takes, for a short drill."""
ASKING = ("customer", "merchant", "operator")
_MCP = {"Accept": "application/json, text/event-stream"}
_JSON = {"Content-Type": "application/json"}
SLOT = '"the number under test"'


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
    place[at] = json.loads(SLOT)
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


def filled(path: str, values: Mapping[str, str]) -> str:
    """A path with its parameters."""
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], path)


def _askers(callers: Callers, path: str) -> tuple[dict[str, Agent], dict[str, str]]:
    """Who asks, and the ids in the path. What is bargained over is fresh, so that no earlier number is in the way."""
    agents = {kind: callers.agents[kind] for kind in ASKING}
    known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
    if path.startswith("/v1/offers"):
        agents["customer"] = Agent.register(callers.url, "CUSTOMER")
    if "{offer_id}" in path:
        known["offer_id"] = callers.shop.offer(agents["customer"], 800)["offer_id"]
    return agents, known


def with_number(callers: Callers, text: str, odd: str) -> str:
    """The body with the number in its slot, and with the ids of the callers' market in the place of the example's."""
    body = json.loads(text)
    for name in body.keys() & callers.ids.keys():
        body[name] = callers.ids[name]
    if body.get("proposed_price_cents") not in (None, json.loads(SLOT)):
        body["proposed_price_cents"] = 850  # between the bid and any list price
    for line in body.get("line_items") or ():
        line["item"] = {"id": callers.shop.listing_id}
    return json.dumps(body).replace(SLOT, odd)


def find_faults(
    callers: Callers, document: Document, odd: Sequence[str]
) -> tuple[list[tuple[object, ...]], set[tuple[str, str]]]:
    """What was answered as a fault, and the operations that took an odd number: behind their schema are the rules."""
    faults: list[tuple[object, ...]] = []
    taken = set()
    for method, path, text in bodies(document):
        for number in odd:
            agents, known = _askers(callers, path)
            raw = with_number(callers, text, number)
            for kind, agent in agents.items():
                answer = agent.http.request(method, filled(path, known), content=raw, headers=_JSON)
                if answer.is_success:
                    taken.add((method, path))
                if answer.status_code >= 500:
                    faults.append((kind, method, path, number[:20], answer.status_code, answer.text[:200]))
    return faults, taken


def find_tool_faults(callers: Callers, odd: Sequence[str]) -> tuple[list[tuple[object, ...]], int]:
    """What a tool answered as a fault, and how often one was called."""
    faults: list[tuple[object, ...]] = []
    asked, ids = 0, {**callers.ids, "id": callers.ids["order_id"]}
    for kind in ("customer", "merchant"):
        http = callers.agents[kind].http
        for tool in _rpc(http, "tools/list", "{}")["result"]["tools"]:
            schema = tool["inputSchema"]
            must = schema.get("required", ())
            needed = {name: _made_up(part) for name, part in schema["properties"].items() if name in must}
            needed |= {name: value for name, value in ids.items() if name in needed}
            for place in numbers(schema, {"components": {"schemas": schema.get("$defs", {})}}):
                if place == ("wait_seconds",):
                    continue  # it would wait; its bounds are those of Whole
                for number in odd:
                    arguments = put(needed, place).replace(SLOT, number)
                    told = _rpc(http, "tools/call", f'{{"name": "{tool["name"]}", "arguments": {arguments}}}')
                    asked += 1
                    if "internal" in json.dumps(told).lower():
                        faults.append((tool["name"], place, number[:20], told))
    return faults, asked


def find_unlike(
    callers: Callers, document: Document, kinds: Sequence[str] = ASKING
) -> tuple[list[tuple[object, ...]], int]:
    """Where 3.0 is refused and 3 is taken, or the reverse; and how often 3 was taken."""
    unlike: list[tuple[object, ...]] = []
    taken = 0
    for method, path, text in bodies(document):
        known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
        for kind in kinds:
            plain, pointed = (
                callers.agents[kind].http.request(
                    method, filled(path, known), content=with_number(callers, text, number), headers=_JSON
                )
                for number in ("3", "3.0")
            )
            taken += not _is_refused(plain)
            if _is_refused(plain) != _is_refused(pointed):
                unlike.append((kind, method, path, text, plain.text[:200], pointed.text[:200]))
    return unlike, taken


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 422 and answer.json().get("code") in ("request.invalid", "request_invalid")


def _made_up(schema: Document) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    return {"integer": 1, "number": 1, "boolean": True}.get(schema.get("type", ""), "Words of more than twenty letters")


def _rpc(http: httpx.Client, method: str, params: str) -> Any:
    raw = f'{{"jsonrpc": "2.0", "id": 1, "method": "{method}", "params": {params}}}'
    answer = http.post("/mcp", content=raw, headers=_MCP | _JSON)
    if answer.status_code in (400, 422):
        return {"refused": answer.status_code}
    assert answer.status_code == 200, (raw[:300], answer.status_code, answer.text)
    return answer.json()


def send_odd_numbers(target: Target, found: Findings) -> None:
    callers = target.callers()
    document = callers.agents["none"].get("/openapi.json")
    faults, taken = find_faults(callers, document, target.choose(ODD, FEW))
    found.expect("no odd number in a body is a fault", faults, [])
    # The walk gets past the schema to the rules and the database behind them.
    behind = {("POST", "/v1/offers"), ("POST", "/v1/listings"), ("POST", "/carts")}
    found.expect("some are no less than numbers, and taken", behind - taken, set())
    faults, asked = find_tool_faults(callers, target.choose(ODD, FEW))
    found.expect("no odd number in a tool's arguments is a fault", faults, [])
    found.expect("there are tools that take numbers", asked > 0, True)


def write_whole_numbers_with_a_point(target: Target, found: Findings) -> None:
    callers = target.callers()
    unlike, taken = find_unlike(callers, callers.agents["none"].get("/openapi.json"), target.choose(ASKING, ASKING[:2]))
    found.expect("3.0 is taken where 3 is, and nowhere else", unlike, [])
    found.expect("3 is taken in many places", taken > 20, True)


def last_for_no_time(target: Target, found: Findings) -> None:
    shop, customer = Shop.open(target.url), target.customer()
    body = {"listing_id": shop.listing_id, "proposed_price_cents": 700}
    for seconds in (1e-9, 1e-7, 0.0005):
        answer = customer.call("POST", "/v1/offers", {**body, "expires_in_seconds": seconds})
        found.refuses(f"an offer for {seconds:g} s", answer, 422, "request.invalid")
    made = customer.call("POST", "/v1/offers", {**body, "expires_in_seconds": 900.0})
    found.expect("an offer for 900.0 s", made.status_code, 201)
