"""What the sweep knows commands by is what the processes take."""

import pytest

from domain.checkout.processes import CHECKOUT_COMMANDS
from domain.market.processes import NEGOTIATION_COMMANDS, ORDER_COMMANDS, REVIEW_WINDOW_COMMANDS
from workflows.checkout.checkout import Checkout
from workflows.market.negotiation import Negotiation
from workflows.market.order import Order
from workflows.market.review_window import ReviewWindow


def updates(process: type) -> set[str]:
    found: dict[str, object] = getattr(process, "__temporal_workflow_definition").updates
    return set(found)


@pytest.mark.parametrize(
    ("process", "commands"),
    [
        (Negotiation, NEGOTIATION_COMMANDS),
        (Order, ORDER_COMMANDS),
        (ReviewWindow, REVIEW_WINDOW_COMMANDS),
        # A completion is not looked for: only the caller can bring the credential again.
        (Checkout, CHECKOUT_COMMANDS | {"complete_checkout"}),
    ],
)
def test_every_command_is_declared_with_its_workflow(process: type, commands: frozenset[str]) -> None:
    assert updates(process) == commands
