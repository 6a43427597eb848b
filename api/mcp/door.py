"""The way in to /mcp: which hosts it answers to, whose key opens it, and the metadata that says so.

Each request stands alone (stateless HTTP): any process of the API answers it, and a restart loses nothing. The
admission middleware has looked the key up; a missing, unknown or revoked one is answered 401 with a pointer to the
protected-resource metadata (RFC 9728). Every refusal is a JSON-RPC error.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import Request
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem_response
from api.jsonrpc import speak_json_rpc
from api.mcp.refusals import told_for_tools
from api.mcp.server import MarketServer
from api.platform.auth import Caller
from api.platform.observe import Metrics
from api.platform.parts import McpTool
from config.settings import Settings
from domain.platform.errors import (
    AGENT_REQUIRED,
    AUTH_INVALID,
    AUTH_REQUIRED,
    HOST_UNKNOWN,
    METHOD_NOT_ALLOWED,
    ORIGIN_UNKNOWN,
    DomainError,
)

PATH = "/mcp"
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"
AGENT = "agent"
# What RFC 6750 calls them: nothing when no key was sent.
_BEARER_ERRORS = {
    AUTH_REQUIRED.code: "",
    AUTH_INVALID.code: 'error="invalid_token", ',
    AGENT_REQUIRED.code: f'error="insufficient_scope", scope="{AGENT}", ',
}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def base_url(settings: Settings, request: Request) -> str:
    """Where the caller reaches this API: the public URL, or the (checked) host it named."""
    return (settings.public_url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/")


def host_rules(settings: Settings) -> TransportSecuritySettings:
    """Loopback names, the public URL's host and the allowed ones, on any port; pages of these as origins."""
    public = urlsplit(settings.public_url).netloc
    hosts = [*_LOOPBACK, *([public] if public else []), *settings.allowed_hosts]
    both = [*hosts, *(f"{host}:*" for host in hosts)]
    return TransportSecuritySettings(
        allowed_hosts=both, allowed_origins=[f"{scheme}://{host}" for scheme in ("http", "https") for host in both]
    )


speak_json_rpc(PATH, told_for_tools)


class Door:
    """The ASGI application behind the route /mcp. Serves while ``open`` lasts."""

    def __init__(self, settings: Settings, metrics: Metrics, tools: Sequence[McpTool]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._tools = tools
        self._hosts = TransportSecurityMiddleware(host_rules(settings))
        self._market: ASGIApp | None = None
        self.route = Route(PATH, self, include_in_schema=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """For the application's lifespan. Each has a server of its own: the package's run only once."""
        server = MarketServer(self._metrics, self._tools)
        server.streamable_http_app(
            stateless_http=True,
            json_response=True,
            # Checked before anything else, and the body before that: here they are off.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=self._settings.limits.max_body_bytes,
        )
        started, over = asyncio.Event(), asyncio.Event()

        async def serve() -> None:
            try:
                async with server.session_manager.run():
                    started.set()
                    await over.wait()
            finally:
                started.set()

        # A task of its own: the package wants one task at both ends, which a lifespan does not promise.
        task = asyncio.create_task(serve(), name="mcp")
        await started.wait()
        if task.done():
            await task
        self._market = StreamableHTTPASGIApp(server.session_manager)
        try:
            yield
        finally:
            self._market = None
            over.set()
            await task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self.route
        request = Request(scope)
        try:
            await self._check(request)
        except DomainError as refused:
            response = problem_response(refused, request)
            self._point(response, refused, request)
            await response(scope, receive, send)
            return
        assert self._market is not None
        await self._market(scope, receive, send)

    async def _check(self, request: Request) -> None:
        """Who calls from where, and how. Raises the refusal."""
        turned_away = await self._hosts.validate_request(request)
        if turned_away is not None:
            raise (HOST_UNKNOWN if turned_away.status_code == 421 else ORIGIN_UNKNOWN).error()
        identity = request.scope.get("souk.identity")
        if identity is None:
            raise (AUTH_INVALID if "authorization" in request.headers else AUTH_REQUIRED).error()
        if not isinstance(identity, Caller):
            raise AGENT_REQUIRED.error()
        if request.method != "POST":
            # No stream to open and no session to end: nothing is kept between requests.
            raise METHOD_NOT_ALLOWED.error()

    def _point(self, response: Response, refused: DomainError, request: Request) -> None:
        """Say in headers what an answer of this kind says there (RFC 9110, RFC 6750, RFC 9728)."""
        if refused.code == METHOD_NOT_ALLOWED.code:
            response.headers["Allow"] = "POST"
        word = _BEARER_ERRORS.get(refused.code)
        if word is not None:
            pointer = f'resource_metadata="{base_url(self._settings, request)}{METADATA_PATH}"'
            response.headers["WWW-Authenticate"] = f"Bearer {word}{pointer}"
