"""Committed histories through today's processes: an incompatible change fails here, not in production."""

import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.market.commands import NegotiationStart
from domain.market.processes import NEGOTIATION
from tests.conftest import TEST_KEY_RING
from worker.registry import list_workflows
from worker.sandbox import sandboxed
from workflows.codec import data_converter
from workflows.market.negotiation import Negotiation

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))
KINDS = {"Negotiation", "Order", "ReviewWindow", "StoreTrust", "Checkout", "WebhookDelivery"}


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=workflows or list_workflows(),
        workflow_runner=sandboxed(),
        data_converter=data_converter(TEST_KEY_RING),
    )


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_todays_code_takes_up_the_process(path: Path):
    await replayer().replay_workflow(history(path))


def test_there_is_a_history_of_every_kind_of_process():
    found = [json.loads(path.read_text())["events"][0] for path in HISTORIES]
    kinds = {event["workflowExecutionStartedEventAttributes"]["workflowType"]["name"] for event in found}
    assert kinds == KINDS
    assert len(found) >= 12


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_no_term_of_an_offer_stands_in_a_history_unencrypted(path: Path):
    for word in ("price_cents", "quantity", "buyer_id", "floor", "It shines", "list price", "secret-of-the-buyer"):
        assert word not in path.read_text()


@workflow.defn(name=NEGOTIATION, sandboxed=False)
class Changed(Negotiation):
    """What a careless change would do: it waits before it does anything."""

    @workflow.init
    def __init__(self, start: NegotiationStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: NegotiationStart) -> None:
        await workflow.sleep(60)
        await super().run(start)


async def test_an_incompatible_change_is_found_out():
    path = next(path for path in HISTORIES if path.stem == "negotiation-expired")
    with pytest.raises(NondeterminismError):
        await replayer(Changed).replay_workflow(history(path))
