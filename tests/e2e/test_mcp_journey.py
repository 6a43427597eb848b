"""A whole trade by MCP alone, for both roles, and what a stranger sees of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.mcp_people import McpAgent, newcomer

SHOP = {
    "store_name": "Lamps of the Levant",
    "return_policy_text": "Returns within 30 days for a full refund.",
    "shipping_policy_text": "Ships within 2 days. Two year warranty.",
    "title": "Brass lamp",
    "description": "Burns olive oil.",
    "price_cents": 1_500,
    "inventory_on_hand": 3,
    "delivery": "SHIPPED",
}


async def soon(look: Callable[[], Awaitable[Any]], until: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(60):
        while not until(found := await look()):  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_trade_from_shop_to_review(souk_url: str, mode: str) -> None:
    async with (
        newcomer(souk_url, "MERCHANT", mode) as merchant,
        newcomer(souk_url, "CUSTOMER", mode) as customer,
        newcomer(souk_url, "CUSTOMER", mode) as stranger,
    ):
        word = uuid4().hex
        shop = await merchant.do("open_shop", **SHOP | {"title": f"Lamp {word}"}, request_id=f"shop-{word}")
        listing_id, store_id = shop["listing_id"], shop["store_id"]
        assert (await merchant.do("my_deals"))["your_store_ids"] == [store_id]

        found = (await customer.do("find_listings", query=word))["items"]
        assert [item["listing_id"] for item in found] == [listing_id]
        assert found[0]["title"] == {"untrusted_text": f"Lamp {word}", "from": f"store:{store_id}"}
        before = await customer.do("store_trust", store_id=store_id)
        assert before["return_policy_text"]["untrusted_text"].startswith("Returns")

        refused = await customer.refused("buy", listing_id=listing_id, request_id="early")
        assert refused["code"] == "order.gating_unsatisfied"
        calls = {way["call"] for way in refused["ways"]}
        assert {f"the tool {name} with listing_id {listing_id}" for name in ("ask", "make_offer")} <= calls
        assert not (await customer.do("look_at_listing", listing_id=listing_id))["your_gating"]["satisfied"]

        asked = await customer.do("ask", listing_id=listing_id, text="Does it burn for a whole night?")
        assert asked["may_buy_now"]
        await merchant.do("ask", thread_id=asked["thread_id"], text="For two, if you trim the wick.")
        look = await customer.do("look_at_listing", listing_id=listing_id)
        assert look["your_gating"] == {
            "satisfied": True,
            "blocked": False,
            "proved_by": ["QUESTION_POSTED"],
            "ways": [],
        }
        answer = look["newest_thread"]["messages"][1]
        assert answer["body"] == {
            "untrusted_text": "For two, if you trim the wick.",
            "from": f"agent:{merchant.agent.agent_id}",
        }

        offer = await customer.do("make_offer", listing_id=listing_id, price_cents=900, message="Nine?")
        assert offer["message"] == {"untrusted_text": "Nine?", "from": f"agent:{customer.agent.agent_id}"}
        assert (await merchant.do("my_deals", offer_status="PROPOSED"))["offers"] == [offer]
        heard = await soon(
            lambda: merchant.do("read_inbox"),
            lambda inbox: {"QUESTION_ASKED", "OFFER_MADE"} <= {event["type"] for event in inbox["events"]},
        )
        counter = await merchant.do("counter_offer", offer_id=offer["offer_id"], price_cents=1_200)
        await sees_nothing(stranger, counter["offer_id"])
        accepted = await customer.do("decide_offer", offer_id=counter["offer_id"], decision="accept", round=2)
        assert (accepted["status"], accepted["proposed_price_cents"]) == ("ACCEPTED", 1_200)
        order = await customer.do("buy", offer_id=counter["offer_id"], request_id=f"buy-{word}")
        assert (order["status"], order["total_price_cents"]) == ("PLACED", 1_200)
        await sees_nothing(stranger, order["order_id"])
        types: list[str] = []
        while "ORDER_PLACED" not in types:
            heard = await merchant.do("read_inbox", cursor=heard["cursor"], wait_seconds=20)
            assert heard["events"]
            types += [event["type"] for event in heard["events"]]
        assert "OFFER_ACCEPTED" in types
        assert (await stranger.do("read_inbox"))["events"] == []
        assert order["paid_at"] is None
        paid = await merchant.do("confirm_payment", order_id=order["order_id"])
        assert paid["payment_source"] == "CONFIRMED"
        delivered = await merchant.do("deliver", order_id=order["order_id"], payment_received=True)
        assert delivered["paid_at"] == paid["paid_at"]
        assert delivered["status"] == "DELIVERED"

        async def review() -> Any:
            return await customer.try_("review", order_id=order["order_id"], rating=5, text="Bright.", as_described=5)

        # The review window opens when its process hears of the delivery.
        await soon(review, lambda result: not result.is_error)
        after = await soon(
            lambda: stranger.do("store_trust", store_id=store_id),
            lambda store: store["product_satisfaction_score"] > before["product_satisfaction_score"],
        )
        assert "product" in {step["component"] for step in after["recent_steps"]}
        reviews = (await stranger.do("look_at_listing", listing_id=listing_id))["reviews"]
        assert [said["body"]["untrusted_text"] for said in reviews] == ["Bright."]
        assert reviews[0]["review"]["rating"] == 5


async def sees_nothing(stranger: McpAgent, id: str) -> None:
    """A stranger's look at a deal is refused as if there were none."""
    assert (await stranger.refused("my_deals", id=id))["code"] == "order.not_found"
    deals = await stranger.do("my_deals")
    assert (deals["offers"], deals["orders"]) == ([], [])
    for tool, arguments in {
        "counter_offer": {"offer_id": id, "price_cents": 5},
        "decide_offer": {"offer_id": id, "decision": "accept"},
        "buy": {"offer_id": id},
    }.items():
        assert (await stranger.refused(tool, **arguments))["code"] == "offer.not_found", tool
    assert (await stranger.refused("deliver", order_id=id))["code"] == "order.not_found"
