"""Runs a worker until told to stop: connects, serves its queues, drains on SIGTERM."""

import asyncio
import gc
import signal
import sys
from collections.abc import Collection

import structlog
import uvloop
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from config.contexts import CONTEXTS
from config.logs import configure_logs
from config.settings import Settings, read_settings
from worker.registry import serving
from workflows.client import connect

_log = structlog.get_logger("souk.worker")
_COLLECT_EVERY = 10_000
"""New objects between two looks for garbage; Python's own 700 is made for small programs."""
_YOUNG_PER_MIDDLE = 5
_MIDDLE_PER_FULL = 5


def _runtime(metrics_port: int) -> Runtime | None:
    """One that serves the SDK's metrics on a port of this machine; None, the process's own, for port 0.

    Not the process's default: whoever looked before whether Temporal answers has set that one already.
    """
    if not metrics_port:
        return None
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{metrics_port}")))


def _spare_the_collector() -> None:
    """What was loaded by now stays: to look through it for garbage again and again costs 3 % of a worker's time."""
    gc.collect()
    gc.freeze()
    # A process that leaves the cache is garbage that only a full collection finds: it may not come too seldom.
    gc.set_threshold(_COLLECT_EVERY, _YOUNG_PER_MIDDLE, _MIDDLE_PER_FULL)


async def run(settings: Settings, queues: Collection[str] = CONTEXTS.names) -> None:
    """Serve the queues of these contexts until SIGTERM or SIGINT; finishes what is under way."""
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        settings.payload_keys.get_secret_value(),
        runtime=_runtime(settings.worker_metrics_port),
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(client, settings, queues):
        _spare_the_collector()
        _log.info("worker ready", queues=sorted(queues))
        await stop.wait()
        _log.info("worker draining")


def main(queues: Collection[str] = CONTEXTS.names) -> None:
    """Entry point of ``souk worker``."""
    settings = read_settings()
    configure_logs(settings.log_level, as_json=settings.log_json)
    if not settings.temporal_address:
        sys.exit("no Temporal is configured: set SOUK_TEMPORAL_ADDRESS")
    if not settings.credential_secret.get_secret_value():
        sys.exit("no credential secret: webhooks cannot be signed; set SOUK_CREDENTIAL_SECRET as the API has it")
    uvloop.run(run(settings, queues))


if __name__ == "__main__":
    main()
