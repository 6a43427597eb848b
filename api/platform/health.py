"""Is the process alive, can it do its work, and what has it done: /healthz, /readyz, /metrics; and problems."""

import asyncio
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from starlette.responses import Response
from temporalio.service import RPCError

from activities.platform.serving import look_at_queues
from api.console.figures import measure_backlog
from api.context import AppContext, Context
from api.errors import errors, status_of
from api.platform.admission import METRICS
from api.platform.auth import Identity, identity, operator
from api.platform.limits import is_on_this_machine
from api.platform.schemas import ResponseModel, example
from db.platform.outages import Pulse, read_pulse
from domain.platform.errors import AUTH_REQUIRED, OPERATOR_REQUIRED, ROUTE_NOT_FOUND, UNAVAILABLE, lookup

router = APIRouter(tags=["health"])
_PATIENCE_SECONDS = 3


class Health(ResponseModel):
    status: str
    model_config = example({"status": "ok"})


class Readiness(ResponseModel):
    """``queues``: whether each task queue is served in time; null when that is not known."""

    postgres: bool
    temporal: bool
    queues: dict[str, bool | None]
    model_config = example(
        {
            "postgres": True,
            "temporal": True,
            "queues": {"souk-trade": True},
        }
    )


class ReadsReadiness(ResponseModel):
    postgres: bool
    model_config = example({"postgres": True})


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
async def get_health() -> Health:
    """The process is alive. Says nothing of what it depends on."""
    return Health(status="ok")


async def _pulse(context: AppContext) -> Pulse | None:
    """What Postgres knows of the parts; None when it does not answer."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await read_pulse(context.admission)
    except (psycopg.Error, OSError):
        return None


async def _temporal(context: AppContext) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await context.temporal.service_client.check_health()
    except (RPCError, OSError, RuntimeError):
        # A lazy client that cannot connect says so with RuntimeError.
        return False


async def _queues(context: AppContext, pulse: Pulse | None) -> dict[str, bool | None]:
    if pulse is None:
        return dict.fromkeys(context.specs.contexts.queues)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await look_at_queues(context.temporal, context.specs.contexts.queues, pulse.parts, pulse.now)
    except (RPCError, OSError, RuntimeError):
        return dict.fromkeys(context.specs.contexts.queues)
    return {queue.queue: queue.served for queue in found}


@router.get("/readyz", responses=errors(UNAVAILABLE))
async def get_readiness(context: Context) -> Readiness:
    """All of it works: Postgres and Temporal answer, workers serve every queue. 503 says what does not."""
    pulse, temporal = await asyncio.gather(_pulse(context), _temporal(context))
    queues = await _queues(context, pulse) if temporal else dict.fromkeys(context.specs.contexts.queues)
    if pulse is None or not temporal or not all(queues.values()):
        raise UNAVAILABLE.error(postgres=pulse is not None, temporal=temporal, queues=queues)
    return Readiness(postgres=True, temporal=True, queues=queues)


@router.get("/readyz/reads", responses=errors(UNAVAILABLE))
async def get_reads_readiness(context: Context) -> ReadsReadiness:
    """This process can show rows and write facts, which needs Postgres alone: for load balancers."""
    if await _pulse(context) is None:
        raise UNAVAILABLE.error(postgres=False)
    return ReadsReadiness(postgres=True)


@router.get(
    METRICS,
    # A process of the same machine needs no key.
    openapi_extra={"security": [{}]},
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": "souk_open_streams 0.0"}}},
        **errors(AUTH_REQUIRED, OPERATOR_REQUIRED),
    },
)
async def get_metrics(
    request: Request, context: Context, found: Annotated[Identity | None, Depends(identity)]
) -> Response:
    """Measurements for Prometheus: to callers on this machine, else with an operator's key."""
    if not is_on_this_machine(request.scope):
        await operator(found)
    context.measure()
    context.metrics.connections.set(len(request.app.state.connections.open))
    await measure_backlog(context)
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/problems/{code}", responses=errors(ROUTE_NOT_FOUND))
async def get_problem_kind(code: str) -> ProblemKind:
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
