"""Every route × every kind of caller, compared with the rows that contexts declare. A route without a row fails.

Rows say who gets past the gate and what the others hear. ``ok`` is any answer that is no refusal of the caller:
success, or a refusal of the request itself (404 of a made-up id, 409, 422), because bodies here are empty.
"""

import re
from collections.abc import Mapping

import httpx
import pytest

from config.contexts import CONTEXTS
from domain.platform.access import CALLERS, OK, Access
from tests.hostile.callers import Callers

_WORDS = {401: "401", 403: "403", 404: "404"}


# Not REST, so not in its document.
_BESIDE = (" /mcp", " /a2a")
NOWHERE = "01920000-0000-7000-8000-00000000dead"
# Last, because they end what the others look at.
_ENDS = ("cancel", "close", "revoke", "withdraw", "reject", "accept", "DELETE")


def routes(document: dict[str, dict[str, dict[str, object]]], table: Mapping[str, Access]) -> set[str]:
    beside = {route for route in table if route.endswith(_BESIDE)}
    return beside | {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def heard(answer: httpx.Response) -> str:
    """What an answer tells; that there is nothing is an outcome in the commerce protocol, and so a 200."""
    said = answer.json() if answer.status_code == 200 and b'"status": "error"' in answer.content else {}
    nothing = any(message["code"] == "not_found" for message in said.get("messages", ()))
    return _WORDS.get(404 if nothing else answer.status_code, OK)


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], text)


def check_rows(callers: Callers, table: Mapping[str, Access]) -> None:
    """Every route has a row, and every row a route."""
    there = routes(callers.agents["none"].get("/openapi.json"), table)
    assert there - set(table) == set(), "routes without a row: say who may call them in domain/<context>/access.py"
    assert set(table) - there == set(), "rows without a route"


def check_answers(callers: Callers, table: Mapping[str, Access], kind: str) -> None:
    """This kind of caller hears what the rows say."""
    there = routes(callers.agents["none"].get("/openapi.json"), table)
    wrong = []
    for route in sorted(there & set(table), key=lambda name: (any(end in name for end in _ENDS), name)):
        method, path = route.split(" ")
        if path.endswith("/stream"):
            continue  # does not end; its gate is the list's beside it, and the feed's tests call it
        # Who may, meets made-up things where a real call would change what later rows need.
        wanted = table[route].answers[kind]
        own = wanted == OK and method != "GET"
        known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
        address = filled(path, dict.fromkeys(known, NOWHERE) | {"kind": "order"} if own else known)
        body = {
            name: filled(value, known) if isinstance(value, str) else value for name, value in table[route].body.items()
        }
        answer = callers.call(kind, method, address, (None if own else body) if method != "GET" else None)
        assert answer.status_code < 500, (kind, route, answer.text)
        found = heard(answer)
        if own and found == _WORDS[404]:
            found = OK  # past the gate, and nothing is there
        if found != wanted:
            wrong.append((route, "wanted", wanted, "got", answer.status_code, answer.text[:160]))
    assert not wrong, "\n".join(map(str, wrong))


TABLE = CONTEXTS.access


def test_every_route_has_a_row_and_every_row_a_route(callers: Callers) -> None:
    check_rows(callers, TABLE)


@pytest.mark.parametrize("kind", CALLERS)
def test_the_matrix(callers: Callers, kind: str) -> None:
    check_answers(callers, TABLE, kind)
