"""Refusals at the addresses that speak JSON-RPC, /mcp and /a2a: errors whose message a model can act on.

What a route or a tool itself refuses is answered by it; here is what never got so far: keys, limits, hosts, bodies.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request

from api.errors import DIALECTS, Dialect, problem_body, status_of
from domain.platform import errors as platform
from domain.platform.errors import DomainError

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
SERVER_ERROR = -32000
"""For the codes that JSON-RPC leaves to servers; ``data.code`` says which."""
_CODES = {
    platform.REQUEST_MALFORMED.code: PARSE_ERROR,
    platform.REQUEST_INVALID.code: INVALID_REQUEST,
    platform.INTERNAL.code: INTERNAL_ERROR,
}

Told = Callable[[dict[str, Any]], Mapping[str, Any]]
"""How a problem document reads at an address."""


def error_of(refused: DomainError, told: Mapping[str, Any]) -> dict[str, Any]:
    """The error object of a refusal. Its message says the ways on as well: many clients show nothing else."""
    ways = "; ".join(told["next_actions"])
    message = f"{told['detail']} Next: {ways}." if ways else str(told["detail"])
    return {"code": _CODES.get(refused.code, SERVER_ERROR), "message": message, "data": dict(told)}


def speak_json_rpc(path: str, told: Told) -> None:
    """Have refusals at an address answered as JSON-RPC errors, with the status that HTTP has for them."""

    def body(refused: DomainError, request: Request) -> dict[str, Any]:
        # Whose answer it is cannot be told: its request was not read.
        error = error_of(refused, told(problem_body(refused, request.url.path, {})))
        return {"jsonrpc": "2.0", "id": None, "error": error}

    DIALECTS.append(
        Dialect(
            speaks=lambda scope: scope["type"] == "http" and scope["path"] == path,
            status=lambda refused, _: status_of(refused),
            body=body,
        )
    )
