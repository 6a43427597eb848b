"""Refusals in the protocol's words: a transport error for who calls and how, an error response for what is asked.

Codes and kinds are those of ``api.errors``; which of the two a refusal is, and so its status, is in
``api.checkout.outcomes``. Guards that every refusal under the protocol's addresses reads like this, also those of the
gate before the routes.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from api.checkout.documents import UcpDocument
from api.checkout.outcomes import is_outcome, speaks_older, status_for
from api.errors import DIALECTS, Dialect, Responses
from domain.checkout import ucp_errors as ucp
from domain.checkout.ucp import VERSION
from domain.market import errors as market
from domain.platform import errors as platform
from domain.platform.errors import DomainError, ErrorCode, ErrorKind
from domain.platform.identity import NOT_A_CUSTOMER

_ADDRESSES = ("/.well-known/ucp", "/checkout-sessions", "/carts", "/catalog/", "/testing/")
# The protocol's own words for what the market calls otherwise. It leaves the vocabulary open for the rest.
_WORDS: Mapping[str, str] = {
    market.LISTING_SOLD_OUT.code: "out_of_stock",
    market.LISTING_NOT_FOUND.code: "not_found",
    market.PRODUCT_NOT_FOUND.code: "not_found",
    market.ORDER_PRICE_CHANGED.code: "checkout_price_changed",
    market.LISTING_NOT_ACTIVE.code: "item_unavailable",
    market.STORE_CLOSED.code: "item_unavailable",
    market.OFFER_NOT_FOUND.code: "not_found",
    market.ORDER_NOT_FOUND.code: "not_found",
    "checkout.not_found": "not_found",
    "cart.not_found": "not_found",
    "checkout.payment_declined": "payment_failed",
    "checkout.payment_refused": "payment_failed",
}
_UNRECOVERABLE = {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}
_STEP = re.compile(r"[A-Za-z_][\w\-]*|\d+")


class TransportError(BaseModel):
    """Who calls, or how, does not fit."""

    code: str = Field(description="stable: program against this", examples=["signature_invalid"])
    content: str = Field(examples=["The request's signature does not hold for this request."])


class UcpMessageOut(BaseModel):
    type: str = Field(examples=["error"])
    code: str = Field(description="stable: program against this", examples=["out_of_stock"])
    content: str = Field(examples=["Insufficient stock."])
    severity: str = Field(examples=["recoverable"])
    path: str | None = None


class ErrorOut(BaseModel):
    """What was asked for cannot be had."""

    ucp: dict[str, Any] = Field(examples=[{"version": VERSION, "status": "error"}])
    messages: list[UcpMessageOut]


def speaks_ucp(scope: Scope) -> bool:
    """Whether a request is for the protocol; an order's page has the same address as the order."""
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return path.startswith(_ADDRESSES) or (path.startswith("/orders/") and asks_for_order(scope))


def asks_for_order(scope: Scope) -> bool:
    """A platform names itself, or asks for JSON; everybody else means the page."""
    headers = Headers(scope=scope)
    accept = headers.get("accept", "")
    return "ucp-agent" in headers or ("application/json" in accept and "text/html" not in accept)


def refusal_body(refused: DomainError) -> dict[str, Any]:
    """The document of a refusal: ``request.invalid`` has messages as outcomes do, each with its member's path."""
    code = _WORDS.get(refused.code, refused.code.replace(".", "_"))
    content = refused.message if code != "not_found" else f"Not found. {refused.message}"
    if not is_outcome(refused) and refused.code != platform.REQUEST_INVALID.code:
        return {"code": code, "content": content}
    severity = "unrecoverable" if refused.kind in _UNRECOVERABLE else "recoverable"
    messages = [
        {"type": "error", "code": code, "content": problem["problem"], "severity": severity, "path": where}
        for problem in refused.details.get("errors", ())
        if (where := _json_path(problem["field"])) is not None
    ] or [{"type": "error", "code": code, "content": content, "severity": severity}]
    return {"ucp": {"version": VERSION, "status": "error"}, "messages": messages}


def _json_path(field: str) -> str | None:
    """``body.line_items.0.quantity`` as ``$.line_items[0].quantity``; None for what is not in the body."""
    place, _, rest = field.partition(".")
    if place != "body":
        return None
    steps = _STEP.findall(rest)
    return "$" + "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)


def _status(refused: DomainError, request: Request) -> int:
    return status_for(refused, older=speaks_older(request))


def _body(refused: DomainError, request: Request) -> dict[str, Any]:
    body = refusal_body(refused)
    if speaks_older(request) and "messages" in body:
        # Beside the messages, as older versions have it; ours takes no further member.
        body["detail"] = body["messages"][0]["content"]
    return body


DIALECTS.append(Dialect(speaks_ucp, _status, _body))

_COMMON = (
    ucp.INVALID_PROFILE_URL,
    ucp.PROFILE_UNREACHABLE,
    ucp.PROFILE_MALFORMED,
    ucp.VERSION_UNSUPPORTED,
    ucp.SIGNATURE_INVALID,
    ucp.KEY_NOT_FOUND,
    ucp.DIGEST_MISMATCH,
    ucp.ALGORITHM_UNSUPPORTED,
    ucp.CAPABILITIES_INCOMPATIBLE,
    platform.AUTH_INVALID,
    platform.REQUEST_INVALID,
    platform.RATE_LIMITED,
    platform.UNAVAILABLE,
)
WRITES = (
    platform.IDEMPOTENCY_KEY_REUSED,
    platform.IDEMPOTENCY_IN_FLIGHT,
    platform.REQUEST_MALFORMED,
    platform.REQUEST_TOO_LARGE,
)
PRIVATE = (ucp.SIGNATURE_MISSING, NOT_A_CUSTOMER, platform.AGENT_REQUIRED)


def refusals(*codes: ErrorCode, common: bool = True) -> Responses:
    """The ``responses=`` of a route: every code it can refuse with, with its document as an example."""
    responses: Responses = {}
    for code in dict.fromkeys((*codes, *(_COMMON if common else ()))):
        status = status_for(code)
        model = {"model": UcpDocument} if status == 200 else {"model": TransportError | ErrorOut}
        new: dict[str, Any] = {**model, "description": "", "content": {"application/json": {"examples": {}}}}
        entry = responses.setdefault(status, new)
        examples = entry["content"]["application/json"]["examples"]
        examples[code.code] = {"summary": code.meaning, "value": refusal_body(code.error())}
        entry["description"] = ", ".join(examples)
    return responses
