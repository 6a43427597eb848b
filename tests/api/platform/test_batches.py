"""Questions that are asked together: each answered, whatever becomes of the others and of the one who answers."""

import asyncio

import pytest

from api.platform import batches
from api.platform.batches import Batches


class Answerer:
    """Answers with the question's double, once it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.free = asyncio.Event()
        self.failing: int | None = None

    async def __call__(self, questions: list[int]) -> list[int]:
        self.asked.append(questions)
        await self.free.wait()
        if self.failing in questions:
            raise OSError("the database is away")
        return [2 * question for question in questions]


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_is_asked_meanwhile_is_asked_together():
    answerer = Answerer()
    collector = Batches(answerer)
    first = asyncio.create_task(collector.ask(1))
    await turns()
    rest = [asyncio.create_task(collector.ask(number)) for number in range(2, 6)]
    await turns()
    assert answerer.asked == [[1]]
    answerer.free.set()
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8, 10]
    assert answerer.asked == [[1], [2, 3, 4, 5]]
    assert await collector.ask(6) == 12


async def test_who_goes_away_takes_nobody_along():
    answerer = Answerer()
    collector = Batches(answerer)
    under_way = [asyncio.create_task(collector.ask(number)) for number in (1, 2)]
    await turns()
    waiting = [asyncio.create_task(collector.ask(number)) for number in (3, 4)]
    await turns()
    under_way[0].cancel()
    waiting[0].cancel()
    await turns()
    answerer.free.set()
    assert (await under_way[1], await waiting[1]) == (4, 8)
    assert answerer.asked == [[1, 2], [4]]
    assert under_way[0].cancelled()
    assert waiting[0].cancelled()


async def test_an_error_is_told_to_all_of_its_batch_and_to_no_other():
    answerer = Answerer()
    collector = Batches(answerer)
    failing = [asyncio.create_task(collector.ask(number)) for number in (1, 2)]
    await turns()
    later = asyncio.create_task(collector.ask(3))
    await turns()
    answerer.failing = 2
    answerer.free.set()
    found = await asyncio.gather(*failing, return_exceptions=True)
    assert [type(error) for error in found] == [OSError, OSError]
    assert await later == 6


async def test_an_ended_batch_ends_no_one_else():
    answerer = Answerer()
    collector = Batches(answerer)
    under_way = asyncio.create_task(collector.ask(1))
    await turns()
    waiting = asyncio.create_task(collector.ask(2))
    await turns()
    collector._under_way.cancel()
    with pytest.raises(ConnectionError):
        await under_way
    answerer.free.set()
    assert await waiting == 4


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "_PATIENCE_SECONDS", 0.05)
    answerer = Answerer()
    collector = Batches(answerer)
    found = await asyncio.gather(collector.ask(1), collector.ask(2), return_exceptions=True)
    assert [type(error) for error in found] == [TimeoutError, TimeoutError]
    with pytest.raises(TimeoutError):
        await collector.ask(3)
    answerer.free.set()
    await turns()
    assert await collector.ask(4) == 8
    assert answerer.asked == [[1, 2], [4]]
