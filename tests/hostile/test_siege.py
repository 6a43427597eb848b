"""Connections that are held and not used: the API ends them, and serves everybody else meanwhile."""

import asyncio
from collections.abc import Iterator

import psutil
import pytest

from config.settings import Settings
from souk.drills.siege import HUGE, SLOW, besiege, crowd_out
from tests.running import RunningSouk

_EACH = 12
_ADDRESSES = ["127.0.0.2", "127.0.0.3"]
_MOST = 60


@pytest.fixture(scope="module")
def besieged(settings: Settings) -> Iterator[RunningSouk]:
    limits = {
        "per_address": "1000000/minute",
        "registrations_per_address": "1000000/hour",
        "max_in_flight": 8,
        "max_connections_per_address": _MOST,
        "header_seconds": 2,
        "body_seconds": 3,
        "idle_seconds": 3,
        "write_seconds": 2,
        "max_streams": 40,
        "max_streams_per_agent": 10,
        "max_streams_per_address": 20,
        "max_anonymous_streams": 20,
        "max_anonymous_streams_per_address": 10,
    }
    with RunningSouk(Settings.model_validate(settings.model_dump() | {"limits": limits})) as running:
        yield running


@pytest.mark.slow(seconds=20)
async def test_held_connections_end_and_honest_callers_are_served(besieged: RunningSouk) -> None:
    process = psutil.Process()

    async def memory() -> float:
        return await asyncio.to_thread(lambda: process.memory_full_info().uss / 2**20)

    siege = await besiege(besieged.url, each=_EACH, seconds=15, addresses=_ADDRESSES, memory=memory)
    assert siege.breaches(most_per_address=_MOST, addresses=len(_ADDRESSES) + 1, memory=200) == []
    assert set(siege.opened) == {*SLOW, *HUGE, "unread answers"}
    assert siege.refused, "every caller got a connection: the bound per address was not reached"


async def test_one_address_does_not_take_the_streams_of_others(besieged: RunningSouk) -> None:
    assert await crowd_out(besieged.url, anonymous=25, agents=4, each=10, address="127.0.0.4") == []
