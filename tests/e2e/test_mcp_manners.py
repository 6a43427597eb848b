"""How tools refuse, repeat and survive: bad arguments, request_id, privacy, a restart of the API."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from mcp import MCPError

from config.settings import Settings
from tests.browser.restarting import ApiProcess
from tests.e2e.mcp_people import at_mcp, newcomer
from tests.e2e.people import Agent, Shop
from tests.running import RunningSouk

NOWHERE = "01920000-0000-7000-8000-00000000dead"


async def test_bad_arguments_are_named_and_not_repeated(souk_url: str) -> None:
    async with newcomer(souk_url, "CUSTOMER") as customer:
        secret = "s3cret-" + uuid4().hex
        cases: list[tuple[str, dict[str, Any], str]] = [
            ("make_offer", {"listing_id": secret, "price_cents": 5}, "listing_id"),
            ("make_offer", {"listing_id": NOWHERE}, "price_cents"),
            ("make_offer", {"listing_id": NOWHERE, "price_cents": 0}, "price_cents"),
            ("make_offer", {"listing_id": NOWHERE, "price_cents": "5"}, "price_cents"),
            ("make_offer", {"listing_id": NOWHERE, "price_cents": 5.5}, "price_cents"),
            ("make_offer", {"listing_id": NOWHERE, "price_cents": 5, "limit_cents": secret}, "limit_cents"),
            ("decide_offer", {"offer_id": NOWHERE, "decision": secret}, "decision"),
            ("buy", {"listing_id": NOWHERE, "request_id": "two words " + secret}, "request_id"),
            ("read_inbox", {"wait_seconds": 3_600}, "wait_seconds"),
            ("review", {"order_id": NOWHERE, "rating": 6, "text": secret}, "rating"),
        ]
        for tool, arguments, field in cases:
            problem = await customer.refused(tool, **arguments)
            assert problem["code"] == "request.invalid", tool
            assert field in problem["errors"][0]["field"], (tool, problem)
            assert secret not in json.dumps(problem)
        # Refused before a thread is opened for it.
        problem = await customer.refused("ask", listing_id=NOWHERE, text="A NUL: \x00, twenty characters")
        assert problem["code"] == "request.invalid"
        assert [error["field"] for error in problem["errors"]] == ["text"]
        assert (await customer.refused("ask", text="To nobody in particular."))["code"] == "thread.needs_context"
        with pytest.raises(MCPError, match="no tool of this name"):
            await customer.try_("no_such_tool")


async def test_refusals_say_what_to_do_next(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer, newcomer(souk_url, "MERCHANT") as merchant:
        offer = await customer.do("make_offer", listing_id=shop.listing_id, price_cents=900)
        own = await customer.refused("decide_offer", offer_id=offer["offer_id"], decision="accept")
        assert (own["code"], own["next_actions"]) == ("offer.not_your_turn", ["wait for the tool read_inbox"])
        assert (await merchant.refused("buy", listing_id=shop.listing_id))["status"] == 403
        gone = await customer.refused("look_at_listing", listing_id=NOWHERE)
        assert (gone["code"], gone["next_actions"]) == ("listing.not_found", ["the tool find_listings"])
        with pytest.raises(MCPError, match="no prompt of this name") as unknown:
            await customer.client.get_prompt("no_such_prompt")
        assert unknown.value.error.code == -32602
        assert (await customer.refused("open_shop", **lamp()))["code"] == "agent.not_a_merchant"
        twice = await customer.refused("make_offer", listing_id=shop.listing_id, price_cents=950)
        assert twice["next_actions"]
        assert "/v1/" not in json.dumps(twice)


def lamp(**more: Any) -> dict[str, Any]:
    texts = {"store_name": "Lamps", "return_policy_text": "None.", "shipping_policy_text": "Slow."}
    return {**texts, "title": "Lamp", "description": "Burns.", "price_cents": 1_000, "inventory_on_hand": 9, **more}


async def test_ways_to_buy_are_told_in_tools(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer:
        gating = (await customer.do("look_at_listing", listing_id=shop.listing_id))["your_gating"]
        refused = await customer.refused("buy", listing_id=shop.listing_id, expected_unit_price_cents=1_500)
        assert refused["code"] == "order.gating_unsatisfied"
        assert refused["next_actions"] == [f"the tool look_at_listing with listing_id {shop.listing_id}"]
        for ways in (gating["ways"], refused["ways"]):
            assert [way["call"] for way in ways] == [
                f"the tool ask with listing_id {shop.listing_id}",
                f"the tool make_offer with listing_id {shop.listing_id}",
                "the tool ask with the thread_id of such a thread",
            ]
            assert "context_" not in json.dumps(ways)
            assert "/v1/" not in json.dumps(ways)


async def test_a_party_is_told_that_its_own_order_is_the_others_to_decide(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer, at_mcp(souk_url, shop.owner) as seller:
        await customer.do("make_offer", listing_id=shop.listing_id, price_cents=900)
        order = await customer.do("buy", listing_id=shop.listing_id, expected_unit_price_cents=1_500)
        mine = order["order_id"]
        for agent, tool, arguments, code in (
            (customer, "deliver", {}, "order.seller_only"),
            (customer, "confirm_payment", {}, "order.seller_only"),
            (customer, "settle_order", {"action": "grant_refund"}, "order.seller_only"),
            (seller, "settle_order", {"action": "request_refund"}, "order.buyer_only"),
            (seller, "settle_order", {"action": "cancel"}, "order.buyer_only"),
        ):
            problem = await agent.refused(tool, order_id=mine, **arguments)
            assert (problem["code"], problem["status"]) == (code, 403), tool
            assert problem["next_actions"] == [f"the tool my_deals with id {mine}"]


async def test_the_same_request_id_is_done_once(souk_url: str) -> None:
    async with newcomer(souk_url, "MERCHANT") as merchant, newcomer(souk_url, "CUSTOMER") as customer:
        opened = await asyncio.gather(
            *(merchant.try_("open_shop", **lamp(inventory_on_hand=10), request_id="shop") for _ in range(3))
        )
        shop = await merchant.do("open_shop", **lamp(inventory_on_hand=10), request_id="shop")
        assert {r.structured_content.get("listing_id", shop["listing_id"]) for r in opened} == {shop["listing_id"]}
        assert (await merchant.do("my_deals"))["your_store_ids"] == [shop["store_id"]]
        question = {"listing_id": shop["listing_id"], "text": "Does it burn for a whole night?"}
        asked = await customer.do("ask", **question, request_id="ask")
        assert await customer.do("ask", **question, request_id="ask") == asked
        assert len((await customer.do("read_thread", thread_id=asked["thread_id"]))["messages"]) == 1

        order = await customer.do("buy", listing_id=shop["listing_id"], request_id="buy")
        assert await customer.do("buy", listing_id=shop["listing_id"], request_id="buy") == order
        assert (await customer.do("my_deals"))["orders"] == [order]
        other = await customer.refused("buy", listing_id=shop["listing_id"], quantity=2, request_id="buy")
        assert other["code"] == "idempotency.key_reused"
        assert other["next_actions"] == ["use a fresh request_id for a new request"]
        # Without one, or with another, it is another intention.
        assert (await customer.do("buy", listing_id=shop["listing_id"], request_id="2"))["order_id"] != order[
            "order_id"
        ]
        assert (await customer.do("buy", listing_id=shop["listing_id"]))["order_id"] != order["order_id"]
        assert len((await customer.do("my_deals"))["orders"]) == 3


async def test_a_shop_that_was_half_opened_is_finished(souk_url: str) -> None:
    async with newcomer(souk_url, "MERCHANT") as merchant:
        # No such currency: known once the store and the product are there.
        half = await merchant.refused("open_shop", **lamp(currency="XQZ"), request_id="half")
        assert half["code"] == "money.currency_unknown"
        done = half["done_so_far"]
        shop = await merchant.do("open_shop", **{**lamp(), "store_id": done["store_id"]}, request_id="half-2")
        assert (await merchant.do("my_deals"))["your_store_ids"] == [shop["store_id"]] == [done["store_id"]]


async def test_texts_that_look_like_json_stay_texts(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer:
        offer = await customer.do("make_offer", listing_id=shop.listing_id, price_cents=900, message='["a", {"b": 1}]')
        assert offer["message"]["untrusted_text"] == '["a", {"b": 1}]'


async def test_the_others_limits_are_never_told(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url, price_cents=150_000)
    floor, decline = 104_729, 15_485
    limits = {"floor_cents": floor, "auto_decline_cents": decline}
    await asyncio.to_thread(shop.owner.ok, "PUT", f"/v1/listings/{shop.listing_id}/limits", limits)
    async with newcomer(souk_url, "CUSTOMER") as customer, at_mcp(souk_url, shop.owner) as merchant:
        heard: list[Any] = [await customer.do("look_at_listing", listing_id=shop.listing_id)]
        offer = await customer.do("make_offer", listing_id=shop.listing_id, price_cents=20_000)
        own = await merchant.refused("decide_offer", offer_id=offer["offer_id"], decision="accept")
        assert own["code"] == "limits.below_floor"
        heard += [offer, await customer.do("my_deals"), await customer.do("store_trust", store_id=shop.store_id)]
        heard.append(await customer.refused("decide_offer", offer_id=offer["offer_id"], decision="accept"))
        heard.append(await customer.do("read_inbox"))
        told = json.dumps(heard)
        assert str(floor) not in told
        assert str(decline) not in told


async def test_resources_show_what_the_tools_show(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer:
        thread = await customer.do("ask", listing_id=shop.listing_id, text="Does it burn for a whole night?")
        templates = (await customer.client.list_resource_templates()).resource_templates
        assert {template.uri_template for template in templates} == {
            "souk://listings/{listing_id}", "souk://stores/{store_id}", "souk://threads/{thread_id}",
        }  # fmt: skip

        async def read(uri: str) -> Any:
            (content,) = (await customer.client.read_resource(uri)).contents
            assert content.mime_type == "application/json"
            return json.loads(content.text)

        look = await customer.do("look_at_listing", listing_id=shop.listing_id)
        assert await read(f"souk://listings/{shop.listing_id}") == look["listing"]
        assert await read(f"souk://threads/{thread['thread_id']}") == look["newest_thread"]
        store = await customer.do("store_trust", store_id=shop.store_id)
        assert (await read(f"souk://stores/{shop.store_id}"))["name"] == store["name"]
        assert look["listing"] in (await read("souk://listings"))["items"]
        assert thread["thread_id"] in {head["thread_id"] for head in (await read("souk://threads"))["items"]}
        with pytest.raises(MCPError) as refused:
            await read(f"souk://stores/{NOWHERE}")
        assert refused.value.error.data["code"] == "store.not_found"


async def test_a_long_thread_comes_page_by_page(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with newcomer(souk_url, "CUSTOMER") as customer:
        thread = await customer.do("ask", listing_id=shop.listing_id, text="Does it burn for a whole night?")
        for number in range(4):
            await customer.do("ask", thread_id=thread["thread_id"], text=f"And number {number}?")
        texts, cursor = [], None
        for _ in range(3):
            page = await customer.do("read_thread", thread_id=thread["thread_id"], limit=2, cursor=cursor)
            texts += [message["body"]["untrusted_text"] for message in page["messages"]]
            cursor = page["messages_cursor"]
        assert cursor is None
        assert texts == ["Does it burn for a whole night?", *(f"And number {number}?" for number in range(4))]


async def test_tools_describe_themselves(souk_url: str) -> None:
    async with newcomer(souk_url, "CUSTOMER") as customer:
        tools = (await customer.client.list_tools()).tools
        assert "Never follow" in (customer.client.instructions or "")
    assert 10 <= len(tools) <= 20
    for tool in tools:
        assert tool.title
        assert len(tool.description) > 60, tool.name
        assert tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert "title" not in tool.input_schema
        assert tool.name != "review" or "title" in tool.input_schema["properties"]
        # What the market itself lets be repeated needs no request_id.
        once = not tool.annotations.idempotent_hint
        assert ("request_id" in tool.input_schema["properties"]) == once, tool.name
        assert ("Give request_id" in tool.description) == once, tool.name
        undescribed = [name for name, one in tool.input_schema["properties"].items() if "description" not in one]
        assert undescribed == [], tool.name
    assert {tool.name for tool in tools if tool.annotations.destructive_hint} == {
        "buy", "decide_offer", "settle_order", "block_customer",
    }  # fmt: skip
    writing = {tool.name for tool in tools if not tool.annotations.read_only_hint}
    assert {tool.name for tool in tools if tool.annotations.idempotent_hint} & writing == {"block_customer"}


@pytest.mark.slow(seconds=8)
async def test_a_restart_of_the_api_breaks_no_client(settings: Settings, souk: RunningSouk) -> None:
    shop = await asyncio.to_thread(Shop.open, souk.url)
    agents = [await asyncio.to_thread(Agent.register, souk.url, "CUSTOMER") for _ in range(2)]
    question = {"listing_id": shop.listing_id, "text": "Does it burn for a whole night?", "request_id": "q"}
    process = await asyncio.to_thread(ApiProcess(settings).__enter__)
    try:
        async with at_mcp(process.url, agents[0], "auto") as new, at_mcp(process.url, agents[1], "legacy") as old:
            asked = [await customer.do("ask", **question) for customer in (new, old)]
            await asyncio.to_thread(process.__exit__, None, None, None)
            process = await asyncio.to_thread(ApiProcess(settings, process.port).__enter__)
            assert [await customer.do("ask", **question) for customer in (new, old)] == asked
            for customer in (new, old):
                order = await customer.do("buy", listing_id=shop.listing_id, request_id="b")
                assert order["status"] == "DELIVERED"
    finally:
        await asyncio.to_thread(process.__exit__, None, None, None)
