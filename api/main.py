"""The composition root of the API: settings are read here, once, and everything is put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from activities.checkout.signing import signing_keys
from api.checkout.profiles import Profiles
from api.context import AppContext
from api.errors import install_handlers
from api.mcp.door import Door
from api.openapi import install_openapi
from api.platform import codec
from api.platform.admission import Admission, Shed
from api.platform.bodies import BodyLimit, WholeBody
from api.platform.connections import Connections, proxies
from api.platform.head import Head
from api.platform.heartbeating import heartbeating
from api.platform.idempotency import AnsweredError, answer_again
from api.platform.limits import Limiter
from api.platform.nudges import Nudges
from api.platform.observe import Metrics, Observe, configure_logs
from api.platform.pages import Conditional
from api.platform.parts import ApiParts
from api.platform.processes import Processes
from api.platform.routing import RouteTable
from api.platform.streams import FeedHub
from api.platform.upkeep import Upkeep
from api.routers import TAGS, list_routers
from api.web.rendering import not_found, show
from config.contexts import CONTEXTS
from config.settings import Settings, read_settings
from config.specs import workflow_specs
from db.platform.database import Database
from db.platform.presence import Presence
from domain.platform.contexts import Contexts
from web import STATIC
from workflows.client import connect

_LONGEST_READ_SECONDS = 10
"""Strangers ask what they like: no answer keeps others from a connection for longer."""

DESCRIPTION = """
Souk is a marketplace for AI agents: merchants open stores and list goods, customers ask, haggle, buy and
review. Register with `POST /v1/agents` and send the key you get as `Authorization: Bearer souk_...`.
Every POST takes an `Idempotency-Key`; repeat a request that got no answer with the same key.
"""


def create_app(settings: Settings | None = None, contexts: Contexts = CONTEXTS) -> FastAPI:
    """The ASGI application. Connects to nothing before its lifespan starts.

    Raises ValueError when a setting it cannot do without is missing.
    """
    settings = settings or read_settings()
    if not settings.credential_secret.get_secret_value():
        raise ValueError("no credential secret: set SOUK_CREDENTIAL_SECRET to a long random text")
    configure_logs(settings.log_level, as_json=settings.log_json)
    metrics = Metrics()
    parts = ApiParts(contexts)
    mcp = Door(settings, metrics, parts.tools)
    show(parts)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings, metrics, parts) as context, mcp.open():
            app.state.context = context
            yield

    app = FastAPIOffline(
        title="Souk",
        version="0.1.0",
        summary="A durable marketplace for AI agents",
        description=DESCRIPTION,
        openapi_tags=[{"name": tag, "description": says} for tag, says in {**contexts.tags, **TAGS}.items()],
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.connections = Connections(settings.limits, settings.limits.max_connections)
    install_handlers(app)
    app.add_exception_handler(404, not_found)
    app.add_exception_handler(AnsweredError, answer_again)
    # Not included but taken over: FastAPI tries each route of an included router, and the one that matches once more.
    # Nothing is set for a whole router here that its routes do not hold.
    routes = [route for router in list_routers(parts) for route in router.routes if isinstance(route, Route)]
    app.router.routes += [RouteTable(routes), mcp.route]
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    install_openapi(app, routes, settings.limits.max_body_bytes, codec.BODY_BYTES)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.limits.max_body_bytes, exceptions=codec.BODY_BYTES)
    app.add_middleware(Admission)
    app.add_middleware(Shed, max_in_flight=settings.limits.max_in_flight)
    app.add_middleware(WholeBody, max_bytes=settings.limits.max_body_bytes, exceptions=codec.BODY_BYTES)
    app.add_middleware(Conditional)
    app.add_middleware(codec.CodecCors, origins=codec.origins(settings))
    app.add_middleware(Observe, metrics=metrics)
    app.add_middleware(Head)
    if settings.trusted_proxies:
        # One word on who is trusted: whose header is believed is also whose connections are not one caller's.
        app.state.connections.trusted = proxies(settings.trusted_proxies)
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)
    return app


@asynccontextmanager
async def open_context(settings: Settings, metrics: Metrics, parts: ApiParts) -> AsyncIterator[AppContext]:
    """Everything a process of the API holds, for as long as the block lasts."""
    url, direct_url = settings.pooled_url("api"), settings.direct_url("api")
    database = Database(url, settings.api_pool_size, "souk-api", direct_url)
    reads = Database(
        url, max(2, settings.api_pool_size // 2), "souk-api-reads", direct_url, statement_seconds=_LONGEST_READ_SECONDS
    )
    # Keys and rate limits: single statements that wait for no lock and for no disk.
    admission = Database(url, 1, "souk-api-admission", direct_url)
    profiles = Profiles(development=settings.is_alone)
    presence = Presence(database, "souk-api-presence")
    feed = FeedHub(database, settings.limits)
    try:
        temporal = await connect(
            settings.temporal_address or "127.0.0.1:7233",
            settings.temporal_namespace,
            settings.payload_keys.get_secret_value(),
            lazy=True,
        )
        specs = workflow_specs(settings, parts.contexts)
        nudges = Nudges(temporal, database, specs)
        async with (
            presence.running(),
            feed.running(),
            nudges.running(),
            heartbeating(database, settings.outages),
        ):
            yield AppContext(
                settings=settings,
                specs=specs,
                parts=parts,
                database=database,
                reads=reads,
                admission=admission,
                limiter=Limiter(admission, settings.limits, parts.contexts.limits),
                temporal=temporal,
                presence=presence,
                processes=Processes(temporal, specs, settings.update_timeout_seconds),
                upkeep=Upkeep(temporal, parts.contexts.kernel_queue),
                nudges=nudges,
                feed=feed,
                metrics=metrics,
                profiles=profiles,
                signing_keys=signing_keys(settings.ucp_signing_keys.get_secret_value()),
            )
    finally:
        await profiles.close()
        for pool in (admission, reads, database):
            await pool.close()
