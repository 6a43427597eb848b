"""Webhooks as an agent uses them: over HTTP, delivered by the real processes to a real receiver."""

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.e2e.people import Agent, Shop, eventually
from tests.hostile.callers import operator_key
from tests.receiver import Received, Receiver
from tests.running import RunningSouk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def url(hasty_souk: RunningSouk) -> str:
    return hasty_souk.url


def subscribe(agent: Agent, receiver: Receiver, **more: object) -> tuple[str, str]:
    """The webhook's id and its secret."""
    made = agent.post("/v1/webhooks", {"url": receiver.url, "source": "INBOX", **more})
    return made["webhook"]["webhook_id"], made["secret"]


def shown(agent: Agent, webhook: str) -> dict[str, object]:
    found: dict[str, object] = agent.get(f"/v1/webhooks/{webhook}")
    return found


def test_a_merchant_hears_of_offers_and_sales_as_its_inbox_tells_it(url: str, receiver: Receiver) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    webhook, secret = subscribe(shop.owner, receiver, types=["OFFER_MADE", "ORDER_PLACED"])
    order = shop.buy(customer)
    shop.offer(Agent.register(url, "CUSTOMER"), 900)
    sale, offer = receiver.wait_for(2)
    for one in (sale, offer):
        one.verify(secret)
    inbox = {item["inbox_event_id"]: item for item in shop.owner.get("/v1/inbox?limit=200")["items"]}
    # A status is as it stands when the item is read, and may have moved on; all else is the same.
    for one, terms in ((sale, "order"), (offer, "offer")):
        assert {**one.data, terms: None} == {**inbox[one.id], terms: None}
        assert one.data[terms].keys() == inbox[one.id][terms].keys()
    assert (sale.data["order_id"], sale.data["order"]["total_price_cents"]) == (order["order_id"], 1_500)
    assert offer.data["offer"]["proposed_price_cents"] == 900
    seen = eventually(lambda: shown(shop.owner, webhook), until=lambda w: w["cursor"] == offer.data["cursor"])
    told = (seen["status"], seen["failing_since"], seen["last_status"], seen["dead_letters"])
    assert told == ("ACTIVE", None, 204, 0)
    # The other side sees nothing of it.
    assert not customer.get("/v1/webhooks")["items"]


def test_public_activity_of_one_store(url: str, receiver: Receiver) -> None:
    shop, elsewhere = Shop.open(url), Shop.open(url)
    _, secret = subscribe(
        Agent.register(url, "CUSTOMER"), receiver, source="ACTIVITY", store_id=shop.store_id, types=["ORDER_PLACED"]
    )
    elsewhere.buy(Agent.register(url, "CUSTOMER"))
    order = shop.buy(Agent.register(url, "CUSTOMER"))
    (got,) = receiver.wait_for(1)
    got.verify(secret)
    assert (got.data["store_id"], got.data["order_id"]) == (shop.store_id, order["order_id"])
    public = shop.owner.get(f"/v1/activity?store_id={shop.store_id}&type=ORDER_PLACED")["items"]
    assert got.data == public[0]


def test_receivers_that_hang_delay_nobody_who_is_prompt(url: str, receiver: Receiver) -> None:
    """More of them than there are places."""
    shop, other, released = Shop.open(url), Shop.open(url), threading.Event()
    subscribe(shop.owner, receiver, types=["OFFER_MADE"])
    shop.offer(Agent.register(url, "CUSTOMER"), 600)
    receiver.wait_for(1)

    def hang(_: str) -> int:
        released.wait(240)
        return 204

    try:
        with Receiver(hang) as slow:
            for _ in range(4):
                hanging, _ = subscribe(other.owner, slow, types=["OFFER_MADE"])
            other.offer(Agent.register(url, "CUSTOMER"), 700)
            eventually(lambda: slow.waiting, until=lambda count: count == 3)
            for cents in (700, 800, 900):
                shop.offer(Agent.register(url, "CUSTOMER"), cents)
            assert [one.data["type"] for one in receiver.wait_for(4)] == ["OFFER_MADE"] * 4
            assert shown(other.owner, hanging)["last_delivered_at"] is None
            released.set()
            assert len(slow.wait_for(4)) >= 4
    finally:
        released.set()


def test_dead_letters_and_replay(url: str, receiver: Receiver) -> None:
    shop = Shop.open(url)
    webhook, secret = subscribe(shop.owner, receiver, types=["OFFER_MADE"])
    receiver.answer = lambda _: 500
    shop.offer(Agent.register(url, "CUSTOMER"), 700)
    eventually(lambda: shown(shop.owner, webhook)["dead_letters"], until=lambda count: count == 1)
    assert [one.id for one in receiver.received] == [receiver.received[0].id] * 4
    (letter,) = shop.owner.get(f"/v1/webhooks/{webhook}/dead-letters")["items"]
    assert (letter["event_id"], letter["tries"], letter["last_status"]) == (receiver.received[0].id, 4, 500)
    receiver.answer = lambda _: 200
    shop.offer(Agent.register(url, "CUSTOMER"), 800)
    receiver.wait_for(1)
    shop.owner.post(f"/v1/webhooks/{webhook}/replay", {"cursor": letter["replay_cursor"]})
    again = receiver.wait_for(3)
    assert [one.id for one in again[1:]] == [letter["event_id"], again[0].id]
    again[1].verify(secret)
    eventually(lambda: shown(shop.owner, webhook)["dead_letters"], until=lambda count: count == 0)


