"""What a tool's inner request carries: the caller and the address of the outer one, in the scope, and no key."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import Request
from starlette.responses import JSONResponse

from api.mcp.inside import Inside
from api.mcp.refusals import Refused
from api.platform.admission import Within
from api.platform.auth import Caller, Operator
from domain.platform.identity import AgentType


def outer(app: Any, identity: object) -> Request:
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/mcp",
            "headers": [(b"authorization", b"Bearer souk_secret"), (b"x-forwarded-for", b"198.51.100.1")],
            "client": ("203.0.113.7", 4711),
            "app": app,
            "souk.identity": identity,
        }
    )


async def test_it_speaks_for_the_caller_from_its_address() -> None:
    scopes: list[Any] = []

    async def app(scope, receive, send) -> None:
        scopes.append(scope)
        await JSONResponse({"path": scope["path"]})(scope, receive, send)

    caller = Caller(uuid4(), AgentType.CUSTOMER, uuid4())
    rest = Inside(outer(app, caller))
    assert await rest.get("/v1/listings", {"q": "lamp", "cursor": None}) == {"path": "/v1/listings"}
    await rest.post("/v1/orders", {"listing_id": "1", "quantity": None}, "a-key")
    first, second = scopes
    assert [scope["client"][0] for scope in scopes] == ["203.0.113.7"] * 2
    assert first["query_string"] == b"q=lamp"
    names = {name for scope in scopes for name, _ in scope["headers"]}
    assert not names & {b"authorization", b"x-forwarded-for"}
    assert (b"idempotency-key", b"a-key") in second["headers"]
    # The same mark on both: what the outer request paid for, it paid for once.
    assert first["souk.within"] is second["souk.within"]
    assert first["souk.within"] == Within(caller)


async def test_a_refusal_keeps_its_code_and_its_wait() -> None:
    async def app(scope, receive, send) -> None:
        problem = {"code": "request.rate_limited", "detail": "Too many.", "next_actions": [], "status": 429}
        await JSONResponse(problem, 429, {"Retry-After": "7"})(scope, receive, send)

    with pytest.raises(Refused) as refused:
        await Inside(outer(app, Caller(uuid4(), AgentType.CUSTOMER, uuid4()))).get("/v1/listings")
    assert (refused.value.problem["code"], refused.value.problem["retry_after_seconds"]) == ("request.rate_limited", 7)


def test_nobody_but_an_agent_gets_inside() -> None:
    for identity in (None, Operator(uuid4())):
        with pytest.raises(TypeError):
            Inside(outer(None, identity))
