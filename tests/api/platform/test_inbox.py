"""An inbox page by page: order, places, types, dates, terms, and nobody else's eyes."""

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from config.contexts import CONTEXTS
from db.platform import writes
from db.platform.database import Database
from db.platform.events import notify
from domain.market.states import InboxType
from domain.platform.outages import OutageNews
from tests.activities.market.scene import Scene
from tests.api.conftest import Agent, Stall, register
from tests.builders import Shop

QUESTION = "Does this lamp shine in the dark, and for how long?"


async def tell(database: Database, agent: Agent, *types: InboxType, **what: Any) -> None:
    """Events of one transaction."""
    async with database.session() as session:
        for kind in types:
            notify(session, UUID(agent.agent_id), kind, **what)
            await writes.send(session)


async def inbox(agent: Agent, count: int, **params: Any) -> list[dict]:
    """The agent's events, oldest first, once there are so many of them to be read."""
    async with asyncio.timeout(60):
        while True:
            page = await agent.ok("GET", "/v1/inbox", **{"order": "oldest", "limit": 200} | params)
            if len(page["items"]) >= count:
                return page["items"]
            await asyncio.sleep(0.02)


async def ask(customer: Agent, stall: Stall) -> dict:
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "Lamps", "context_listing_id": stall.listing_id}
    )
    return await customer.ok("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": QUESTION})


async def test_both_orders_page_by_page(worker_database, customer: Agent):
    kinds = [InboxType.TRUST_MOVED, InboxType.QUESTION_MISSED, InboxType.TRUST_MOVED]
    for _ in range(2):
        await tell(worker_database, customer, *kinds)
    oldest = await inbox(customer, 6)
    assert [event["type"] for event in oldest] == kinds * 2
    for order in ("oldest", "newest"):
        seen, cursor = [], None
        while True:
            params = {"order": order, "limit": 4} | ({"cursor": cursor} if cursor else {})
            page = await customer.ok("GET", "/v1/inbox", **params)
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == (oldest if order == "oldest" else oldest[::-1])
    # An event's own cursor is a place too.
    rest = await customer.ok("GET", "/v1/inbox", order="oldest", cursor=oldest[2]["cursor"])
    assert rest["items"] == oldest[3:]


def test_every_type_is_explained_to_agents():
    page = (Path(__file__).parents[3] / "docs" / "agents.md").read_text()
    explained = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted((*CONTEXTS.inbox, *OutageNews))


async def test_types_may_be_repeated(worker_database, customer: Agent):
    kinds = [InboxType.TRUST_MOVED, InboxType.QUESTION_MISSED, InboxType.REVIEW_POSTED]
    await tell(worker_database, customer, *kinds)
    await inbox(customer, 3)
    for wanted in (["TRUST_MOVED"], ["TRUST_MOVED", "REVIEW_POSTED"], ["OFFER_MADE"]):
        found = (await customer.ok("GET", "/v1/inbox", type=wanted))["items"]
        assert [event["type"] for event in found] == [kind for kind in reversed(kinds) if kind in wanted]
    for query in ({"type": "NONE"}, {"cursor": "nonsense"}, {"order": "by name"}, {"limit": 0}):
        assert (await customer("GET", "/v1/inbox", **query)).status_code == 422


async def test_an_unchanged_inbox_is_not_sent_twice(worker_database, customer: Agent, http: httpx.AsyncClient):
    await tell(worker_database, customer, InboxType.TRUST_MOVED)
    await inbox(customer, 1)
    first = await http.get("/v1/inbox", headers=customer.headers)
    known = customer.headers | {"If-None-Match": first.headers["etag"]}
    assert (await http.get("/v1/inbox", headers=known)).status_code == 304
    assert first.headers["cache-control"].startswith("private")
    await tell(worker_database, customer, InboxType.REVIEW_POSTED)
    await inbox(customer, 2)
    assert (await http.get("/v1/inbox", headers=known)).status_code == 200


