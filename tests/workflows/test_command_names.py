"""What the sweep knows commands by is what the processes take."""

import pytest

from domain.checkout.processes import CHECKOUT_COMMANDS
from domain.market.processes import MARKET_COMMANDS, commanded_process
from tests.workflows.books import key
from workflows.checkout.checkout import Checkout
from workflows.market.negotiation import Negotiation
from workflows.market.order import Order
from workflows.market.review_window import ReviewWindow


def updates(process: type) -> set[str]:
    found: dict[str, object] = getattr(process, "__temporal_workflow_definition").updates
    return set(found)


@pytest.mark.parametrize(
    ("process", "prefix"), [(Negotiation, "negotiation/"), (Order, "order/"), (ReviewWindow, "review-window/")]
)
def test_every_command_of_the_market_leads_to_its_process(process: type, prefix: str) -> None:
    assert updates(process)
    assert {commanded_process(kind, key("x")) for kind in updates(process)} == {f"{prefix}{key('x')}"}


def test_no_other_command_is_looked_for() -> None:
    assert updates(Negotiation) | updates(Order) | updates(ReviewWindow) == MARKET_COMMANDS
    assert updates(Checkout) - {"complete_checkout"} == CHECKOUT_COMMANDS
