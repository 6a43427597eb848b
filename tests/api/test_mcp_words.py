"""What refusals say at /mcp: ways on in tools, nothing that is no tool dressed up as one."""

import re
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from api.errors import problem_body
from api.mcp.refusals import arguments_refused, fill_ids, in_tools, told_for_tools, way_in_tools
from api.mcp.server import MarketServer
from api.mcp.tools import TOOLS
from api.platform.observe import Metrics
from domain.market.gating import ways_to_satisfy
from domain.platform.errors import CATALOGUE

NAMES = {tool.work.__name__ for tool in TOOLS}


LISTING, STORE = uuid4(), uuid4()
# No tool and no route of an agent refuses with these: operators' and platforms' own, and faults of ours.
ELSEWHERE = re.compile(r"^(checkout|cart|console|webhook|message)\.|^auth\.(operator_required|key_not_found)")
NO_WAY = {"TRUST_INPUTS_INVALID", "order.no_appeal", "order.appeal_decision_late", "request.headers_too_large"}


def sentences() -> list[str]:
    ways = ways_to_satisfy(LISTING, STORE)
    return [
        *(action for code in CATALOGUE.values() for action in code.next_actions),
        *(code.meaning for code in CATALOGUE.values()),
        *(way_in_tools(way)["call"] for way in ways),
        *(way_in_tools(way)["how"] for way in ways),
        "The order was delivered: ask for a refund with POST /v1/orders/{order_id}/refund-request.",
        "The order is not delivered yet: cancel it with POST /v1/orders/{order_id}/cancel.",
    ]


def test_every_way_on_that_a_tool_offers_names_the_tool() -> None:
    for sentence in sentences():
        told = in_tools(sentence)
        for name in re.findall(r"the tool (\w+)", told):
            assert name in NAMES, told
        # Left as REST calls: private limits, listings' and keys' upkeep, webhooks and checkout.
        assert not re.search(r"/v1/(offers|orders|threads|inbox|activity|reviews|products)\b", told), told
        assert "context_" not in told, told


def told(code: str, arguments: dict[str, Any], **details: Any) -> dict[str, Any]:
    """What a tool called with these arguments tells of a refusal."""
    document = problem_body(CATALOGUE[code].error(**details), "/v1/...", {})
    return fill_ids(told_for_tools(document), arguments)


def test_every_refusal_has_a_way_on_and_no_placeholder() -> None:
    ours = [code for code in CATALOGUE if "." in code and not ELSEWHERE.match(code)]
    assert len(ours) > 60
    assert [code for code in ours if not CATALOGUE[code].next_actions and code not in NO_WAY] == []
    for code in ours:
        for arguments in ({}, {"listing_id": str(LISTING)}, {"offer_id": str(uuid4())}, {"order_id": str(uuid4())}):
            actions = told(code, arguments)["next_actions"]
            assert actions or code in NO_WAY, code
            assert not [action for action in actions if "{" in action], (code, actions)


def test_ways_on_name_the_ids_a_tool_was_called_with() -> None:
    offer, listing = str(uuid4()), str(LISTING)
    assert told("listing.sold_out", {"listing_id": listing})["next_actions"] == [
        f"the tool look_at_listing with listing_id {listing}"
    ]
    assert told("listing.sold_out", {"listing_id": None})["next_actions"] == ["the tool look_at_listing"]
    assert told("negotiation.rounds_exhausted", {"offer_id": offer})["next_actions"] == [
        f"the tool decide_offer with {word} and offer_id {offer}" for word in ("accept", "reject", "withdraw")
    ]
    assert told("offer.not_maker", {})["next_actions"] == ["the tool decide_offer with reject"]
    gated = told("order.gating_unsatisfied", {"listing_id": listing}, ways=ways_to_satisfy(LISTING, STORE))
    assert [way["call"] for way in gated["ways"]] == [
        f"the tool ask with listing_id {listing}",
        f"the tool make_offer with listing_id {listing}",
        "the tool ask with the thread_id of such a thread",
    ]


def test_refusals_name_the_arguments_of_the_tool() -> None:
    fields = ["body.body", "body.proposed_price_cents", "body.context_listing_id", "body.title", "query.q"]
    refused = CATALOGUE["request.invalid"].error(errors=[{"field": field, "problem": "no"} for field in fields])
    document = problem_body(refused, "/v1/...", {})

    def named(names: dict[str, str] | None) -> list[str]:
        return [error["field"] for error in told_for_tools(document, names=names)["errors"]]

    assert named(None) == ["text", "price_cents", "listing_id", "title", "query"]
    assert named({"title": "text"}) == ["text", "price_cents", "listing_id", "text", "query"]
    assert told_for_tools(document)["next_actions"] == ["call it again with arguments that fit its input schema"]

    class Arguments(BaseModel):
        body: int

    with pytest.raises(ValidationError) as caught:
        Arguments.model_validate({"body": "x"})
    # An argument is called what it is called, whatever fields have that name.
    assert arguments_refused(caught.value)["errors"][0]["field"] == "body"


async def test_inputs_have_no_references_and_say_their_maxima() -> None:
    server = MarketServer(Metrics(), TOOLS)
    tools = await server.list_tools()
    assert len(tools) == len(TOOLS)
    for tool in tools:
        schema = tool.input_schema
        assert "$ref" not in str(schema), tool.name
        assert "$defs" not in schema, tool.name
        for name, argument in schema["properties"].items():
            parts = [argument, *argument.get("anyOf", ())]
            for part in parts:
                for bound in ("maxLength", "maximum"):
                    if bound in part:
                        assert f"{part[bound]:.0f}" in argument["description"], (tool.name, name)
    (my_deals,) = (tool for tool in tools if tool.name == "my_deals")
    (statuses, _) = my_deals.input_schema["properties"]["offer_status"]["anyOf"]
    assert "PROPOSED" in statuses["enum"]


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("POST /v1/offers", "the tool make_offer"),
        ("POST /v1/offers/01/counter", "the tool counter_offer with offer_id 01"),
        ("POST /v1/offers/01/withdraw", "the tool decide_offer with withdraw and offer_id 01"),
        ("GET /v1/listings/01/gating", "the tool look_at_listing with listing_id 01"),
        ("GET /v1/orders/01", "the tool my_deals with id 01"),
        ("GET /v1/orders", "the tool my_deals"),
        ("GET /v1/listings", "the tool find_listings"),
        ("give context_listing_id or context_store_id", "give listing_id or store_id"),
        ("PUT /v1/agents/me/limits", "PUT /v1/agents/me/limits"),
    ],
)
def test_ways_on(sentence: str, told: str) -> None:
    assert in_tools(sentence) == told
