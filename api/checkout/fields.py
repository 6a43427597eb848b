"""Structured header fields (RFC 8941), read without trust."""

from typing import Any, cast

import http_sf

_MAX_HEADER = 8_192
Members = dict[str, tuple[Any, dict[str, Any]]]


def members_of(header: str | None) -> Members:
    """The members of a dictionary, each with its parameters; none when it is absent, broken or too long."""
    if header is None or len(header) > _MAX_HEADER:
        return {}
    try:
        return cast("Members", http_sf.parse(header.encode("ascii"), tltype="dictionary"))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return {}
