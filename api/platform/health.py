"""Is the process alive, can it do its work, and what has it done: /healthz, /readyz, /metrics; and problems."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from temporalio.service import RPCError

from api.console.figures import measure_backlog
from api.context import AppContext, Context
from api.errors import errors, status_of
from api.platform.schemas import ResponseModel, example
from domain.platform_errors import ROUTE_NOT_FOUND, UNAVAILABLE
from domain.shared.errors import lookup

router = APIRouter(tags=["health"])
_PATIENCE_SECONDS = 3


class Health(ResponseModel):
    status: str
    model_config = example({"status": "ok"})


class Readiness(ResponseModel):
    postgres: bool
    temporal: bool
    model_config = example({"postgres": True, "temporal": True})


class ProblemKind(ResponseModel):
    """What a problem's type points to."""

    code: str
    status: int
    meaning: str
    next_actions: list[str] = Field(default_factory=list)
    model_config = example(
        {
            "code": "listing.sold_out",
            "status": 409,
            "meaning": "Insufficient stock.",
            "next_actions": ["GET /v1/listings/{listing_id}"],
        }
    )


@router.get("/healthz")
async def healthz() -> Health:
    """The process is alive. Says nothing of what it depends on."""
    return Health(status="ok")


async def _postgres(context: AppContext) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return bool(await context.admission.run("SELECT true", ()))
    except (SQLAlchemyError, OSError):
        return False


async def _temporal(context: AppContext) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await context.temporal.service_client.check_health()
    except (RPCError, OSError, RuntimeError):
        # A lazy client that cannot connect says so with RuntimeError.
        return False


@router.get("/readyz", responses=errors(UNAVAILABLE))
async def readyz(context: Context) -> Readiness:
    """Postgres and Temporal answer. 503 says which does not."""
    postgres, temporal = await asyncio.gather(_postgres(context), _temporal(context))
    if not (postgres and temporal):
        raise UNAVAILABLE.error(postgres=postgres, temporal=temporal)
    return Readiness(postgres=postgres, temporal=temporal)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "souk_open_streams 0.0"}}}},
)
async def metrics(request: Request, context: Context) -> Response:
    """Measurements for Prometheus."""
    context.measure()
    context.metrics.connections.set(len(request.app.state.connections.open))
    await measure_backlog(context)
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/problems/{code}", responses=errors(ROUTE_NOT_FOUND))
async def problem(code: str) -> ProblemKind:
    """What a problem's code means. The ``type`` of every problem document points here."""
    found = lookup(code)
    if found is None:
        raise ROUTE_NOT_FOUND.error()
    values: dict[str, Any] = {
        "code": found.code,
        "meaning": found.meaning,
        "next_actions": list(found.next_actions),
    }
    return ProblemKind(status=status_of(found), **values)
