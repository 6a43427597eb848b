"""Telling the stores' trust, gathered for a moment."""

from collections import Counter
from typing import cast
from uuid import UUID

from temporalio.client import Client

from activities.market.nudges import TemporalNudgeActivities
from db.platform.database import Database
from domain.market.commands import StoreTrustStart, Tell
from domain.market.policy import MarketPolicy
from domain.market.processes import store_trust_process
from tests.workflows.waiting import until

POLICY = MarketPolicy(trust_fold_delay_seconds=0.1)
ONE, OTHER = UUID(int=1), UUID(int=2)


class Post:
    """As much of a client as a signal needs."""

    def __init__(self) -> None:
        self.signals: Counter[str] = Counter()

    def get_workflow_handle(self, process_id: str) -> "Letter":
        return Letter(self, process_id)


class Letter:
    def __init__(self, post: Post, process_id: str) -> None:
        self._post, self._process_id = post, process_id

    async def signal(self, name: str, **_: object) -> None:
        self._post.signals[self._process_id] += 1


async def test_what_comes_for_a_store_within_a_moment_is_told_once() -> None:
    post = Post()
    nudges = TemporalNudgeActivities(cast("Database", None), cast("Client", post))

    async def tell(store_id: UUID) -> None:
        await nudges.tell_processes(Tell(store_trust=StoreTrustStart(store_id=store_id, policy=POLICY)))

    for store_id in (ONE, ONE, OTHER, ONE):
        await tell(store_id)
    assert not post.signals
    await until(lambda: post.signals.total() == 2)
    assert post.signals == {store_trust_process(ONE): 1, store_trust_process(OTHER): 1}
    await tell(ONE)
    await until(lambda: post.signals[store_trust_process(ONE)] == 2)
