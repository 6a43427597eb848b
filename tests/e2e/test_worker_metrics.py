"""The worker's metrics and its health: served and told where the settings say."""

import asyncio
from pathlib import Path

import httpx
from temporalio.client import Client

from config.contexts import CONTEXTS
from config.settings import Settings
from souk.stack.ports import choose
from worker.main import run


async def test_metrics_are_served_on_their_port(settings: Settings, temporal_client: Client) -> None:
    port = choose("127.0.0.1", 0, "a test")
    assert temporal_client.namespace  # the process's runtime is in use, as after `souk worker` has looked
    worker = asyncio.create_task(run(settings.model_copy(update={"worker_metrics_port": port})))
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(240):
            text = ""
            while "temporal_" not in text:
                assert not worker.done(), worker.exception()
                await asyncio.sleep(0.1)
                try:
                    text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                except httpx.TransportError:
                    continue
    finally:
        worker.cancel()
        await asyncio.wait((worker,))


async def test_a_worker_tells_by_a_file_for_each_queue_that_it_polls(
    settings: Settings, temporal_client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "polled"
    folder.mkdir()
    (folder / CONTEXTS.queues[0]).write_text("an earlier worker's")
    outages = settings.outages.model_copy(update={"beat_seconds": 0.2})
    changed = settings.model_copy(update={"worker_health_dir": str(folder), "outages": outages})

    def polled() -> set[str]:
        return {path.name for path in folder.iterdir()}

    worker = asyncio.create_task(run(changed))
    try:
        async with asyncio.timeout(240):
            for _ in range(2):  # with every beat anew
                while polled() != set(CONTEXTS.queues) or (folder / CONTEXTS.queues[0]).stat().st_size:
                    assert not worker.done(), worker.exception()
                    await asyncio.sleep(0.05)
                for path in folder.iterdir():
                    path.unlink()
    finally:
        worker.cancel()
        await asyncio.wait((worker,))
