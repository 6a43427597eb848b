"""The tool block_customer: a merchant keeps a customer away, and only the two learn of it."""

import asyncio

from tests.e2e.mcp_people import at_mcp, newcomer
from tests.e2e.people import Shop


async def test_a_customer_is_blocked_and_let_in_again(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with at_mcp(souk_url, shop.owner) as merchant, newcomer(souk_url, "CUSTOMER") as customer:
        await customer.do("ask", listing_id=shop.listing_id, text="Does it burn for a whole night?")
        agent_id = customer.agent.agent_id
        block = {"store_id": shop.store_id, "block_agent_id": agent_id, "reason": "Pays for nothing."}
        blocked = await merchant.do("block_customer", **block)
        [shown] = blocked["items"]
        assert (shown["agent_id"], blocked["older"]) == (agent_id, 0)
        assert shown["reason"] == {"untrusted_text": "Pays for nothing.", "from": f"store:{shop.store_id}"}
        # Repeated or only looked at, it stays as it is; another reason takes the place of the first.
        assert await merchant.do("block_customer", **block) == blocked
        assert await merchant.do("block_customer", store_id=shop.store_id) == blocked
        again = await merchant.do("block_customer", **block | {"reason": "Again."})
        assert [one["reason"]["untrusted_text"] for one in again["items"]] == ["Again."]

        gating = (await customer.do("look_at_listing", listing_id=shop.listing_id))["your_gating"]
        assert gating == {"satisfied": False, "blocked": True, "proved_by": ["QUESTION_POSTED"], "ways": []}
        bid = {"listing_id": shop.listing_id, "price_cents": 900}
        assert (await customer.refused("make_offer", **bid))["code"] == "store.blocked"

        unblocked = await merchant.do("block_customer", store_id=shop.store_id, unblock_agent_id=agent_id)
        assert unblocked == {"items": [], "older": 0}
        gating = (await customer.do("look_at_listing", listing_id=shop.listing_id))["your_gating"]
        assert (gating["satisfied"], gating["blocked"]) == (True, False)
        assert (await customer.do("make_offer", **bid))["status"] == "PROPOSED"


async def test_who_may_not_block_is_refused(souk_url: str) -> None:
    shop = await asyncio.to_thread(Shop.open, souk_url)
    async with (
        at_mcp(souk_url, shop.owner) as merchant,
        newcomer(souk_url, "MERCHANT") as rival,
        newcomer(souk_url, "CUSTOMER") as customer,
    ):
        block = {"store_id": shop.store_id, "block_agent_id": customer.agent.agent_id, "reason": "Mine now."}
        for who, code in ((rival, "store.not_yours"), (customer, "agent.not_a_merchant")):
            assert (await who.refused("block_customer", **block))["code"] == code
            assert (await who.refused("block_customer", store_id=shop.store_id))["code"] == code
        other = await merchant.refused("block_customer", **block | {"block_agent_id": rival.agent.agent_id})
        assert other["code"] == "agent.not_a_customer"
        for reason in (None, "x" * 1_001):
            problem = await merchant.refused("block_customer", **block | {"reason": reason})
            assert (problem["code"], "reason" in problem["errors"][0]["field"]) == ("request.invalid", True)
        assert (await merchant.do("block_customer", store_id=shop.store_id))["items"] == []
