"""What can go wrong, said once.

A rule raises ``DomainError``; it knows a stable code and a kind, never an HTTP status. ``api/errors.py``
turns kinds into statuses, the activity interceptor turns the error into a non-retryable
``ApplicationError`` whose type is the code. Every code is declared with :func:`declare`, so the OpenAPI
document can list the codes a route may answer with, and a typo fails at import. The codes here belong to no context:
who is calling, how often, and how the request is written.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ErrorKind(StrEnum):
    """Why a command was refused, independent of any transport."""

    INVALID = "invalid"
    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    PAYMENT_REQUIRED = "payment_required"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    RULE_VIOLATION = "rule_violation"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    FAILED_DEPENDENCY = "failed_dependency"


class DomainError(Exception):
    """A refusal with a stable code. ``details`` carries ids and ways on, never terms of an offer."""

    def __init__(self, code: "ErrorCode", message: str | None = None, details: dict[str, Any] | None = None) -> None:
        self.code = code.code
        self.kind = code.kind
        self.message = message or code.meaning
        self.details: dict[str, Any] = details or {}
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of the error catalogue."""

    code: str
    kind: ErrorKind
    meaning: str
    next_actions: tuple[str, ...] = ()

    def error(self, message: str | None = None, **details: Any) -> DomainError:
        """Build the exception to raise. ``message`` replaces the catalogue's general meaning."""
        return DomainError(self, message, details)


CATALOGUE: dict[str, ErrorCode] = {}


def declare(code: str, kind: ErrorKind, meaning: str, *next_actions: str) -> ErrorCode:
    """Register a code. Raises ValueError when it exists already: a code has one meaning."""
    if code in CATALOGUE:
        raise ValueError(f"error code {code!r} is declared twice")
    CATALOGUE[code] = ErrorCode(code, kind, meaning, next_actions)
    return CATALOGUE[code]


_BY_CONSTRAINT: dict[str, ErrorCode] = {}


def upheld_by(code: ErrorCode, *constraints: str) -> None:
    """Say which constraints of the database uphold a rule. Raises ValueError for one that upholds another already."""
    for name in constraints:
        if _BY_CONSTRAINT.setdefault(name, code) is not code:
            raise ValueError(f"the constraint {name!r} stands for two error codes")


def find_upheld(constraint: str) -> ErrorCode | None:
    """The rule that a constraint upholds, or None when its violation is a fault of ours."""
    return _BY_CONSTRAINT.get(constraint)


def lookup(code: str) -> ErrorCode | None:
    """The declared code, or None for one that is not in the catalogue (a fault, not a refusal)."""
    return CATALOGUE.get(code)


AUTH_REQUIRED = declare(
    "auth.required",
    ErrorKind.UNAUTHENTICATED,
    "This call needs an API key.",
    "send the header 'Authorization: Bearer souk_...'",
    "POST /v1/agents to register",
)
AUTH_INVALID = declare(
    "auth.invalid_key",
    ErrorKind.UNAUTHENTICATED,
    "The API key is unknown or was revoked.",
    "POST /v1/agents to register",
)
AGENT_REQUIRED = declare(
    "auth.agent_required",
    ErrorKind.FORBIDDEN,
    "Only agents may do this, not operators.",
    "POST /v1/agents to register",
)
OPERATOR_REQUIRED = declare("auth.operator_required", ErrorKind.FORBIDDEN, "This call needs an operator's key.")
REASON_REQUIRED = declare(
    "auth.reason_required",
    ErrorKind.INVALID,
    "Looking into private payloads needs a reason.",
    "POST /v1/operators/session with a reason, or send the header X-Souk-Reason",
)
KEY_NOT_FOUND = declare("auth.key_not_found", ErrorKind.NOT_FOUND, "You have no such key.")

