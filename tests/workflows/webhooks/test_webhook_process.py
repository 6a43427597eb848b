"""The WebhookDelivery process on time that skips: days of backoff, a pause, a replay, a rotation, short histories.

Its activity is a fake that applies the real rules to an endpoint in memory, by the server's clock.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.platform.attributes import STATE
from activities.platform.signatures import activities_of
from domain.platform.workflows import NUDGE
from domain.webhooks.commands import WebhookStart
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.processes import SLOW_WEBHOOK_QUEUE, WEBHOOK_DELIVERY, WEBHOOK_QUEUE, webhook_process
from tests.workflows.market.books import key
from tests.workflows.waiting import has_ended, until
from tests.workflows.webhooks.fake_webhooks import Endpoint
from worker.interceptors import RefusalInterceptor
from worker.sandbox import sandboxed
from workflows.webhooks.delivery import WebhookDelivery

POLICY = WebhookPolicy()


@dataclass
class Post:
    env: WorkflowEnvironment
    endpoint: Endpoint
    client: Client
    name: str = "endpoint"

    @property
    def handle(self) -> WorkflowHandle:
        return self.client.get_workflow_handle(webhook_process(key(self.name)))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with (
            Worker(
                self.client,
                task_queue=WEBHOOK_QUEUE,
                workflows=[WebhookDelivery],
                activities=activities_of(self.endpoint),
                interceptors=[RefusalInterceptor()],
                workflow_runner=sandboxed(),
            ),
            Worker(self.client, task_queue=SLOW_WEBHOOK_QUEUE, activities=activities_of(self.endpoint)),
        ):
            yield

    async def nudge(self) -> None:
        await self.client.start_workflow(
            WEBHOOK_DELIVERY,
            WebhookStart(webhook_id=key(self.name)),
            id=webhook_process(key(self.name)),
            task_queue=WEBHOOK_QUEUE,
            start_signal=NUDGE,
        )

    async def happen(self, *events: str) -> None:
        self.endpoint.pending += events
        await self.nudge()

    async def rests(self, looks: int) -> None:
        await until(lambda: self.endpoint.looks >= looks)


@pytest_asyncio.fixture
async def post(env: WorkflowEnvironment) -> AsyncIterator[Post]:
    made = Post(env, Endpoint(env.get_current_time), env.client)
    async with made.worker():
        yield made


async def test_who_has_yet_to_answer_promptly_or_fails_takes_no_place_of_the_prompt(post: Post):
    await post.happen("one")
    await until(lambda: post.endpoint.delivered == ["one"])
    assert post.endpoint.queues == [SLOW_WEBHOOK_QUEUE]
    await post.happen("two")
    await until(lambda: post.endpoint.delivered == ["one", "two"])
    assert post.endpoint.queues[-1] == WEBHOOK_QUEUE
    post.endpoint.answer = 500
    await post.happen("three")
    await until(lambda: post.endpoint.failed_tries == 1)
    post.endpoint.answer = 204
    await post.env.sleep(timedelta(seconds=10))
    await until(lambda: post.endpoint.delivered[-1] == "three")
    assert post.endpoint.queues[-2:] == [WEBHOOK_QUEUE, SLOW_WEBHOOK_QUEUE]


async def test_a_nudge_delivers_and_rest_costs_nothing(post: Post):
    await post.happen("one", "two")
    await until(lambda: post.endpoint.delivered == ["one", "two"])
    looks = post.endpoint.looks
    await post.env.sleep(timedelta(days=30))
    assert post.endpoint.looks == looks
    await post.happen("three")
    await until(lambda: post.endpoint.delivered[-1] == "three")


async def test_days_of_backoff_follow_the_schedule_and_end_in_a_dead_letter(post: Post):
    post.endpoint.answer = 500
    await post.happen("poison")
    await post.rests(1)
    await post.env.sleep(timedelta(days=4))
    await until(lambda: post.endpoint.buried == ["poison"])
    times = [moment for _, moment in post.endpoint.sent]
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert len(waits) == len(POLICY.retry_seconds)
    for wait, planned in zip(waits, POLICY.retry_seconds, strict=True):
        assert planned <= wait <= planned * 1.05 + 5


async def test_news_during_a_backoff_do_not_hurry_it(post: Post):
    post.endpoint.answer = 500
    await post.happen("one")
    await post.rests(1)
    for name in ("two", "three"):
        looks = post.endpoint.looks
        await post.happen(name)
        await post.rests(looks + 1)
    assert [event for event, _ in post.endpoint.sent] == ["one"]
    post.endpoint.answer = 204
    await post.env.sleep(timedelta(seconds=10))
    await until(lambda: post.endpoint.delivered == ["one", "two", "three"])


async def test_an_endpoint_dead_for_days_is_paused_and_goes_on_when_its_owner_says(post: Post):
    post.endpoint.answer = 500
    await post.happen("one", "two")
    await post.rests(1)
    await post.env.sleep(timedelta(days=8))
    await until(lambda: post.endpoint.paused)
    assert post.endpoint.buried == ["one"]
    looks = post.endpoint.looks
    await post.env.sleep(timedelta(days=100))
    assert post.endpoint.looks == looks
    post.endpoint.answer, post.endpoint.paused, post.endpoint.failing_since = 204, False, None
    post.endpoint.revive()
    await post.nudge()
    await until(lambda: post.endpoint.delivered == ["two"])


async def test_a_replay_is_delivered_at_once_in_the_middle_of_a_wait(post: Post):
    await post.happen("one")
    await until(lambda: post.endpoint.delivered == ["one"])
    post.endpoint.answer = 500
    await post.happen("two")
    await until(lambda: post.endpoint.failed_tries == 1)
    post.endpoint.answer = 204
    post.endpoint.pending = ["one", "two"]
    post.endpoint.revive()
    await post.nudge()
    await until(lambda: post.endpoint.delivered == ["one", "one", "two"])


async def test_an_activity_that_fails_is_tried_until_it_works(post: Post):
    post.endpoint.broken = 3
    await post.happen("one")
    await post.env.sleep(timedelta(minutes=5))
    await until(lambda: post.endpoint.delivered == ["one"])


async def test_a_long_backlog_is_served_turn_by_turn_in_short_histories(post: Post):
    post.endpoint.per_turn = 1
    names = [str(number) for number in range(100)]
    await post.happen(*names)
    await until(lambda: post.endpoint.delivered == names, seconds=60)
    described = await post.handle.describe()
    assert described.history_length < 500
    first = described.raw_description.workflow_execution_info.first_run_id
    assert described.run_id != first


async def test_a_deleted_endpoint_ends_its_process(post: Post):
    await post.happen("one")
    await until(lambda: post.endpoint.delivered == ["one"])
    post.endpoint.deleted = True
    await post.nudge()
    await until(lambda: has_ended(post.handle))
    await post.handle.result()


async def test_operators_see_a_state_and_nothing_else(post: Post):
    post.endpoint.answer = 500
    await post.happen("one")
    await post.rests(1)

    async def backing_off() -> bool:
        return (await post.handle.describe()).typed_search_attributes.get(STATE) == "BACKING_OFF"

    await until(backing_off)
