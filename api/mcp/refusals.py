"""Refusals as tools tell them: the problem document of the REST API, its ways on named by tools.

What a model reads is code, detail and next_actions; a way on that no tool offers stays a REST call.
"""

import re
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from api.errors import problem_body, refusal_of
from domain.platform import errors as platform
from domain.platform.errors import DomainError

_ID = r"[^\s/,;]+?"
_TOOLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), tool)
    for pattern, tool in (
        (rf"POST /v1/threads then POST /v1/threads/{_ID}/messages", "the tool ask"),
        (rf"POST /v1/offers/({_ID})/counter", r"the tool counter_offer with offer_id \1"),
        (rf"POST /v1/offers/({_ID})/(accept|reject|withdraw)", r"the tool decide_offer with \2 and offer_id \1"),
        (r"POST /v1/offers(?![/\w])", "the tool make_offer"),
        (rf"POST /v1/orders/{_ID}/refund-request", "the tool settle_order with request_refund"),
        (rf"POST /v1/orders/{_ID}/(cancel|decline|appeal)", r"the tool settle_order with \1"),
        (rf"POST /v1/orders/{_ID}/payment", "the tool confirm_payment"),
        (r"POST /v1/orders(?![/\w])", "the tool buy"),
        (r"GET /v1/(?:offers|orders)/([^\s/,;]+)", r"the tool my_deals with id \1"),
        (r"GET /v1/listings/([^\s/,;]+)(?:/gating)?", r"the tool look_at_listing with listing_id \1"),
        (r"GET /v1/(?:inbox|activity)(?![/\w])", "the tool read_inbox"),
        (r"(?:an |the |this |same )?Idempotency-Key", "request_id"),
        (r"use a fresh key", "use a fresh request_id"),
        (r"Retry-After", "retry_after_seconds"),
    )
)
_TOLD = ("code", "detail", "next_actions")


class Refused(ToolError):  # noqa: N818 - it is no error of anybody's
    """The market said no. ``problem`` is what the caller is told."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.problem = dict(problem)


def in_tools(text: str) -> str:
    """A sentence of ours that names REST calls, naming tools. Never given anybody else's words."""
    for pattern, tool in _TOOLS:
        text = pattern.sub(tool, text)
    return text


def told_for_tools(document: Mapping[str, Any], retry_after: str | None = None) -> dict[str, Any]:
    """What a tool tells of a problem document; members of its own, such as ``ways``, are kept."""
    unsaid = {"type", "title", "instance", *_TOLD}
    told: dict[str, Any] = {
        "code": document["code"],
        "detail": in_tools(document["detail"]),
        "next_actions": [in_tools(action) for action in document["next_actions"]],
        **{name: value for name, value in document.items() if name not in unsaid},
    }
    if "ways" in told:
        told["ways"] = [{**way, "call": in_tools(way["call"])} for way in told["ways"]]
    if retry_after is not None:
        told["retry_after_seconds"] = int(retry_after)
    return told


def told(refused: DomainError) -> dict[str, Any]:
    """A refusal that no route made."""
    return told_for_tools(problem_body(refused, "/mcp", {}))


def arguments_refused(error: ValidationError) -> dict[str, Any]:
    """Which arguments do not fit, and why; their values are not repeated."""
    refused = refusal_of(RequestValidationError(error.errors()))
    assert refused is not None
    return told(refused) | {"next_actions": ["call the tool again with arguments that fit its input schema"]}


def fault() -> dict[str, Any]:
    return told(platform.INTERNAL.error())
