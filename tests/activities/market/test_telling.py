"""Telling the stores' trust, gathered for a moment; and the sweep, which keeps no reader of the feeds waiting."""

from collections import Counter
from dataclasses import replace
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.market.context import market_context
from activities.market.nudges import TemporalNudgeActivities
from activities.platform.specs import Due, WorkflowSpecs
from db.platform.database import Database
from domain.market.commands import StoreTrustStart, Tell
from domain.market.policy import MarketPolicy
from domain.market.processes import store_trust_process
from tests.workflows.waiting import until

POLICY = MarketPolicy(trust_fold_delay_seconds=0.1)
SPECS = WorkflowSpecs((market_context(POLICY, 90),))
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
    nudges = TemporalNudgeActivities(cast("Database", None), cast("Client", post), SPECS)

    async def tell(store_id: UUID) -> None:
        await nudges.tell_processes(Tell(store_trust=StoreTrustStart(store_id=store_id, policy=POLICY)))

    for store_id in (ONE, ONE, OTHER, ONE):
        await tell(store_id)
    assert not post.signals
    await until(lambda: post.signals.total() == 2)
    assert post.signals == {store_trust_process(ONE): 1, store_trust_process(OTHER): 1}
    await tell(ONE)
    await until(lambda: post.signals[store_trust_process(ONE)] == 2)


async def test_a_sweep_looks_for_what_is_due_when_its_upkeep_is_committed(worker_database: Database) -> None:
    """Readers of the feeds stop at the oldest transaction that has written something: its id is its place."""
    places = []

    async def look(session: AsyncSession, _: int) -> list[Due]:
        places.append(await session.scalar(text("SELECT pg_current_xact_id_if_assigned()::text")))
        return []

    [market] = SPECS.contexts
    looking = replace(market, workflows=tuple(replace(spec, list_due=look) for spec in market.workflows))
    nudges = TemporalNudgeActivities(worker_database, cast("Client", Post()), WorkflowSpecs((looking,)))
    async with worker_database.session() as session:
        await session.execute(text("INSERT INTO rate_limit_windows VALUES ('test/closed', 1, now() - interval '1 s')"))
    assert (await ActivityEnvironment().run(nudges.sweep)).rows_purged >= 1
    assert places == [None] * len(market.workflows)
