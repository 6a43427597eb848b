"""Opening encrypted Temporal payloads for an operator's eyes: the codec endpoint of the Temporal UI.

Everything Temporal stores is encrypted, terms of offers included. Who looks says why, and every look is on
record before anything is shown. The UI's browser sends no bearer key, so an operator first opens a session:
a signed cookie that holds the key's id, the reason and an end; revoking the key ends its sessions.
"""

import base64
import hmac
import json
import time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payloads

from api.context import AppContext, Context
from api.errors import errors
from api.platform.auth import AnOperator, Identity, Operator, identity
from api.platform.idempotency import AnsweredError, FactDep
from api.platform.schemas import Reason, RequestModel, ResponseModel, example
from config.settings import Settings
from db.platform.ids import new_id
from db.platform.keys import find_owner, insert_audit_entry
from db.platform.tables import ApiKeyKind
from domain.platform import errors as platform
from workflows.codec import EncryptionCodec, parse_key_ring

router = APIRouter(tags=["operations"])

COOKIE = "souk_operator"
SESSION_SECONDS = 8 * 3600
BODY_BYTES = {"/codec/encode": 8 * 1024 * 1024, "/codec/decode": 8 * 1024 * 1024}
"""A page of history is larger than any request."""

_PAYLOADS: dict[str, Any] = {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "eyJhIjoxfQ=="}]}
_BASE64 = {"type": "string", "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}
# In protobuf's JSON null stands for what was left out.
_PAYLOAD = {
    "metadata": {"type": ["object", "null"], "additionalProperties": _BASE64},
    "data": {**_BASE64, "type": ["string", "null"]},
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "payloads": {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": _PAYLOAD, "additionalProperties": False},
        }
    },
    "additionalProperties": False,
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _SCHEMA, "example": _PAYLOADS}},
    }
}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "Payloads", "content": {"application/json": {"example": _PAYLOADS}}}
}


class SessionIn(RequestModel):
    reason: Reason
    model_config = example({"reason": "Ticket 812: an order that was not delivered"})


class SessionOut(ResponseModel):
    expires_in_seconds: int
    model_config = example({"expires_in_seconds": SESSION_SECONDS})


def origins(settings: Settings) -> list[str]:
    """Who may call /codec from a browser: the Temporal UI, and what settings add."""
    return [origin.rstrip("/") for origin in (*settings.temporal_codec_origins, settings.temporal_ui_url) if origin]


class CodecCors:
    """CORS for /codec and for nothing else."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["POST"],
            allow_headers=["content-type", "authorization", "x-namespace", "x-souk-reason"],
            allow_credentials=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"].startswith("/codec/")
        await (self.shared if shared else self.app)(scope, receive, send)


def _sign(context: AppContext, text: bytes) -> str:
    secret = context.settings.credential_secret.get_secret_value().encode()
    return hmac.digest(secret, b"operator-session:" + text, "sha256").hex()


def _seal(context: AppContext, key_id: UUID, reason: str) -> str:
    ends = int(time.time()) + SESSION_SECONDS  # noqa: TID251 - a session's end is the API's own clock
    text = base64.urlsafe_b64encode(json.dumps([str(key_id), reason, ends]).encode())
    return f"{text.decode()}.{_sign(context, text)}"


def set_cookie(context: AppContext, request: Request, answer: Response, operator: Operator, reason: str) -> None:
    """Let this browser decode payloads, for that reason. Whoever calls it writes the reason down."""
    answer.set_cookie(
        COOKIE,
        _seal(context, operator.key_id, reason),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=context.settings.is_https or request.url.scheme == "https",
        path="/codec",
    )


def clear_cookie(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/codec", httponly=True, samesite="strict")


def _unseal(context: AppContext, cookie: str) -> tuple[UUID, str] | None:
    text, _, signature = cookie.partition(".")
    if not cookie.isascii() or not hmac.compare_digest(signature, _sign(context, text.encode())):
        return None
    key_id, reason, ends = json.loads(base64.urlsafe_b64decode(text))
    return (UUID(key_id), reason) if ends > time.time() else None  # noqa: TID251


class Looker:
    """The operator who asks, by key or by session, and the reason given."""

    def __init__(self, operator: Operator, reason: str | None) -> None:
        self.operator = operator
        self.reason = reason


async def session_or_key(
    request: Request, context: Context, found: Annotated[Identity | None, Depends(identity)]
) -> Looker:
    """Raises auth.required, auth.operator_required. Looks at no other header: who may not look hears so first."""
    if isinstance(found, Operator):
        return Looker(found, None)
    if found is not None:
        raise platform.OPERATOR_REQUIRED.error()
    session = _unseal(context, request.cookies.get(COOKIE, ""))
    if session is None:
        raise platform.AUTH_REQUIRED.error()
    owner = await find_owner(context.admission, session[0], None)
    if owner is None or owner.kind is not ApiKeyKind.OPERATOR:
        raise platform.AUTH_INVALID.error()
    return Looker(Operator(owner.key_id), session[1])


async def looker(
    known: Annotated[Looker, Depends(session_or_key)],
    reason: Annotated[Reason | None, Header(alias="X-Souk-Reason")] = None,
) -> Looker:
    """A reason in the request goes before the session's."""
    return Looker(known.operator, reason or known.reason)


