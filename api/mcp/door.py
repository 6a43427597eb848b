"""The way in to /mcp: which hosts it answers to, whose key opens it, and the metadata that says so.

Each request stands alone (stateless HTTP): any process of the API answers it, and a restart loses nothing. The
admission middleware has looked the key up; here it becomes a token in the package's sense, and a missing, unknown
or revoked one is answered 401 with a pointer to the protected-resource metadata (RFC 9728).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from urllib.parse import urlsplit

from fastapi import Request
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem_response
from api.mcp.server import MarketServer
from api.platform.auth import Caller, Identity
from api.platform.observe import Metrics
from config.settings import Settings
from domain.platform.errors import METHOD_NOT_ALLOWED

PATH = "/mcp"
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"
AGENT = "agent"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_found: ContextVar[Identity | None] = ContextVar("souk_mcp_identity", default=None)


class KeyVerifier(TokenVerifier):
    """Says who the bearer of a key is: what the admission middleware found for this very request."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token with the scope ``agent``, an operator's without it; None for a key that opens nothing."""
        found = _found.get()
        if found is None:
            return None
        scopes = [AGENT] if isinstance(found, Caller) else []
        return AccessToken(token=token, client_id=str(found.key_id), scopes=scopes)


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


class Door:
    """The ASGI application behind the route /mcp. Serves while ``open`` lasts."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._hosts = TransportSecurityMiddleware(host_rules(settings))
        self._market: ASGIApp | None = None
        self._guarded = AuthenticationMiddleware(self._require, backend=BearerAuthBackend(KeyVerifier()))
        self.route = Route(PATH, self, include_in_schema=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """For the application's lifespan. Each has a server of its own: the package's run only once."""
        server = MarketServer(self._metrics)
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
        refused = await self._hosts.validate_request(Request(scope))
        if refused is not None:
            await refused(scope, receive, send)
            return
        token = _found.set(scope.get("souk.identity"))
        try:
            await self._guarded(scope, receive, send)
        finally:
            _found.reset(token)

    async def _require(self, scope: Scope, receive: Receive, send: Send) -> None:
        pointer = AnyHttpUrl(f"{base_url(self._settings, Request(scope))}{METADATA_PATH}")
        await RequireAuthMiddleware(self._serve, [AGENT], pointer)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            # No stream to open and no session to end: nothing is kept between requests.
            response = problem_response(METHOD_NOT_ALLOWED.error(), Request(scope), {"Allow": "POST"})
            await response(scope, receive, send)
            return
        assert self._market is not None
        await self._market(scope, receive, send)
