"""From refusals to problem documents (RFC 9457): the only table from error kind to HTTP status.

Everything that may come out of a route is turned into one ``DomainError`` by :func:`refusal_of`, so a rule
upheld by Python, by Postgres or by a Temporal process reads the same to a caller. What cannot be
named is a fault of ours: 500, logged, and told to nobody. No document ever echoes what the caller sent.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Scope
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError, FailureError, TemporalError
from temporalio.service import RPCError

from db.platform.constraints import refusal
from domain.platform import errors as platform
from domain.platform.errors import DomainError, ErrorCode, ErrorKind, lookup

STATUS: Mapping[ErrorKind, int] = {
    ErrorKind.INVALID: 422,
    ErrorKind.MALFORMED: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.PAYMENT_REQUIRED: 402,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.RULE_VIOLATION: 422,
    ErrorKind.RATE_LIMITED: 429,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.FAILED_DEPENDENCY: 424,
}
# HTTP's own refusals, and the fault that has no kind.
_STATUS_OF_CODE: Mapping[str, int] = {
    platform.REQUEST_MALFORMED.code: 400,
    platform.REQUEST_TOO_LARGE.code: 413,
    platform.REQUEST_TOO_SLOW.code: 408,
    platform.HEADERS_TOO_LARGE.code: 431,
    platform.METHOD_NOT_ALLOWED.code: 405,
    platform.HOST_UNKNOWN.code: 421,
    platform.INTERNAL.code: 500,
}
_HTTP_REFUSALS: Mapping[int, ErrorCode] = {
    400: platform.REQUEST_MALFORMED,
    404: platform.ROUTE_NOT_FOUND,
    405: platform.METHOD_NOT_ALLOWED,
    413: platform.REQUEST_TOO_LARGE,
}
_RETRY_AFTER_SECONDS = 1
PROBLEM_MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    field: str = Field(examples=["body.price_cents"])
    problem: str = Field(examples=["Input should be a valid integer"])


class Problem(BaseModel):
    """A problem document. Some codes add members of their own, such as ``ways`` or ``errors``."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="where the code is explained", examples=["/problems/listing.sold_out"])
    title: str
    status: int
    detail: str
    code: str = Field(description="stable: program against this", examples=["listing.sold_out"])
    instance: str = Field(description="the path that was called")
    next_actions: list[str] = Field(description="ways on, where there are some")


class BodyTooLargeError(HTTPException):
    """A body over ``max_bytes``, which its refusal says."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(413)
        words = f"The body is larger than {max_bytes} bytes, which is as much as this API takes."
        self.refused = platform.REQUEST_TOO_LARGE.error(words, max_bytes=max_bytes)


def status_of(code: ErrorCode | DomainError) -> int:
    return _STATUS_OF_CODE.get(code.code, STATUS[code.kind])


def refusal_of(error: BaseException) -> DomainError | None:
    """What ``error`` refuses in the catalogue's words, or None when it is a fault."""
    match error:
        case DomainError():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _of_http(error)
        case psycopg.IntegrityError():
            return refusal(error)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return platform.UNAVAILABLE.error()
        case RPCError() | WorkflowUpdateRPCTimeoutOrCancelledError() | TimeoutError() | ConnectionError():
            return platform.UNAVAILABLE.error()
        case TemporalError():
            return _told_by_process(error)
        case RuntimeError() if str(error).startswith("Failed client connect"):
            return platform.UNAVAILABLE.error()
    return None


def _of_http(error: HTTPException) -> DomainError | None:
    if isinstance(error, BodyTooLargeError):
        return error.refused
    code = _HTTP_REFUSALS.get(error.status_code)
    return code.error() if code else None


def _told_by_process(error: BaseException | None) -> DomainError | None:
    """The refusal an activity or a workflow raised: the innermost failure whose type is a code."""
    while error is not None:
        if isinstance(error, ApplicationError):
            code = lookup(error.type or "")
            if code is not None:
                told = error.details[0] if error.details and isinstance(error.details[0], dict) else {}
                return DomainError(code, told.get("message"), told.get("details"))
        cause = error.cause if isinstance(error, FailureError) else None
        error = cause or error.__cause__
    return None


def _invalid(error: RequestValidationError) -> DomainError:
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return platform.REQUEST_MALFORMED.error()
    fields = [
        {
            "field": ".".join(_printable(part) for part in problem["loc"]),
            # A message of our own may be trusted not to hold the value; pydantic's ``input`` is left out.
            "problem": problem["msg"],
        }
        for problem in problems[:20]
    ]
    return platform.REQUEST_INVALID.error(errors=fields)