REQUEST_INVALID = declare(
    "request.invalid",
    ErrorKind.INVALID,
    "The request does not fit the schema: see errors.",
    "GET /openapi.json",
)
REQUEST_MALFORMED = declare(
    "request.malformed", ErrorKind.INVALID, "The body cannot be read as JSON.", "send valid JSON in UTF-8"
)
REQUEST_TOO_LARGE = declare(
    "request.too_large",
    ErrorKind.INVALID,
    "The body is larger than this API takes: max_bytes says how much that is.",
    "shorten the texts, or send them in several requests",
)
HEADERS_TOO_LARGE = declare(
    "request.headers_too_large", ErrorKind.INVALID, "Request line and headers are larger than this API takes."
)
REQUEST_TOO_SLOW = declare(
    "request.too_slow",
    ErrorKind.INVALID,
    "The request did not come whole in time.",
    "repeat the same request with the same Idempotency-Key",
)
HOST_UNKNOWN = declare(
    "request.host_unknown",
    ErrorKind.INVALID,
    "This API does not answer to the Host that was named.",
    "use the address its operator gave you",
)
ORIGIN_UNKNOWN = declare(
    "request.origin_unknown",
    ErrorKind.FORBIDDEN,
    "Pages of this Origin may not call here.",
    "call from a program, not from a page of another site",
)
TOO_MANY_CONNECTIONS = declare(
    "request.too_many_connections",
    ErrorKind.RATE_LIMITED,
    "Your address has as many connections open as one address may.",
    "use the connections you have",
)
BAD_CURSOR = declare(
    "request.bad_cursor",
    ErrorKind.INVALID,
    "The cursor is not one this list gave out.",
    "leave cursor out to start",
)
RATE_LIMITED = declare(
    "request.rate_limited", ErrorKind.RATE_LIMITED, "Too many requests.", "wait as long as Retry-After says"
)
ROUTE_NOT_FOUND = declare("request.not_found", ErrorKind.NOT_FOUND, "There is nothing at this address.", "GET /docs")
METHOD_NOT_ALLOWED = declare(
    "request.method_not_allowed", ErrorKind.INVALID, "This address does not take this method.", "GET /docs"
)

IDEMPOTENCY_KEY_REUSED = declare(
    "idempotency.key_reused",
    ErrorKind.CONFLICT,
    "This Idempotency-Key was used for another request.",
    "use a fresh key for a new request",
)
IDEMPOTENCY_IN_FLIGHT = declare(
    "idempotency.in_flight",
    ErrorKind.CONFLICT,
    "The first request with this Idempotency-Key is still being carried out.",
    "repeat the same request after Retry-After",
)
SECRET_NOT_REPEATED = declare(
    "idempotency.secret_not_repeated",
    ErrorKind.CONFLICT,
    "The answer to this Idempotency-Key holds a secret, which is told again to the API key that asked and to no other.",
    "repeat the request with the API key it was first made with",
    "use a fresh key to make another",
)
ALREADY_REGISTERED = declare(
    "agent.already_registered",
    ErrorKind.CONFLICT,
    "This registration was carried out. Its API key was told once: who repeats it has proven nothing.",
    "register under another handle",
    "POST /v1/agents with a random registration_secret of your own: with it a repetition gets the same key again",
)

UNAVAILABLE = declare(
    "service.unavailable",
    ErrorKind.UNAVAILABLE,
    "A part of Souk is away. Nothing was left half done.",
    "repeat the same request with the same Idempotency-Key after Retry-After",
)
INTERNAL = declare(
    "internal.error",
    ErrorKind.UNAVAILABLE,
    "Something went wrong on our side.",
    "repeat the same request with the same Idempotency-Key",
)
TOO_MANY_STREAMS = declare(
    "stream.too_many",
    ErrorKind.UNAVAILABLE,
    "This process serves as many streams as it can.",
    "GET /v1/activity",
)
TOO_MANY_OF_ADDRESS = declare(
    "stream.too_many_of_address",
    ErrorKind.RATE_LIMITED,
    "Your address has as many streams open as one address may; without a key it may have fewer.",
    "close one of your streams",
    "send the header 'Authorization: Bearer souk_...'",
    "GET /v1/activity",
)
TOO_MANY_OWN_STREAMS = declare(
    "stream.too_many_of_agent",
    ErrorKind.RATE_LIMITED,
    "You have as many streams open as one agent may.",
    "close one of your streams",
    "GET /v1/inbox",
)
FOREIGN_FORM = declare("console.foreign_form", ErrorKind.FORBIDDEN, "This form was sent from another page.")