@router.post("/v1/operators/session", response_model=SessionOut, responses=errors(platform.OPERATOR_REQUIRED))
async def open_codec_session(
    body: SessionIn, request: Request, operator: AnOperator, fact: FactDep, context: Context
) -> Response:
    """Open a session for the Temporal UI: sets a cookie that lets this browser decode payloads, with a reason."""
    try:
        async with fact.begin():
            insert_audit_entry(fact.session, fact.command_id, operator.key_id, "session.open", body.reason, {})
            answer = await fact.answer(SessionOut(expires_in_seconds=SESSION_SECONDS))
    except AnsweredError as again:
        answer = again.response
    set_cookie(context, request, answer, operator, body.reason)
    return answer


async def _payloads(request: Request) -> Payloads:
    raw = await request.body()
    try:
        payloads = Parse(raw, Payloads())
        for payload in json.loads(raw).get("payloads") or ():
            # protobuf leaves out what is no base64 and reads on: what then comes back is not what was sent.
            for text in (payload.get("data"), *(payload.get("metadata") or {}).values()):
                base64.b64decode(text or "", validate=True)
    except (ParseError, ValueError, RecursionError):
        raise platform.REQUEST_MALFORMED.error() from None
    return payloads


def _codec(context: AppContext) -> EncryptionCodec:
    return EncryptionCodec(parse_key_ring(context.settings.payload_keys.get_secret_value()))


LookerDep = Annotated[Looker, Depends(looker)]


@router.post(
    "/codec/encode",
    responses={**errors(platform.OPERATOR_REQUIRED, platform.REQUEST_MALFORMED), **_ANSWER},
    openapi_extra=_BODY,
)
async def encode_payloads(request: Request, _: LookerDep, context: Context) -> JSONResponse:
    """Encrypt payloads an operator wants to send to a process."""
    payloads = await _payloads(request)
    sealed = await _codec(context).encode(list(payloads.payloads))
    return JSONResponse(MessageToDict(Payloads(payloads=sealed)))


@router.post(
    "/codec/decode",
    responses={
        **errors(platform.OPERATOR_REQUIRED, platform.REASON_REQUIRED, platform.REQUEST_MALFORMED),
        **_ANSWER,
    },
    openapi_extra=_BODY,
)
async def decode_payloads(request: Request, who: LookerDep, context: Context) -> JSONResponse:
    """Open encrypted payloads. Needs a reason, and leaves an entry in the operators' log."""
    if who.reason is None:
        raise platform.REASON_REQUIRED.error()
    payloads = await _payloads(request)
    async with context.database.session() as session:
        meta: dict[str, int | str] = {"payloads": len(payloads.payloads)}
        insert_audit_entry(session, new_id(), who.operator.key_id, "codec.decode", who.reason, meta)
    try:
        opened = await _codec(context).decode(payloads.payloads)
    except ValueError:  # KeyRingError is one; a payload cut short is another
        field = {"field": "body.payloads", "problem": "a payload does not open with any key of the ring"}
        raise platform.REQUEST_INVALID.error(errors=[field]) from None
    return JSONResponse(MessageToDict(Payloads(payloads=opened)))