def test_gone_pauses_and_the_owner_reads_why(url: str, receiver: Receiver) -> None:
    shop = Shop.open(url)
    webhook, _ = subscribe(shop.owner, receiver, types=["OFFER_MADE"])
    receiver.answer = lambda _: 410
    shop.offer(Agent.register(url, "CUSTOMER"), 700)
    seen = eventually(lambda: shown(shop.owner, webhook), until=lambda w: w["status"] == "PAUSED")
    assert (seen["pause_reason"], len(receiver.received)) == ("GONE", 1)
    (notice,) = eventually(lambda: shop.owner.get("/v1/inbox?type=WEBHOOK_PAUSED")["items"], until=bool)
    assert notice["meta"] == {"webhook_id": webhook, "reason": "GONE"}
    receiver.answer = lambda _: 200
    shop.owner.ok("PATCH", f"/v1/webhooks/{webhook}", {"status": "ACTIVE"})
    assert receiver.wait_for(1)[0].id == receiver.received[0].id


def test_pausing_keeps_the_place(url: str, receiver: Receiver) -> None:
    shop = Shop.open(url)
    webhook, _ = subscribe(shop.owner, receiver, types=["OFFER_MADE"])
    paused = shop.owner.ok("PATCH", f"/v1/webhooks/{webhook}", {"status": "PAUSED", "description": "A pause"})
    assert (paused["status"], paused["pause_reason"], paused["description"]) == ("PAUSED", "BY_OWNER", "A pause")
    shop.offer(Agent.register(url, "CUSTOMER"), 700)
    tested = shop.owner.post(f"/v1/webhooks/{webhook}/test")
    (test,) = receiver.wait_for(1)
    assert (test.id, test.document["type"]) == (tested["test_id"], "TEST")
    result = eventually(lambda: shown(shop.owner, webhook)["last_test"], until=lambda t: t["sent_at"] is not None)
    assert (result["test_id"], result["status"]) == (tested["test_id"], 204)
    with Receiver() as moved:
        shop.owner.ok("PATCH", f"/v1/webhooks/{webhook}", {"url": moved.url, "status": "ACTIVE"})
        assert moved.wait_for(1)[0].data["type"] == "OFFER_MADE"
    assert len(receiver.received) == 1


def delivery_of_a_test(shop: Shop, receiver: Receiver, webhook: str) -> Received:
    """The delivery of a test asked for now; its owner's inbox may have something to tell meanwhile."""
    test_id = shop.owner.post(f"/v1/webhooks/{webhook}/test")["test_id"]
    count = 0
    while True:
        count += 1
        found = receiver.wait_for(count)[count - 1]
        if found.id == test_id:
            return found


def test_rotation_overlaps(url: str, receiver: Receiver) -> None:
    shop = Shop.open(url)
    webhook, old = subscribe(shop.owner, receiver)
    key = uuid4().hex
    rotated = shop.owner.post(f"/v1/webhooks/{webhook}/rotate-secret", {"overlap_seconds": 600}, key=key)
    again = shop.owner.post(f"/v1/webhooks/{webhook}/rotate-secret", {"overlap_seconds": 600}, key=key)
    assert again == rotated
    assert rotated["secret"] != old
    first = delivery_of_a_test(shop, receiver, webhook)
    first.verify(old)
    first.verify(rotated["secret"])
    newest = shop.owner.post(f"/v1/webhooks/{webhook}/rotate-secret", {"overlap_seconds": 0})["secret"]
    second = delivery_of_a_test(shop, receiver, webhook)
    second.verify(newest)
    for earlier in (old, rotated["secret"]):
        with pytest.raises(WebhookVerificationError):
            second.verify(earlier)


def test_making_one_is_idempotent_and_bounded(url: str) -> None:
    agent, key = Agent.register(url, "CUSTOMER"), uuid4().hex
    body = {"url": "https://agent.example/hook", "source": "INBOX"}
    made = agent.post("/v1/webhooks", body, key=key)
    assert agent.post("/v1/webhooks", body, key=key) == made
    assert made["secret"].startswith("whsec_")
    assert [item["webhook_id"] for item in agent.get("/v1/webhooks")["items"]] == [made["webhook"]["webhook_id"]]
    for _ in range(3):
        agent.post("/v1/webhooks", body)
    assert agent.refused("POST", "/v1/webhooks", body) == (409, "webhook.too_many")
    agent.ok("DELETE", f"/v1/webhooks/{made['webhook']['webhook_id']}")
    agent.post("/v1/webhooks", body)
    assert agent.refused("GET", f"/v1/webhooks/{made['webhook']['webhook_id']}") == (404, "webhook.not_found")


def test_operators_see_states_and_wake_and_no_address(url: str, receiver: Receiver, hasty_souk: RunningSouk) -> None:
    shop = Shop.open(url)
    webhook, secret = subscribe(shop.owner, receiver, types=["QUESTION_ASKED"], description="not-to-be-told")
    receiver.answer = lambda _: 410
    shop.ask(Agent.register(url, "CUSTOMER"))
    eventually(lambda: shown(shop.owner, webhook), until=lambda w: w["status"] == "PAUSED")
    operator = Agent(url, asyncio.run(operator_key(hasty_souk.settings)))
    seen = operator.get(f"/v1/operations/processes/webhook/{webhook}")
    assert (seen["projection"]["endpoint"], seen["projection"]["pause_reason"]) == ("PAUSED", "GONE")
    assert seen["differences"] == []
    for text in (str(seen), operator.http.get(f"/v1/operations/processes/webhook/{webhook}").text):
        assert "not-to-be-told" not in text
        assert secret not in text
    operator.post(f"/v1/operations/processes/webhook/{webhook}/wake", {"reason": "a test"})
    assert operator.refused("GET", f"/v1/operations/processes/webhook/{uuid4()}")[0] == 404
