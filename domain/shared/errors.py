"""What can go wrong, said once.

A rule raises ``DomainError``; it knows a stable code and a kind, never an HTTP status. ``api/errors.py``
turns kinds into statuses, the activity interceptor turns the error into a non-retryable
``ApplicationError`` whose type is the code. Every code is declared with :func:`declare`, so the OpenAPI
document can list the codes a route may answer with, and a typo fails at import.
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


def lookup(code: str) -> ErrorCode | None:
    """The declared code, or None for one that is not in the catalogue (a fault, not a refusal)."""
    return CATALOGUE.get(code)
