"""Signs of life: while the work goes on, and not a moment longer."""

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities.platform.heartbeats import heartbeating


async def test_work_that_takes_long_gives_signs_of_life_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.platform.heartbeats._BEAT_SECONDS", 0)
    beats, thrice = [], asyncio.Event()

    def heard(*_: object) -> None:
        beats.append(len(beats))
        if len(beats) == 3:
            thrice.set()

    @heartbeating()
    async def work(answer: str) -> str:
        await thrice.wait()
        return answer

    environment = ActivityEnvironment()
    environment.on_heartbeat = heard
    assert await environment.run(work, "done") == "done"
    heard_by_then = len(beats)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(beats) == heard_by_then


async def test_what_goes_wrong_goes_on_and_ends_them_too() -> None:
    @heartbeating()
    async def work() -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        await ActivityEnvironment().run(work)
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if "heartbeating" in getattr(task.get_coro(), "__qualname__", "")]
