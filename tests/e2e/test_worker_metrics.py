"""The worker's metrics: served where the settings say, whoever used Temporal in the process before."""

import asyncio

import httpx
from temporalio.client import Client

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
