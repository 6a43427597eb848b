"""The REST API as a tool sees it: the same application, called without leaving the process.

No rule is written twice: a tool's request passes the routes, the idempotency records, the error table and
the rate limits like any other. It runs for the agent and the address of the request it serves, which the
scope carries; a scope is made by the server, so nobody outside can make one that says so.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import httpx
import structlog
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from api.mcp.refusals import Refused, told_for_tools
from api.platform.admission import Within
from api.platform.auth import Caller

_REST = "http://souk.inside"
_SECONDS = 60.0
"""Longer than any route takes: a process that does not answer is refused sooner by the route itself."""


class Inside:
    """One call of a tool or one reading of a resource, and the requests it makes."""

    def __init__(self, request: Request) -> None:
        self.scope = request.scope
        found = request.scope.get("souk.identity")
        if not isinstance(found, Caller):
            raise TypeError("/mcp let somebody in who is no agent")
        self.caller = found
        within = Within(found)
        self.app: FastAPI = request.app

        async def for_caller(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app({**scope, "souk.within": within}, receive, send)

        self._transport = httpx.ASGITransport(for_caller, client=request.scope.get("client") or ("unknown", 0))

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The answer of a read; query values of None are left out. Raises Refused."""
        wanted = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return await self._call("GET", path, params=wanted)

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer of a write; values of None are left out. ``key`` is its Idempotency-Key. Raises Refused.

        ``names``: which of the tool's arguments a field comes from, where that is not plain (``refusals``).
        """
        said = {name: value for name, value in (body or {}).items() if value is not None}
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self._call("POST", path, names, json=said, headers=headers)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer of a write that may be repeated as it is; values of None are left out. Raises Refused."""
        return await self._call("PUT", path, json={name: value for name, value in body.items() if value is not None})

    async def delete(self, path: str) -> None:
        """Take something away; once it is gone, nothing changes. Raises Refused."""
        await self._call("DELETE", path)

    async def _call(self, method: str, path: str, names: Mapping[str, str] | None = None, **more: Any) -> Any:
        # Its lines in the log carry the id of the request it serves.
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        headers = more.pop("headers", {}) | ({"X-Request-Id": request_id} if request_id else {})
        async with httpx.AsyncClient(
            transport=self._transport, base_url=_REST, timeout=_SECONDS, trust_env=False, headers=headers
        ) as http:
            answer = await http.request(method, path, **more)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Refused(told_for_tools(answer.json(), answer.headers.get("Retry-After"), names))


current: ContextVar[Inside] = ContextVar("souk_mcp_inside")
"""Set for as long as a tool or a resource runs."""


def inside() -> Inside:
    return current.get()
