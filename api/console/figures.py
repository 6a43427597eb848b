"""Measurements for people: the same registry that /metrics gives out, and the task queues' backlog in it.

The backlog is asked of Temporal when somebody looks: how many tasks wait, and how long the oldest has waited
since it was scheduled.
"""

import asyncio
import time
from dataclasses import dataclass

from prometheus_client.samples import Sample
from temporalio.service import RPCError

from activities.platform.serving import KINDS, describe_queue
from api.context import AppContext

_PATIENCE_SECONDS = 2


async def measure_backlog(context: AppContext) -> bool:
    """Bring the backlog's gauges up to date. False when Temporal does not answer; then they keep their values."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(
                *(_measure(context, queue, kind) for queue in context.specs.contexts.queues for kind in KINDS)
            )
    except (RPCError, TimeoutError, RuntimeError):
        return False
    return True


async def _measure(context: AppContext, queue: str, kind: str) -> None:
    found = await describe_queue(context.temporal, queue, kind)
    age = found.stats.approximate_backlog_age
    context.metrics.backlog.labels(queue, kind).set(found.stats.approximate_backlog_count)
    context.metrics.backlog_age.labels(queue, kind).set(age.seconds + age.nanos / 1e9)
    context.metrics.pollers.labels(queue, kind).set(len(found.pollers))


@dataclass(slots=True)
class RouteFigures:
    """One route since the process started. Latencies are in seconds; ``p95`` is its bucket's upper bound."""

    method: str
    route: str
    status: str
    count: float = 0
    seconds: float = 0
    p95: float | None = None
    per_minute: float = 0

    @property
    def mean_ms(self) -> float:
        return self.seconds / self.count * 1000 if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    routes: list[RouteFigures]
    gauges: list[tuple[str, str, float]]


def read(context: AppContext) -> Figures:
    """What the registry holds now."""
    context.measure()
    routes: dict[tuple[str, str, str], RouteFigures] = {}
    buckets: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    gauges: list[tuple[str, str, float]] = []
    started = context.metrics.registry.get_sample_value("souk_started_at_seconds") or 0.0
    minutes = max((time.time() - started) / 60, 1 / 60)  # noqa: TID251 - how long this process has run
    for metric in context.metrics.registry.collect():
        for sample in metric.samples:
            if metric.name != "souk_http_request_seconds":
                gauges.append((sample.name, ", ".join(sample.labels.values()), sample.value))
                continue
            _add(sample, routes, buckets)
    for key, found in routes.items():
        wanted = 0.95 * found.count
        found.p95 = next((bound for bound, count in sorted(buckets[key]) if count >= wanted), None)
        found.per_minute = found.count / minutes
    busiest = sorted(routes.values(), key=lambda row: -row.count)
    return Figures(busiest, gauges)


def _add(
    sample: Sample,
    routes: dict[tuple[str, str, str], RouteFigures],
    buckets: dict[tuple[str, str, str], list[tuple[float, float]]],
) -> None:
    key = (sample.labels["method"], sample.labels["route"], sample.labels["status"])
    row = routes.setdefault(key, RouteFigures(*key))
    if sample.name.endswith("_count"):
        row.count = sample.value
    elif sample.name.endswith("_sum"):
        row.seconds = sample.value
    elif sample.name.endswith("_bucket"):
        buckets.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
