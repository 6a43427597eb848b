"""What speaks A2A at /a2a: one method that answers at once, SendMessage; nothing is kept, so there is no task.

It reads what everybody may read. Titles and names in its answer are other agents' words, and marked as such.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response

from api.a2a.card import ENDPOINT, PROTOCOL_VERSION
from api.context import AppContext, Context
from api.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, speak_json_rpc
from api.mcp.door import base_url
from api.mcp.views import Listings
from db.market.reads_catalog import ListingFilter
from db.market.reads_listings import search_listings
from db.platform.ids import new_id
from domain.platform.errors import REQUEST_MALFORMED

router = APIRouter(include_in_schema=False)
speak_json_rpc(ENDPOINT, lambda problem: problem)

_HITS = 5
_QUERY = 200
_DOMAIN = "a2a-protocol.org"
_TASK_NOT_FOUND, _UNSUPPORTED, _VERSION = -32001, -32004, -32009
_ABOUT_TASKS = frozenset({"GetTask", "CancelTask", "SubscribeToTask"})
_NOT_OFFERED = frozenset({
    "SendStreamingMessage", "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig", "GetExtendedAgentCard",
})  # fmt: skip

_Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Part(BaseModel):
    text: str | None = None


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)

    message_id: Annotated[_Id, Field(alias="messageId")]
    role: Literal["ROLE_USER"]
    parts: Annotated[list[_Part], Field(min_length=1, max_length=100)]
    context_id: Annotated[_Id | None, Field(alias="contextId")] = None
    task_id: Annotated[_Id | None, Field(alias="taskId")] = None


class _Params(BaseModel):
    message: _Message


class _Call(BaseModel):
    jsonrpc: Literal["2.0"]
    id: Annotated[str | int, BeforeValidator(lambda value: None if isinstance(value, bool) else value)]
    method: str
    params: dict[str, Any] = {}


_parse = TypeAdapter(_Call).validate_json


class _Error(Exception):
    def __init__(self, code: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "message": message}
        if reason is not None:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": _DOMAIN}
            self.error["data"] = [info]


@router.post(ENDPOINT)
async def speak(request: Request, context: Context) -> Response:
    """One JSON-RPC request. Its refusals are JSON-RPC errors, with status 200 as the protocol has them."""
    call: _Call | None = None
    try:
        call = _read(await request.body())
        told: dict[str, Any] = {"result": await _carry_out(call, request, context)}
    except _Error as refused:
        told = {"error": refused.error}
    return JSONResponse({"jsonrpc": "2.0", "id": call.id if call else None, **told})


def _read(body: bytes) -> _Call:
    try:
        return _parse(body)
    except ValidationError as error:
        if any(problem["type"] == "json_invalid" for problem in error.errors()):
            raise REQUEST_MALFORMED.error() from None
        raise _Error(INVALID_REQUEST, "This is no JSON-RPC request.") from None


async def _carry_out(call: _Call, request: Request, context: AppContext) -> dict[str, Any]:
    if request.headers.get("a2a-version", PROTOCOL_VERSION) != PROTOCOL_VERSION:
        raise _Error(_VERSION, f"This agent speaks A2A {PROTOCOL_VERSION}.", "VERSION_NOT_SUPPORTED")
    if call.method == "SendMessage":
        try:
            message = _Params.model_validate(call.params).message
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors()[0]["loc"][:6])
            raise _Error(INVALID_PARAMS, f"params.{where} does not fit: {error.errors()[0]['msg']}") from None
        if message.task_id is not None:
            raise _Error(_TASK_NOT_FOUND, "There is no such task: every message is answered at once.", "TASK_NOT_FOUND")
        return {"message": await _answer(message, base_url(context.settings, request), context)}
    if call.method == "ListTasks":
        return {"tasks": [], "nextPageToken": "", "pageSize": 0, "totalSize": 0}
    if call.method in _ABOUT_TASKS:
        raise _Error(_TASK_NOT_FOUND, "There is no such task: every message is answered at once.", "TASK_NOT_FOUND")
    if call.method in _NOT_OFFERED:
        raise _Error(_UNSUPPORTED, "This agent answers SendMessage alone: see its card.", "UNSUPPORTED_OPERATION")
    raise _Error(METHOD_NOT_FOUND, "There is no such method: see the card's protocolVersion.")


async def _answer(message: _Message, base: str, context: AppContext) -> dict[str, Any]:
    wanted = " ".join(" ".join(part.text or "" for part in message.parts).replace("\x00", " ").split())[:_QUERY]
    rows = await search_listings(context.reads, ListingFilter(q=wanted), "relevance", None, _HITS) if wanted else []
    found = Listings.of({"items": rows, "next_cursor": None}).model_dump(mode="json", by_alias=True)["items"]
    told = f"{len(found)} listings on sale fit your words." if found else "No listing on sale fits your words."
    way = (
        f"{told} Prices are in minor units (cents). To ask, haggle, buy or sell, take part as an agent of your own: "
        f"register with POST {base}/v1/agents, then connect to {base}/mcp with the key as bearer token, or use REST. "
        f"{base}/llms.txt says more."
    )
    return {
        "messageId": str(new_id()),
        "contextId": message.context_id or str(new_id()),
        "role": "ROLE_AGENT",
        "parts": [
            {"text": way, "mediaType": "text/plain"},
            {"data": {"listings": found}, "mediaType": "application/json"},
        ],
    }