def _printable(part: object) -> str:
    """A path's step. Names of unknown fields are the caller's own and may be anything."""
    return re.sub(r"[^\w.\-]", "?", str(part)[:60], flags=re.ASCII)


def _filled(action: str, known: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(known.get(found[1], found[0])), action)


def problem_body(refused: DomainError, instance: str, path_params: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a refusal, as JSON values."""
    code = lookup(refused.code)
    known = {**path_params, **refused.details}
    own = {"type", "title", "status", "detail", "code", "instance", "next_actions", "retry_after_seconds"}
    return {
        "type": f"/problems/{refused.code}",
        "title": code.meaning if code else refused.message,
        "status": status_of(refused),
        "detail": refused.message,
        "code": refused.code,
        "instance": instance,
        "next_actions": [_filled(action, known) for action in (code.next_actions if code else ())],
        **{name: _json_value(value) for name, value in refused.details.items() if name not in own},
    }


def _json_value(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class Dialect:
    """How refusals read under addresses that speak another protocol's language, and their status in it."""

    speaks: Callable[[Scope], bool]
    status: Callable[[DomainError, Request], int]
    body: Callable[[DomainError, Request], dict[str, Any]]


DIALECTS: list[Dialect] = []


def refusal_text(refused: DomainError, request: Request) -> tuple[int, str]:
    """Status and JSON of a refusal, in the language its address speaks: by default a problem document."""
    for dialect in DIALECTS:
        if dialect.speaks(request.scope):
            return dialect.status(refused, request), json.dumps(dialect.body(refused, request), default=str)
    body = problem_body(refused, request.url.path, request.path_params)
    return body["status"], json.dumps(body, default=str)


def problem_response(refused: DomainError, request: Request, headers: Mapping[str, str] | None = None) -> Response:
    status, text = refusal_text(refused, request)
    return document(status, text, refused, headers, scope=request.scope)


def document(
    status: int,
    text: str,
    refused: DomainError | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    scope: Scope | None = None,
) -> Response:
    """A response made of JSON text: from 400 on a problem document, unless ``scope`` speaks a dialect."""
    plain = status < 400 or (scope is not None and any(dialect.speaks(scope) for dialect in DIALECTS))
    response = Response(text, status, dict(headers or {}), "application/json" if plain else PROBLEM_MEDIA_TYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="souk"'
    wait = refused.details.get("retry_after_seconds") if refused else None
    if wait is None and (status in (429, 503) or (refused and refused.code == platform.IDEMPOTENCY_IN_FLIGHT.code)):
        wait = _RETRY_AFTER_SECONDS
    if wait is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return response


async def answer_refusal(request: Request, error: Exception) -> Response:
    """The response to an error that refuses. Raises the error itself when it is a fault."""
    refused = refusal_of(error)
    if refused is None:
        raise error
    headers = error.headers if isinstance(error, HTTPException) else None
    if refused.code == platform.METHOD_NOT_ALLOWED.code:
        headers = _allow(request) or headers
    return problem_response(refused, request, headers)


def _allow(request: Request) -> dict[str, str]:
    """Every documented method of the address: the framework's own list stops at the first of its routes."""
    found = {
        method.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].match(request.url.path)
        for method in operations
    }
    found |= {"HEAD"} if "GET" in found else set()
    return {"Allow": ", ".join(sorted(found))} if found else {}


def install_handlers(app: FastAPI) -> None:
    """Every named refusal becomes a problem document; the rest reaches the one handler of faults."""
    for kind in (
        DomainError, RequestValidationError, HTTPException, psycopg.Error,
        TemporalError, RPCError, TimeoutError, ConnectionError, RuntimeError,
    ):  # fmt: skip
        app.add_exception_handler(kind, answer_refusal)


_COMMON = (
    platform.AUTH_REQUIRED,
    platform.AUTH_INVALID,
    platform.REQUEST_INVALID,
    platform.RATE_LIMITED,
    platform.UNAVAILABLE,
)
Responses = dict[int | str, dict[str, Any]]


def errors(*codes: ErrorCode) -> Responses:
    """The ``responses=`` of a route: every code it can refuse with, each with its document as an example."""
    responses: Responses = {}
    for code in dict.fromkeys((*codes, *_COMMON)):
        status = status_of(code)
        entry = responses.setdefault(
            status,
            {
                "description": "",
                "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        entry["content"][PROBLEM_MEDIA_TYPE]["examples"][code.code] = {
            "summary": code.meaning,
            "value": problem_body(code.error(), "/v1/...", {}),
        }
        entry["description"] = ", ".join(entry["content"][PROBLEM_MEDIA_TYPE]["examples"])
    return responses
