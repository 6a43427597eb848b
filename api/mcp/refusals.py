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
from domain.market.states import InteractionType
from domain.platform import errors as platform
from domain.platform.errors import DomainError

_ID = r"[^\s/,;]+?"
_TOOLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), tool)
    for pattern, tool in (
        (rf"POST /v1/threads then POST /v1/threads/{_ID}/messages", "the tool ask"),
        (r"POST /v1/threads(?![/\w])", "the tool ask with listing_id or store_id"),
        (r"GET /v1/threads(?![/\w])", "the tool look_at_listing, which shows a listing's threads"),
        (r"GET /v1/(?:listings|products)(?![/\w])", "the tool find_listings"),
        (r"GET /v1/(?:offers|orders|agents/me)(?![/\w])", "the tool my_deals"),
        (r"POST /v1/reviews(?![/\w])", "the tool review"),
        (r"GET /openapi\.json", "call it again with arguments that fit its input schema"),
        (r"\bcontext_(listing_id|store_id)\b", r"\1"),
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
_FIELDS = {
    "body": "text",
    "buyer_message": "message",
    "context_listing_id": "listing_id",
    "context_store_id": "store_id",
    "proposed_price_cents": "price_cents",
    "q": "query",
}
"""Arguments of tools by the fields of the REST API that they become, where the names differ."""
_WAY_CALLS = {
    InteractionType.QUESTION_POSTED: "the tool ask with listing_id {listing_id}",
    InteractionType.OFFER_MADE: "the tool make_offer with listing_id {listing_id}",
    InteractionType.LOOKING_FOR_PARTICIPATION: "the tool ask with the thread_id of such a thread",
}
_ARGUMENTS = "arguments"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_UNKNOWN = re.compile(r" (?:with|and) \w+ \{\w+\}")


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


def way_in_tools(way: Mapping[str, Any]) -> dict[str, Any]:
    """A way to satisfy gating; its call has a placeholder for the listing's id."""
    return {**way, "how": in_tools(way["how"]), "call": _WAY_CALLS[InteractionType(way["type"])]}


def with_ids(text: str, known: Mapping[str, Any]) -> str:
    """A way on with the ids that are known; what names another one says no more than the tool."""
    text = _PLACEHOLDER.sub(lambda found: str(known.get(found[1], found[0])), text)
    return _UNKNOWN.sub("", text)


def fill_ids(problem: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A problem whose ways on name the ids that the tool was called with."""
    known = {name: value for name, value in arguments.items() if name.endswith("_id") and value is not None}
    filled = {**problem, "next_actions": [with_ids(action, known) for action in problem["next_actions"]]}
    if "ways" in problem:
        filled["ways"] = [{**way, "call": with_ids(way["call"], known)} for way in problem["ways"]]
    return filled


def _argument(field: str, names: Mapping[str, str]) -> str:
    """The argument that a field of a request came from: ``body.proposed_price_cents`` is price_cents."""
    place, _, path = field.partition(".")
    if place == _ARGUMENTS:
        return path
    first, dot, rest = path.partition(".")
    return f"{names.get(first, _FIELDS.get(first, first))}{dot}{rest}"


def told_for_tools(
    document: Mapping[str, Any], retry_after: str | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a tool tells of a problem document; members of its own, such as ``ways``, are kept.

    ``names`` are arguments of this tool by fields, where it has other ones than the rest.
    """
    unsaid = {"type", "title", "instance", *_TOLD}
    told: dict[str, Any] = {
        "code": document["code"],
        "detail": in_tools(document["detail"]),
        "next_actions": [in_tools(action) for action in document["next_actions"]],
        **{name: value for name, value in document.items() if name not in unsaid},
    }
    if "ways" in told:
        told["ways"] = [way_in_tools(way) for way in told["ways"]]
    if "errors" in told:
        told["errors"] = [{**error, "field": _argument(error["field"], names or {})} for error in told["errors"]]
    if retry_after is not None:
        told["retry_after_seconds"] = int(retry_after)
    return told


def told(refused: DomainError) -> dict[str, Any]:
    """A refusal that no route made."""
    return told_for_tools(problem_body(refused, "/mcp", {}))


def arguments_refused(error: ValidationError) -> dict[str, Any]:
    """Which arguments do not fit, and why; their values are not repeated."""
    problems = [{**problem, "loc": (_ARGUMENTS, *problem["loc"])} for problem in error.errors()]
    refused = refusal_of(RequestValidationError(problems))
    assert refused is not None
    return told(refused)


def fault() -> dict[str, Any]:
    return told(platform.INTERNAL.error())
