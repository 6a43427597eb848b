"""What operators see: one JSON log line and one measurement per request, and the only handler of faults.

Lines hold a request id, the route's template, status and time; never a body, a query or a header. Outermost,
so that every answer carries the request id and the security headers, the answer to a fault too.
"""

import logging
import re
import sys
import time

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from api.platform.auth import Caller
from api.platform.headers import add_missing, header, set_headers
from db.platform.ids import new_id
from domain.platform.errors import INTERNAL

_log = structlog.get_logger()
_REQUEST_ID = re.compile(r"[\w\-.]{1,64}", re.ASCII)
_QUIET = {"/healthz", "/readyz", "/metrics"}
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def configure_logs(level: str, *, as_json: bool) -> None:
    """Structured lines to standard error, ours and the libraries'."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)), force=True)


class Metrics:
    """The process's own registry, so that two apps in one process do not share counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "souk_http_request_seconds",
            "Requests by route template, method and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.tools = Histogram(
            "souk_mcp_tool_seconds",
            "Calls of MCP tools by name and outcome: ok, refused, fault",
            ["tool", "outcome"],
            registry=self.registry,
        )
        self.pool = Gauge("souk_db_connections_in_use", "Connections checked out", ["pool"], registry=self.registry)
        self.started = Gauge("souk_started_at_seconds", "When this process started, Unix time", registry=self.registry)
        self.started.set_to_current_time()
        self.pool_size = Gauge("souk_db_pool_size", "Connections a pool may hold", ["pool"], registry=self.registry)
        queue = ["queue", "kind"]
        self.backlog = Gauge("souk_tasks_waiting", "Tasks waiting for a worker", queue, registry=self.registry)
        self.backlog_age = Gauge(
            "souk_oldest_task_waits_seconds",
            "Schedule-to-start of the oldest waiting task",
            queue,
            registry=self.registry,
        )
        self.pollers = Gauge("souk_task_pollers", "Workers that ask for tasks", queue, registry=self.registry)
        self.connections = Gauge("souk_open_connections", "Open connections of callers", registry=self.registry)
        self.streams = Gauge("souk_open_streams", "Open event streams", registry=self.registry)


class Observe:
    """Measures, logs, and answers faults with 500 and nothing else."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = header(scope["headers"], b"x-request-id")
        request_id = sent if sent is not None and _REQUEST_ID.fullmatch(sent) else new_id().hex
        started, status = time.perf_counter(), 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                set_headers(message, ((b"x-request-id", request_id.encode()),))
                add_missing(message, _SECURITY_HEADERS)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_marked)
            except Exception as error:
                # The frames tell where; the message may hold a caller's data and stays out.
                _log.error("request.fault", error=type(error).__name__, where=fault_frames(error))
                if status == 0:
                    await problem_response(INTERNAL.error(), Request(scope))(scope, receive, send_marked)
                else:
                    raise
            finally:
                self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self.metrics.requests.labels(scope["method"], route, status).observe(seconds)
        if scope["path"] in _QUIET:
            return
        identity = scope.get("souk.identity")
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            agent_id=str(identity.agent_id) if isinstance(identity, Caller) else None,
        )


def fault_frames(error: BaseException) -> list[str]:
    """File and line of our own frames and of the one that raised, without source text and values."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        if "site-packages" not in place or trace.tb_next is None:
            frames.append(place)
        trace = trace.tb_next
    return frames[-12:]
