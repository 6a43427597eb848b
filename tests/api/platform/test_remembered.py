"""An answer is made once for all who ask within its time."""

import asyncio

import pytest

from api.platform.remembered import Remembered


class Maker:
    def __init__(self) -> None:
        self.made = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> int:
        self.made += 1
        made = self.made
        await self.go_on.wait()
        if made == 1:
            raise ConnectionError("away")
        return made


async def test_all_who_ask_share_one_answer_and_a_failure_is_not_kept() -> None:
    remembered, maker = Remembered(60), Maker()
    first, second = (asyncio.create_task(remembered.get("a", maker)) for _ in range(2))
    await asyncio.sleep(0)
    maker.go_on.set()
    for task in (first, second):
        with pytest.raises(ConnectionError):
            await task
    assert maker.made == 1
    assert [await remembered.get("a", maker) for _ in range(3)] == [2, 2, 2]
    assert await remembered.get("b", maker) == 3


async def test_an_old_answer_is_made_anew() -> None:
    remembered, maker = Remembered(-1), Maker()
    maker.made = 1
    maker.go_on.set()
    assert [await remembered.get("a", maker) for _ in range(2)] == [2, 3]


async def test_one_who_goes_away_leaves_the_others_their_answer() -> None:
    remembered, maker = Remembered(60), Maker()
    maker.made = 1
    gone, stays = (asyncio.create_task(remembered.get("a", maker)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    maker.go_on.set()
    assert await stays == 2
    assert gone.cancelled()


async def test_an_answer_that_takes_longer_than_it_is_kept_is_made_once_at_a_time() -> None:
    remembered, maker = Remembered(-1), Maker()
    maker.made = 1
    asking = []
    for _ in range(3):
        asking.append(asyncio.create_task(remembered.get("a", maker)))
        await asyncio.sleep(0)
    maker.go_on.set()
    assert await asyncio.gather(*asking) == [2, 2, 2]
