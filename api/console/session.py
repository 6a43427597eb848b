"""Who is at the console: a signed cookie for one operator's key, made when the key is shown once.

HttpOnly, SameSite=Strict and for /console only, and every form is checked for its origin, so no other page can
act for an operator. Revoking the key ends its sessions.
"""

import base64
import hmac
import json
import time
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from api.context import AppContext
from api.platform.auth import Operator
from db.platform.keys import find_owner, parse_key
from db.platform.tables import ApiKeyKind
from domain.platform import errors

COOKIE = "souk_console"
SESSION_SECONDS = 8 * 3600


class SignInNeededError(Exception):
    """Nobody is signed in: show the form."""


def _sign(context: AppContext, text: bytes) -> str:
    secret = context.settings.credential_secret.get_secret_value().encode()
    return hmac.digest(secret, b"console-session:" + text, "sha256").hex()


async def sign_in(context: AppContext, key: str) -> Operator | None:
    """The operator whose key this is; None for any other text."""
    parsed = parse_key(key.strip())
    if parsed is None:
        return None
    owner = await find_owner(context.admission, *parsed)
    return Operator(owner.key_id) if owner is not None and owner.kind is ApiKeyKind.OPERATOR else None


def set_cookie(context: AppContext, request: Request, answer: Response, operator: Operator) -> None:
    ends = int(time.time()) + SESSION_SECONDS  # noqa: TID251 - a session's end is the API's own clock
    text = base64.urlsafe_b64encode(json.dumps([str(operator.key_id), ends]).encode())
    answer.set_cookie(
        COOKIE,
        f"{text.decode()}.{_sign(context, text)}",
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=context.settings.is_https or request.url.scheme == "https",
        path="/console",
    )


def clear_cookie(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")


async def signed_in(context: AppContext, request: Request) -> Operator:
    """The operator of this browser. Raises SignInNeededError."""
    cookie = request.cookies.get(COOKIE, "")
    text, _, signature = cookie.partition(".")
    if not cookie.isascii() or not hmac.compare_digest(signature, _sign(context, text.encode())):
        raise SignInNeededError
    key_id, ends = json.loads(base64.urlsafe_b64decode(text))
    if ends <= time.time():  # noqa: TID251
        raise SignInNeededError
    owner = await find_owner(context.admission, UUID(key_id), None)
    if owner is None or owner.kind is not ApiKeyKind.OPERATOR:
        raise SignInNeededError
    return Operator(owner.key_id)


def check_origin(request: Request) -> None:
    """Refuse a form that another page sends. Raises console.foreign_form."""
    origin = request.headers.get("origin")
    own = request.headers.get("host", "")
    # "null" tells nothing: a browser that keeps its referrer to itself sends it from our own pages too.
    known = origin and origin != "null"
    same = urlsplit(origin).netloc == own if known else request.headers.get("sec-fetch-site") == "same-origin"
    if not same:
        raise errors.FOREIGN_FORM.error()
