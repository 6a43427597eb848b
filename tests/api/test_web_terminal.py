"""``souk watch`` and ``souk show`` as programs, over an API that is served."""

import asyncio
import sys

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Agent, Stall, served
from tests.api.platform.test_activity_stream import settled


async def _souk(*arguments: str) -> tuple[int, str, str]:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await program.communicate()
    return program.returncode or 0, out.decode(), err.decode()


async def test_watch_follows_the_feed(app: FastAPI, http: httpx.AsyncClient, stall: Stall, customer: Agent):
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "Wicks", "context_listing_id": stall.listing_id}
    )
    await settled(http, stall.store_id, 3)
    async with served(app) as url:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "souk", "watch", "--api", url, "--store", stall.store_id, "--last", "1",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert program.stdout is not None
        try:
            async with asyncio.timeout(240):
                first = (await program.stdout.readline()).decode()
                assert "opened the thread Wicks" in first
                await customer.ok("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": "Cotton or glass?"})
                assert "wrote in Wicks: “Cotton or glass?”" in (await program.stdout.readline()).decode()
        finally:
            program.kill()
            await program.wait()


async def test_show_prints_one_thing_with_its_history(app: FastAPI, http: httpx.AsyncClient, stall: Stall):
    await settled(http, stall.store_id, 2)
    async with served(app) as url:
        code, out, err = await _souk("show", "store", stall.store_id, "--api", url)
        assert (code, err) == (0, "")
        assert "A store" in out
        assert "50.000" in out
        code, out, _ = await _souk("show", "listing", stall.listing_id, "--api", url)
        assert code == 0
        assert "$15.00" in out
        assert "listing dropped" in out


@pytest.mark.parametrize("thing", ["order", "negotiation"])
async def test_show_of_a_process_needs_an_operators_key(app: FastAPI, stall: Stall, operator: Agent, thing: str):
    async with served(app) as url:
        code, _, err = await _souk("show", thing, stall.store_id, "--api", url)
        assert (code, "private" in err) == (2, True)
        code, _, err = await _souk("show", thing, stall.store_id, "--api", url, "--operator-key", operator.api_key)
        assert (code, "request.not_found" in err) == (2, True)
