"""What refusals say at /mcp: ways on in tools, nothing that is no tool dressed up as one."""

import re

import pytest

from api.mcp.refusals import in_tools
from api.mcp.server import TOOLS
from domain.market.gating import ways_to_satisfy
from domain.platform.errors import CATALOGUE

NAMES = {work.__name__ for work, _, _ in TOOLS}


def sentences() -> list[str]:
    ways = ways_to_satisfy("listing", "store")  # type: ignore[arg-type]
    return [
        *(action for code in CATALOGUE.values() for action in code.next_actions),
        *(code.meaning for code in CATALOGUE.values()),
        *(way["call"] for way in ways),
        "The order was delivered: ask for a refund with POST /v1/orders/{order_id}/refund-request.",
        "The order is not delivered yet: cancel it with POST /v1/orders/{order_id}/cancel.",
    ]


def test_every_way_on_that_a_tool_offers_names_the_tool() -> None:
    for sentence in sentences():
        told = in_tools(sentence)
        for name in re.findall(r"the tool (\w+)", told):
            assert name in NAMES, told
        # Left as REST calls: private limits, listings' and keys' upkeep, webhooks and checkout.
        assert not re.search(r"/v1/(offers|orders|threads|inbox|activity|reviews)\b", told), told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("POST /v1/offers", "the tool make_offer"),
        ("POST /v1/offers/01/counter", "the tool counter_offer with offer_id 01"),
        ("POST /v1/offers/01/withdraw", "the tool decide_offer with withdraw and offer_id 01"),
        ("GET /v1/listings/01/gating", "the tool look_at_listing with listing_id 01"),
        ("GET /v1/orders/01", "the tool my_deals with id 01"),
        ("PUT /v1/agents/me/limits", "PUT /v1/agents/me/limits"),
    ],
)
def test_ways_on(sentence: str, told: str) -> None:
    assert in_tools(sentence) == told
