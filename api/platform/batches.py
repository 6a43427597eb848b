"""Many questions, one statement: what is asked while an answer is under way is asked together afterwards.

Alone, a question is sent at once. Under load one statement answers many requests.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
_PATIENCE_SECONDS = 10
"""As long as a request waits for a connection of the pool."""


class Batches(Generic[Question, Answer]):
    """Gathers the questions of this process; ``answer_all`` answers those of one batch, in their order.

    Batches are tasks of their own, so a caller that goes away takes nobody with it. An error of a batch is every
    caller's in it.
    """

    def __init__(self, answer_all: Callable[[list[Question]], Awaitable[list[Answer]]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._asked: list[asyncio.Future[Answer]] = []
        self._under_way: asyncio.Task[list[Answer]] | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises what ``answer_all`` raises, and TimeoutError when there is no answer in ten seconds."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._under_way is None:
            self._begin()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await future

    def _begin(self) -> None:
        self._under_way = asyncio.create_task(self._answer_waiting())
        self._under_way.add_done_callback(self._hand_out)

    async def _answer_waiting(self) -> list[Answer]:
        # Taken when the task runs and not when it is made: all that came in the same turn of the loop are in it.
        batch = [(question, future) for question, future in self._waiting if not future.done()]
        self._waiting = []
        self._asked = [future for _, future in batch]
        return await self._answer_all([question for question, _ in batch]) if batch else []

    def _hand_out(self, done: asyncio.Task[list[Answer]]) -> None:
        futures, self._asked, self._under_way = self._asked, [], None
        if self._waiting:
            self._begin()
        error = ConnectionError("given up: the process ends") if done.cancelled() else done.exception()
        answers = [] if error is not None else done.result()
        for number, future in enumerate(futures):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answers[number])
