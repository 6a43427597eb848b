"""Each command is declared once, and taken, carried out and found again under its kind."""

from typing import Any

import pytest
from pydantic import ValidationError

from activities.checkout.signatures import CheckoutActivities
from activities.market.signatures import NegotiationActivities, OrderActivities, ReviewActivities
from activities.platform.signatures import activity_names
from config.settings import Settings
from config.specs import workflow_specs
from db.platform.ids import new_id
from domain.checkout.commands import CompleteCheckout
from domain.market.commands import AcceptOffer, ConfirmPayment, DeclineOrder, PlaceOrder
from domain.platform.commands import COMMANDS, Command, kinds_told_again
from worker.registry import list_workflows

ACTIVITIES = (NegotiationActivities, OrderActivities, ReviewActivities, CheckoutActivities)


def definition(workflow: type) -> Any:
    return getattr(workflow, "__temporal_workflow_definition")


@pytest.mark.parametrize("workflow", list_workflows(), ids=lambda workflow: definition(workflow).name)
def test_a_workflow_takes_the_commands_that_are_declared_for_it(workflow: type) -> None:
    taken = definition(workflow)
    declared = {kind: command for kind, command in COMMANDS.items() if command.workflow == taken.name}
    assert {kind: update.arg_types for kind, update in taken.updates.items()} == {
        kind: [command] for kind, command in declared.items()
    }


def test_an_activity_of_its_name_carries_each_out() -> None:
    names = {name for signature in ACTIVITIES for name in activity_names(signature).values()}
    # A completion is a saga: its first step only begins it.
    assert set(COMMANDS) - {CompleteCheckout.kind} <= names
    assert CompleteCheckout.kind not in names


def test_the_sweep_tells_workflows_of_all_but_completions() -> None:
    specs = workflow_specs(Settings())
    assert specs.commands == set(COMMANDS) - {CompleteCheckout.kind}
    for kind in specs.commands:
        assert kind in kinds_told_again(specs.by_command(kind).type.name)


def test_a_command_knows_whose_projection_it_changes() -> None:
    ids = [new_id() for _ in range(4)]
    accept = AcceptOffer(command_id=ids[0], negotiation_id=ids[1], offer_id=ids[2], by_agent_id=ids[3])
    assert (accept.entity_id, accept.opens) == (ids[1], False)
    place = PlaceOrder(command_id=ids[0], buyer_id=ids[1], listing_id=ids[2])
    assert (place.entity_id, place.opens) == (ids[0], True)


def test_a_command_has_its_own_fields_and_no_other() -> None:
    ids = {"command_id": new_id(), "order_id": new_id(), "by_agent_id": new_id()}
    DeclineOrder(**ids, reason="None left.")
    with pytest.raises(ValidationError):
        ConfirmPayment(**ids, reason="None left.")


def test_two_commands_of_one_kind_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="accept_offer"):

        class Another(Command):
            kind = "accept_offer"
