"""What an Idempotency-Key is, which requests are the same, and which refusals are kept as answers."""

import hashlib
import hmac
import json
import re
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request

from domain.platform import errors
from domain.platform.errors import DomainError, ErrorKind

_SHAPE = re.compile(r"[\x21-\x7e]{1,255}")
_NOT_KEPT_KINDS = {ErrorKind.UNAUTHENTICATED, ErrorKind.RATE_LIMITED, ErrorKind.UNAVAILABLE}
_NOT_KEPT_CODES = {
    errors.IDEMPOTENCY_KEY_REUSED.code,
    errors.IDEMPOTENCY_IN_FLIGHT.code,
    errors.REQUEST_INVALID.code,
    errors.REQUEST_MALFORMED.code,
    errors.REQUEST_TOO_LARGE.code,
    errors.AGENT_REQUIRED.code,
    errors.OPERATOR_REQUIRED.code,
}

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="1 to 255 visible ASCII characters; a repetition with the same key is answered the same",
        examples=["3c1f8a52-order-1"],
    ),
]


def check_key(key: str) -> None:
    """Raises request.invalid."""
    if not _SHAPE.fullmatch(key):
        field = {"field": "header.Idempotency-Key", "problem": "1 to 255 visible ASCII characters"}
        raise errors.REQUEST_INVALID.error(errors=[field])


def is_kept(refused: DomainError) -> bool:
    """Not what a caller can cure without changing the request: who it is, how often it asks, what is away."""
    return refused.kind not in _NOT_KEPT_KINDS and refused.code not in _NOT_KEPT_CODES


async def request_hash(request: Request) -> bytes:
    """Method, path and body; the body's meaning counts, not its spelling."""
    raw = await request.body()
    try:
        canonical = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")) if raw else ""
    except (ValueError, RecursionError):
        raise errors.REQUEST_MALFORMED.error() from None
    return hashlib.sha256(f"{request.method}\n{request.url.path}\n{canonical}".encode()).digest()


def stranger_scope(pepper: bytes, key: str, request: bytes, proof: str | None) -> UUID:
    """Where the records of a caller without credentials are: by the hash of the secret it brings.

    Whoever guesses the key finds another scope, and blocks nothing in this one. Without a secret it is the scope of
    this one request (its hash), in which no other body can be in the way.
    """
    known_by = b"request:" + key.encode() + b"\n" + request if proof is None else b"proof:" + proof.encode()
    return UUID(bytes=hmac.digest(pepper, b"stranger:" + known_by, "sha256")[:16])
