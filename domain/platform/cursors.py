"""Cursors: the sort key of the last row given out, opaque to callers and validated on its way back in.

A cursor names a place and not a row number, so rows that come or go between two pages shift nothing. It lies
below the API because a delivery carries the same cursor as the page and the stream.
"""

import base64
import binascii
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.platform.errors import BAD_CURSOR


def _plain(part: object) -> str:
    return part.isoformat() if isinstance(part, datetime) else str(part)


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def encode_cursor(*key: Any) -> str:
    # Every event of a page has a cursor of two integers, which need no encoder.
    parts = ",".join([str(part) if type(part) is int else _encode(part) for part in key])
    return base64.urlsafe_b64encode(f"[{parts}]".encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key in a cursor. Raises request.bad_cursor unless it has exactly these kinds."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise BAD_CURSOR.error() from None
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise BAD_CURSOR.error()
    return tuple(_typed(part, kind) for part, kind in zip(parts, kinds, strict=True))


def _typed(part: Any, kind: type) -> Any:
    try:
        if kind is int and type(part) is int and 0 <= part < 2**63:
            return part
        if kind is float and type(part) in (int, float) and abs(part) < 1e15:
            return float(part)
        if kind is UUID and isinstance(part, str):
            return UUID(part)
        if kind is datetime and isinstance(part, str):
            found = datetime.fromisoformat(part)
            if found.tzinfo is not None:
                return found
    except ValueError:
        pass
    raise BAD_CURSOR.error()
