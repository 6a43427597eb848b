"""Facts: each is one transaction that leaves its row, its event, its evidence and its trust fact, or nothing."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from db.platform.database import Database
from tests.api.conftest import Agent, Stall, open_stall, register

LONG = "Does this lamp shine in the dark, and for how long?"


async def rows(database: Database, query: str, **values: Any) -> list[dict[str, Any]]:
    async with database.session() as session:
        return [dict(row) for row in (await session.execute(text(query), values)).mappings()]


async def facts(database: Database, store_id: str, reason: str) -> list[dict[str, Any]]:
    query = (
        "SELECT * FROM trust_facts WHERE store_id = :store AND reason = CAST(:reason AS trust_reason) ORDER BY position"
    )
    return await rows(database, query, store=store_id, reason=reason)


async def events(database: Database, store_id: str) -> list[str]:
    query = "SELECT type FROM activity_events WHERE store_id = :store ORDER BY txid, seq"
    return [row["type"] for row in await rows(database, query, store=store_id)]


def code(response: Any) -> str:
    return response.json()["code"]


async def test_opening_a_store_reads_its_policies_and_starts_its_trust(worker_database, stall: Stall):
    assert await events(worker_database, stall.store_id) == ["STORE_CREATED", "LISTING_DROPPED"]
    (fact,) = await facts(worker_database, stall.store_id, "POLICY_UPDATED")
    assert str(fact["source_event_id"]) == stall.store_id
    assert fact["inputs"]["fields"] == dict.fromkeys(
        ("returns_window", "shipping_time", "refund_rule", "warranty"), True
    )
    (moved,) = await rows(
        worker_database, "SELECT delta, reason FROM stock_movements WHERE listing_id = :l", l=stall.listing_id
    )
    assert moved == {"delta": 5, "reason": "INITIAL"}
    trust = await stall.owner.ok("GET", f"/v1/stores/{stall.store_id}/trust")
    assert (trust["overall_score"], trust["rated"], trust["sequence"]) == (50.0, False, 0)


async def test_policies_leave_patch_notes_and_one_fact(worker_database, stall: Stall):
    path = f"/v1/stores/{stall.store_id}/policies"
    both = {"return_policy_text": "No returns. No refunds.", "shipping_policy_text": "Soon.", "reason": "Honesty."}
    store = await stall.owner.ok("PATCH", path, both)
    assert store["return_policy_text"] == "No returns. No refunds."
    notes = (await stall.owner.ok("GET", f"/v1/stores/{stall.store_id}/updates"))["items"]
    assert {note["field_name"] for note in notes} == {"return_policy_text", "shipping_policy_text"}
    assert all(note["reason"] == "Honesty." and note["update_type"] == "POLICY_UPDATED" for note in notes)
    found = await facts(worker_database, stall.store_id, "POLICY_UPDATED")
    assert len(found) == 2
    assert str(found[1]["source_event_id"]) in {note["store_update_id"] for note in notes}
    assert (await events(worker_database, stall.store_id)).count("STORE_UPDATE_POSTED") == 2
    await stall.owner.ok("PATCH", path, both)
    assert len(await facts(worker_database, stall.store_id, "POLICY_UPDATED")) == 2


async def test_a_reason_is_required_for_what_is_promised(stall: Stall):
    for path, body in (
        (f"/v1/stores/{stall.store_id}/policies", {"return_policy_text": "x"}),
        (f"/v1/listings/{stall.listing_id}/price", {"price_cents": 5}),
        (f"/v1/products/{stall.product_id}", {"title": "x"}),
        (f"/v1/products/{stall.product_id}", {"title": "x", "reason": "  "}),
    ):
        assert code(await stall.owner("PATCH", path, body)) == "request.invalid"


async def test_a_closed_store_stays_closed(stall: Stall):
    path = f"/v1/stores/{stall.store_id}"
    assert (await stall.owner.ok("PATCH", path, {"status": "PAUSED", "tagline": "Back soon"}))["tagline"] == "Back soon"
    assert (await stall.owner.ok("PATCH", path, {"tagline": None}))["tagline"] is None
    await stall.owner.ok("PATCH", path, {"status": "CLOSED"})
    for change in ({"status": "ACTIVE"}, {"tagline": "x"}):
        assert code(await stall.owner("PATCH", path, change)) == "store.closed"
    product = {"store_id": stall.store_id, "title": "x", "description": "x"}
    assert code(await stall.owner("POST", "/v1/products", product)) == "store.closed"
    listing = {"product_id": stall.product_id, "price_cents": 5, "inventory_on_hand": 1}
    assert code(await stall.owner("POST", "/v1/listings", listing)) == "store.closed"


async def test_only_its_owner_changes_a_store(http, stall: Stall):
    thief = await register(http, "MERCHANT")
    for method, path, body in (
        ("PATCH", f"/v1/stores/{stall.store_id}", {"status": "PAUSED"}),
        ("PATCH", f"/v1/stores/{stall.store_id}/policies", {"return_policy_text": "x", "reason": "x"}),
        ("POST", "/v1/products", {"store_id": stall.store_id, "title": "x", "description": "x"}),
        ("PATCH", f"/v1/products/{stall.product_id}", {"title": "x", "reason": "x"}),
        ("POST", "/v1/listings", {"product_id": stall.product_id, "price_cents": 5, "inventory_on_hand": 1}),
        ("PATCH", f"/v1/listings/{stall.listing_id}/price", {"price_cents": 5, "reason": "x"}),
        ("PATCH", f"/v1/listings/{stall.listing_id}/inventory", {"delta": 1}),
        ("PATCH", f"/v1/listings/{stall.listing_id}/status", {"status": "PAUSED"}),
        ("PUT", f"/v1/listings/{stall.listing_id}/limits", {"floor_cents": 1}),
        ("GET", f"/v1/listings/{stall.listing_id}/limits", None),
    ):
        response = await thief(method, path, body)
        assert (response.status_code, code(response)) == (403, "store.not_yours"), path


async def test_prices_change_in_public(worker_database, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/price"
    assert (await stall.owner.ok("PATCH", path, {"price_cents": 1_700, "reason": "Copper."}))["price_cents"] == 1_700
    await stall.owner.ok("PATCH", path, {"price_cents": 1_700, "reason": "Again."})
    (note,) = (await stall.owner.ok("GET", f"/v1/stores/{stall.store_id}/updates"))["items"]
    assert (note["old_value"], note["new_value"], note["linked_listing_id"]) == ("1500", "1700", stall.listing_id)
    (fact,) = await facts(worker_database, stall.store_id, "PRICE_UPDATED")
    assert fact["inputs"] == {"raised": True, "open_commitments": False, "penalised_recently": False}
    assert str(fact["source_event_id"]) == note["store_update_id"]


async def test_stock_is_the_sum_of_its_movements(worker_database, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/inventory"
    assert (await stall.owner.ok("PATCH", path, {"delta": -5}))["status"] == "SOLD_OUT"
    assert code(await stall.owner("PATCH", path, {"delta": -1})) == "listing.stock_negative"
    assert (await stall.owner.ok("PATCH", path, {"inventory_on_hand": 3}))["status"] == "ACTIVE"
    await stall.owner.ok("PATCH", path, {"inventory_on_hand": 3})
    found = await rows(
        worker_database,
        "SELECT sum(delta) AS total, count(*) AS number FROM stock_movements WHERE listing_id = :l",
        l=stall.listing_id,
    )
    assert found == [{"total": 3, "number": 3}]
    for body in ({}, {"delta": 1, "inventory_on_hand": 1}, {"delta": 1.5}, {"delta": 2_000_000}):
        assert code(await stall.owner("PATCH", path, body)) == "request.invalid"
    assert code(await stall.owner("PATCH", path, {"delta": 1_000_000})) == "request.invalid"
    assert (await stall.owner.ok("GET", f"/v1/listings/{stall.listing_id}"))["inventory_on_hand"] == 3


async def test_deltas_at_once_all_count(stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/inventory"
    await asyncio.gather(*(stall.owner.ok("PATCH", path, {"delta": 1}) for _ in range(15)))
    assert (await stall.owner.ok("GET", f"/v1/listings/{stall.listing_id}"))["inventory_on_hand"] == 20


async def test_a_hero_store_shows_one_listing(http):
    stall = await open_stall(http, hero_only=True)
    second = {"product_id": stall.product_id, "price_cents": 900, "inventory_on_hand": 1}
    assert code(await stall.owner("POST", "/v1/listings", second)) == "listing.hero_taken"
    waiting = await stall.owner.ok("POST", "/v1/listings", {**second, "inventory_on_hand": 0})
    assert waiting["status"] == "SOLD_OUT"
    status = f"/v1/listings/{waiting['listing_id']}/status"
    assert (await stall.owner.ok("PATCH", status, {"status": "ACTIVE"}))["status"] == "SOLD_OUT"
    await stall.owner.ok("PATCH", f"/v1/listings/{waiting['listing_id']}/inventory", {"delta": 2})
    assert code(await stall.owner("PATCH", status, {"status": "ACTIVE"})) == "listing.hero_taken"
    await stall.owner.ok("PATCH", f"/v1/listings/{stall.listing_id}/status", {"status": "PAUSED"})
    assert (await stall.owner.ok("PATCH", status, {"status": "ACTIVE"}))["status"] == "ACTIVE"


async def test_listings_are_checked(stall: Stall):
    body = {"product_id": stall.product_id, "price_cents": 500, "inventory_on_hand": 1}
    for change, expected in (
        ({"currency": "XXQ"}, "money.currency_unknown"),
        ({"currency": "usd"}, "request.invalid"),
        ({"price_cents": 100_000_001}, "request.invalid"),
        ({"inventory_on_hand": 1_000_001}, "request.invalid"),
        ({"promised_delivery_seconds": 60}, "request.invalid"),
        ({"delivery": "PIGEON"}, "request.invalid"),
        ({"product_id": stall.store_id}, "product.not_found"),
    ):
        assert code(await stall.owner("POST", "/v1/listings", {**body, **change})) == expected
    shipped = {**body, "delivery": "SHIPPED", "promised_delivery_seconds": 60, "currency": "MKD"}
    assert (await stall.owner.ok("POST", "/v1/listings", shipped))["promised_delivery_seconds"] == 60


async def test_private_limits_are_coherent_and_private(http, stall: Stall):
    path = f"/v1/listings/{stall.listing_id}/limits"
    await stall.owner.ok("PUT", path, {"floor_cents": 1_111, "auto_accept_cents": 1_222, "auto_decline_cents": 999})
    for bad in (
        {"floor_cents": 10, "auto_accept_cents": 9},
        {"auto_accept_cents": 9, "auto_decline_cents": 9},
    ):
        assert code(await stall.owner("PUT", path, bad)) == "limits.incoherent"
    assert (await stall.owner.ok("GET", path))["floor_cents"] == 1_111
    shown = (await http.get(f"/v1/listings/{stall.listing_id}")).text
    assert "1111" not in shown


async def test_questions_prove_interaction_and_want_an_answer(worker_database, stall: Stall, customer: Agent):
    gating = f"/v1/listings/{stall.listing_id}/gating"
    before = await customer.ok("GET", gating)
    assert (before["satisfied"], len(before["ways"])) == (False, 3)
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "LOOKING_FOR", "title": "Light", "context_listing_id": stall.listing_id}
    )
    assert thread["context_store_id"] == stall.store_id
    messages = f"/v1/threads/{thread['thread_id']}/messages"
    await customer.ok("POST", messages, {"body": "short"})
    assert not (await customer.ok("GET", gating))["satisfied"]
    question = await customer.ok("POST", messages, {"body": LONG})
    await customer.ok("POST", messages, {"body": LONG + " Tell me."})
    after = await customer.ok("GET", gating)
    assert {found["type"] for found in after["evidence"]} == {"QUESTION_POSTED", "LOOKING_FOR_PARTICIPATION"}
    asked = await rows(worker_database, "SELECT * FROM support_questions WHERE thread_id = :t", t=thread["thread_id"])
    assert [str(row["question_message_id"]) for row in asked] == [question["message_id"]]
    answer = await stall.owner.ok("POST", messages, {"body": "Yes, all night."})
    (asked,) = await rows(
        worker_database, "SELECT * FROM support_questions WHERE thread_id = :t", t=thread["thread_id"]
    )
    assert str(asked["answer_message_id"]) == answer["message_id"]
    (fact,) = await facts(worker_database, stall.store_id, "MERCHANT_REPLIED_IN_THREAD")
    assert str(fact["subject_agent_id"]) == customer.agent_id
    assert str(fact["source_event_id"]) == question["message_id"]
    assert 0 <= fact["inputs"]["latency_ms"] < 60_000
    assert fact["inputs"]["deadline_ms"] == 86_400_000
    inbox = await rows(
        worker_database,
        "SELECT agent_id, type FROM inbox_events WHERE thread_id = :t ORDER BY seq",
        t=thread["thread_id"],
    )
    assert [(str(row["agent_id"]), row["type"]) for row in inbox] == [
        (stall.owner.agent_id, "QUESTION_ASKED"),
        (customer.agent_id, "QUESTION_ANSWERED"),
    ]
    await stall.owner.ok("POST", messages, {"body": "Anything else?"})
    assert len(await facts(worker_database, stall.store_id, "MERCHANT_REPLIED_IN_THREAD")) == 1


async def test_an_answer_goes_to_the_one_it_replies_to(http, worker_database, stall: Stall, customer: Agent):
    second = await register(http, "CUSTOMER")
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "Light", "context_store_id": stall.store_id}
    )
    messages = f"/v1/threads/{thread['thread_id']}/messages"
    await customer.ok("POST", messages, {"body": LONG})
    later = await second.ok("POST", messages, {"body": LONG})
    await stall.owner.ok("POST", messages, {"body": "Yes", "parent_message_id": later["message_id"]})
    (fact,) = await facts(worker_database, stall.store_id, "MERCHANT_REPLIED_IN_THREAD")
    assert str(fact["subject_agent_id"]) == second.agent_id
    assert (await customer.ok("GET", f"/v1/listings/{stall.listing_id}/gating"))["satisfied"]
    # Answers at once: the one question left is answered once.
    await asyncio.gather(*(stall.owner.ok("POST", messages, {"body": "Yes"}) for _ in range(5)))
    assert len(await facts(worker_database, stall.store_id, "MERCHANT_REPLIED_IN_THREAD")) == 2


async def test_a_missed_question_earns_nothing_by_a_late_answer(worker_database, stall: Stall, customer: Agent):
    thread = await customer.ok(
        "POST", "/v1/threads", {"type": "GENERAL", "title": "Light", "context_store_id": stall.store_id}
    )
    messages = f"/v1/threads/{thread['thread_id']}/messages"
    await customer.ok("POST", messages, {"body": LONG})
    async with worker_database.session() as session:
        await session.execute(
            text("UPDATE support_questions SET missed_at = now() WHERE thread_id = :t"), {"t": thread["thread_id"]}
        )
    await stall.owner.ok("POST", messages, {"body": "Sorry, yes."})
    assert await facts(worker_database, stall.store_id, "MERCHANT_REPLIED_IN_THREAD") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "REVIEW", "title": "x"}, "thread.type_reserved"),
        ({"type": "CLAIM_CHALLENGE", "title": "x"}, "thread.needs_context"),
        ({"type": "LAUNCH_DROP", "title": "x", "context_store_id": "STORE"}, "store.not_yours"),
        ({"type": "GENERAL", "title": "x", "context_listing_id": "STORE"}, "listing.not_found"),
        ({"type": "GENERAL", "title": "x", "context_order_id": "STORE"}, "order.not_found"),
        (
            {"type": "GENERAL", "title": "x", "context_store_id": "OTHER", "context_listing_id": "LISTING"},
            "thread.context_invalid",
        ),
    ],
)
async def test_contexts_belong_together(http, stall: Stall, customer: Agent, body: dict, expected: str):
    other = await open_stall(http)
    real = {"STORE": stall.store_id, "LISTING": stall.listing_id, "OTHER": other.store_id}
    response = await customer("POST", "/v1/threads", {name: real.get(value, value) for name, value in body.items()})
    assert code(response) == expected


async def test_parents_are_of_the_same_thread(stall: Stall, customer: Agent):
    one, two = [
        (await customer.ok("POST", "/v1/threads", {"type": "GENERAL", "title": name}))["thread_id"] for name in "ab"
    ]
    message = await customer.ok("POST", f"/v1/threads/{one}/messages", {"body": "hello"})
    body = {"body": "hello", "parent_message_id": message["message_id"]}
    assert code(await customer("POST", f"/v1/threads/{two}/messages", body)) == "message.parent_invalid"
    assert (await customer("POST", f"/v1/threads/{one}/messages", body)).status_code == 201


async def test_better_copy_closes_a_challenge_and_earns_nothing_by_a_thread_alone(
    worker_database, stall: Stall, customer: Agent
):
    thread = await customer.ok(
        "POST",
        "/v1/threads",
        {"type": "CLAIM_CHALLENGE", "title": "It does not shine", "context_listing_id": stall.listing_id},
    )
    path = f"/v1/products/{stall.product_id}"
    image = {"image_url": "https://example.org/lamp.png", "position": 1}
    changed = await stall.owner.ok(
        "PATCH", path, {"description": "It glows.", "images": [image], "reason": "You were right."}
    )
    assert changed["images"] == [image]
    assert await facts(worker_database, stall.store_id, "PRODUCT_COPY_UPDATED") == []
    assert (await customer.ok("GET", f"/v1/threads/{thread['thread_id']}"))["status"] == "CLOSED"
    closed = await customer("POST", f"/v1/threads/{thread['thread_id']}/messages", {"body": "Thanks"})
    assert code(closed) == "thread.closed"
    await stall.owner.ok("PATCH", path, {"description": "It glows.", "images": [image], "reason": "Again."})
    notes = (await stall.owner.ok("GET", f"/v1/stores/{stall.store_id}/updates"))["items"]
    assert {note["field_name"] for note in notes} == {"description", "images"}


async def test_an_offer_of_others_cannot_be_referred_to(stall: Stall, customer: Agent):
    thread = await customer.ok("POST", "/v1/threads", {"type": "GENERAL", "title": "x"})
    body = {"offer_id": stall.store_id, "thread_id": thread["thread_id"], "public_note": "hello"}
    assert code(await customer("POST", "/v1/offer-references", body)) == "offer.not_found"