async def test_a_question_tells_until_when_it_is_to_be_answered(stall: Stall, customer: Agent):
    message = await ask(customer, stall)
    (event,) = await inbox(stall.owner, 1)
    assert (event["type"], event["message_id"]) == ("QUESTION_ASKED", message["message_id"])
    assert event["thread_id"] == message["thread_id"]
    assert event["due_at"] > event["created_at"]
    assert event["meta"] == {}


async def test_terms_come_with_an_offer_to_its_parties_only(
    stall: Stall, customer: Agent, http, worker_database, owner_url
):
    scene = Scene(worker_database, owner_url)
    shop = Shop(*map(UUID, (stall.owner.agent_id, stall.store_id, stall.product_id, stall.listing_id)))
    deal = await scene.offer(shop, UUID(customer.agent_id), 1_234, message="Twelve and a bit?")
    await deal.counter(shop.merchant_id, 1_432)
    (made,) = await inbox(stall.owner, 1)
    (countered,) = await inbox(customer, 1)
    assert (made["type"], countered["type"]) == ("OFFER_MADE", "OFFER_COUNTERED")
    assert made["offer"]["proposed_price_cents"] == 1_234
    assert made["offer"]["message"] == "Twelve and a bit?"
    assert (made["offer"]["status"], made["offer"]["close_reason"]) == ("CANCELLED", "SUPERSEDED")
    assert countered["offer"]["proposed_price_cents"] == 1_432
    assert countered["offer"]["proposed_by"] == "SELLER"
    assert countered["due_at"] == countered["offer"]["expires_at"]
    # Neither another's key nor another's cursor shows it.
    for kind in ("CUSTOMER", "MERCHANT"):
        other = await register(http, kind)
        page = await other.ok("GET", "/v1/inbox", order="oldest")
        assert page == {"items": [], "next_cursor": None}
        assert (await other.ok("GET", "/v1/inbox", cursor=made["cursor"]))["items"] == []


async def test_only_agents_have_one(http: httpx.AsyncClient, operator: Agent):
    for path in ("/v1/inbox", "/v1/inbox/stream"):
        anyone = await http.get(path)
        assert (anyone.status_code, anyone.json()["code"]) == (401, "auth.required")
        assert ((await operator("GET", path)).json())["code"] == "auth.agent_required"


async def test_replies_reach_those_they_answer_and_nobody_twice(stall: Stall, customer: Agent, http):
    other = await register(http, "CUSTOMER")
    thread = await customer.ok("POST", "/v1/threads", {"type": "LOOKING_FOR", "title": "A lamp that hums"})
    path = f"/v1/threads/{thread['thread_id']}/messages"
    first = await other.ok("POST", path, {"body": "I have seen one in the old town."})
    answer = await customer.ok("POST", path, {"body": "Where?", "parent_message_id": first["message_id"]})
    await other.ok("POST", path, {"body": "Near the well.", "parent_message_id": answer["message_id"]})
    to_opener, to_author = await inbox(customer, 2), await inbox(other, 1)
    assert [event["type"] for event in to_opener + to_author] == ["MESSAGE_REPLIED"] * 3
    assert to_opener[0]["message_id"] == first["message_id"]
    assert [event["meta"] for event in to_opener] == [{}, {"parent_message_id": answer["message_id"]}]
    assert to_author[0]["meta"] == {"parent_message_id": first["message_id"]}
    # A question and its answer have events of their own.
    question = await ask(customer, stall)
    path = f"/v1/threads/{question['thread_id']}/messages"
    await stall.owner.ok("POST", path, {"body": "All night.", "parent_message_id": question["message_id"]})
    assert [event["type"] for event in (await inbox(customer, 3))[2:]] == ["QUESTION_ANSWERED"]
    assert [event["type"] for event in await inbox(stall.owner, 1)] == ["QUESTION_ASKED"]
