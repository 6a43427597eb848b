"""The StoreTrust process: many nudges one fold, its dates, a long life in short histories."""

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from domain.market.commands import StoreTrustStart
from domain.market.policy import DAY, HOUR
from domain.market.processes import STORE_TRUST
from domain.platform.workflows import AUDIT, NUDGE, SWEEP
from tests.workflows.market.books import STRANGER
from tests.workflows.market.town import Town
from tests.workflows.waiting import has_ended, idle, until


async def test_many_nudges_share_one_fold(town: Town):
    town.policy = town.policy.model_copy(update={"trust_fold_delay_seconds": HOUR})
    town.books.pending_facts = 1
    process = await town.nudge_trust()
    await until(lambda: town.books.folds == [1])
    town.books.pending_facts = 7
    for _ in range(7):
        await process.signal(NUDGE)
    assert town.books.folds == [1]
    await town.sleep(1.5 * HOUR)
    await until(lambda: town.books.folds == [1, 7])
    await town.sleep(DAY)
    assert town.books.folds == [1, 7]


async def test_a_fold_that_moves_no_date_keeps_the_timer(town: Town):
    town.policy = town.policy.model_copy(update={"trust_fold_delay_seconds": 0})
    process = await town.nudge_trust()
    await until(lambda: len(town.books.folds) == 1)
    for folds in (2, 3):
        await town.sleep(60)
        await process.signal(NUDGE)
        await until(lambda folds=folds: len(town.books.folds) == folds)
    await until(lambda: idle(process))
    kinds = [event.event_type for event in (await process.fetch_history()).events]
    assert kinds.count(EventType.EVENT_TYPE_TIMER_STARTED) == 1
    assert kinds.count(EventType.EVENT_TYPE_TIMER_CANCELED) == 0


async def test_it_wakes_at_its_deadline(town: Town):
    await town.nudge_trust()
    await until(lambda: town.books.folds == [0])
    town.books.pending_facts = 1
    await town.sleep(29 * DAY)
    assert town.books.folds == [0]
    await town.sleep(2 * DAY)
    await until(lambda: town.books.folds == [0, 1])
    assert not await has_ended(town.trust)


async def test_a_full_batch_is_followed_by_the_next_at_once(town: Town):
    town.books.fold_batch, town.books.pending_facts = 2, 5
    await town.nudge_trust()
    await town.sleep(60)
    await until(lambda: town.books.folds == [2, 2, 1])


async def test_an_unknown_store_fails_clearly(town: Town):
    handle = await town.client.start_workflow(
        STORE_TRUST, StoreTrustStart(store_id=STRANGER, policy=town.policy), id="nowhere", task_queue=town.queue
    )
    await until(lambda: has_ended(handle))
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "store.not_found"


@pytest.mark.parametrize("kind", [SWEEP, AUDIT])
async def test_the_sweep_and_the_audit_answer_with_their_report(town: Town, kind: str):
    found = await town.client.execute_workflow(kind, id=kind, task_queue=town.queue)
    assert (found["woken"]["negotiation"] if kind == SWEEP else found["findings"][0]["invariant"]) == 1
