"""Deliveries on a real Postgres to a real receiver: order, ids, rotation, replays, tests, privacy."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import WebhookVerificationError
from temporalio.testing import ActivityEnvironment

from activities.webhooks.delivery import HttpWebhookActivities
from activities.webhooks.formats import StandardFormat
from db.platform import writes
from db.platform.events import notify
from db.platform.ids import new_id
from db.webhooks import endpoints
from domain.market.states import InboxType
from domain.platform.cursors import decode_cursor
from domain.platform.errors import DomainError
from domain.webhooks.commands import WebhookStart
from domain.webhooks.secrets import derive_secret
from domain.webhooks.states import DeliveryState, WebhookSource
from tests.activities.market.scene import Scene
from tests.activities.webhooks.webhook_post import POLICY, SECRET, Post
from tests.receiver import Receiver
from tests.slow_commits import settle


async def test_events_come_in_order_signed_and_as_the_inbox_shows_them(post: Post, receiver: Receiver):
    agent = await post.agent()
    await post.tell(agent, InboxType.TRUST_MOVED)
    webhook = await post.webhook(agent, receiver.url)
    kinds = (InboxType.OFFER_MADE, InboxType.ORDER_PLACED, InboxType.REVIEW_POSTED)
    await post.tell(agent, *kinds)
    report = await post.serve(webhook)
    assert (report.state, report.delivered, report.next_look_at) == (DeliveryState.IDLE, 3, None)
    written = (await post.inbox(agent))[1:]
    assert [got.id for got in receiver.received] == [str(event.inbox_event_id) for event in written]
    secret = derive_secret(SECRET, webhook, 1)
    for got, kind, event in zip(receiver.received, kinds, written, strict=True):
        got.verify(secret)
        assert got.document["type"] == got.data["type"] == kind
        assert datetime.fromisoformat(got.document["timestamp"]) == event.created_at
        assert set(got.document) == {"type", "timestamp", "data"}
        assert got.data["inbox_event_id"] == got.id
        assert got.headers["content-type"] == "application/json"
        with pytest.raises(WebhookVerificationError):
            got.verify(derive_secret(SECRET, new_id(), 1))
    row = await post.row(webhook)
    assert decode_cursor(receiver.received[-1].data["cursor"], int, int) == row.place
    assert row.last_status == 204
    assert (await post.serve(webhook)).delivered == 0


async def test_an_inbox_webhook_hears_of_its_own_agent_only(post: Post, receiver: Receiver):
    mine, other = await post.agent(), await post.agent()
    webhook = await post.webhook(mine, receiver.url)
    await post.tell(other, InboxType.OFFER_MADE, InboxType.ORDER_PLACED)
    await post.tell(mine, InboxType.OFFER_MADE)
    await post.tell(other, InboxType.ORDER_PLACED)
    await post.serve(webhook)
    assert [got.data["meta"] for got in receiver.received] == [{"for": str(mine)}]


async def test_types_narrow_an_inbox_and_places_narrow_activity(post: Post, receiver: Receiver, scene: Scene):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url, types=["ORDER_PLACED"])
    await post.tell(agent, InboxType.OFFER_MADE, InboxType.ORDER_PLACED, InboxType.OFFER_MADE)
    await post.serve(webhook)
    assert [got.document["type"] for got in receiver.received] == ["ORDER_PLACED"]

    receiver.received.clear()
    shop, elsewhere = await scene.shop(), await scene.shop()
    of_store = await post.webhook(
        agent, receiver.url, WebhookSource.ACTIVITY, types=["ORDER_DELIVERED", "TRUST_UPDATED"], store_id=shop.store_id
    )
    buyer = await scene.customer(shop)
    await scene.bought(shop, buyer)
    await scene.bought(elsewhere, await scene.customer(elsewhere))
    await post.serve(of_store)
    assert [got.document["type"] for got in receiver.received] == ["ORDER_DELIVERED"]
    assert receiver.received[0].data["store_id"] == str(shop.store_id)


async def test_terms_are_told_to_a_party_of_the_offer(post: Post, receiver: Receiver, scene: Scene):
    shop = await scene.shop()
    webhook = await post.webhook(shop.merchant_id, receiver.url, types=["OFFER_MADE"])
    buyer = await scene.customer(shop)
    await scene.offer(shop, buyer, 777)
    await post.serve(webhook)
    assert receiver.received[0].data["offer"]["proposed_price_cents"] == 777


async def test_what_runs_still_holds_back_what_came_later(post: Post, receiver: Receiver):
    """The feeds' rule: a transaction that is still running may commit an earlier place."""
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    async with post.database.transaction() as transaction:
        notify(transaction, agent, InboxType.OFFER_MADE)
        await writes.send(transaction)
        await post.tell(agent, InboxType.ORDER_PLACED)
        assert (await post.serve_at_once(webhook)).delivered == 0
    assert (await post.serve(webhook)).delivered == 2
    assert [got.document["type"] for got in receiver.received] == ["OFFER_MADE", "ORDER_PLACED"]


async def test_during_a_rotation_both_secrets_sign(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    old, new = derive_secret(SECRET, webhook, 1), derive_secret(SECRET, webhook, 2)
    async with post.database.transaction() as transaction:
        await endpoints.rotate_secret(transaction, agent, webhook, 3600)
    await post.tell(agent, InboxType.OFFER_MADE)
    await post.serve(webhook)
    receiver.received[0].verify(old)
    receiver.received[0].verify(new)
    assert len(receiver.received[0].headers["webhook-signature"].split(" ")) == 2
    await post.change(webhook, previous_secret_until=datetime.now(UTC) - timedelta(seconds=1))
    await post.tell(agent, InboxType.OFFER_MADE)
    await post.serve(webhook)
    receiver.received[1].verify(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verify(old)


async def test_a_test_event_is_sent_once_also_while_paused(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)
    await post.change(webhook, status="PAUSED", pause_reason="BY_OWNER")
    test_id = new_id()
    async with post.database.transaction() as transaction:
        await endpoints.request_test(transaction, agent, webhook, test_id)
    receiver.answer = lambda _: 418
    assert (await post.serve(webhook)).state is DeliveryState.PAUSED
    (got,) = receiver.received
    assert (got.id, got.document["type"], got.data["test_id"]) == (str(test_id), "TEST", str(test_id))
    got.verify(derive_secret(SECRET, webhook, 1))
    row = await post.row(webhook)
    assert (row.test_status, row.test_error, row.failed_tries) == (418, "the endpoint answered 418", 0)
    assert row.test_sent_at is not None


async def test_a_replay_during_a_delivery_wins(post: Post, receiver: Receiver):
    """The cursor moved while a receiver took its time: what it acknowledges then moves it no more."""
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    start = (await post.row(webhook)).place
    await post.tell(agent, InboxType.OFFER_MADE, InboxType.ORDER_PLACED)
    loop = asyncio.get_running_loop()
    rewound = False

    def answer(id: str) -> int:
        nonlocal rewound
        if len(receiver.received) == 1 and not rewound:
            rewound = True

            async def rewind() -> None:
                async with post.database.transaction() as transaction:
                    await endpoints.replay(transaction, agent, webhook, start)

            asyncio.run_coroutine_threadsafe(rewind(), loop).result(120)
        return 204

    receiver.answer = answer
    await post.serve(webhook)
    types = [got.document["type"] for got in receiver.received]
    assert types == ["OFFER_MADE", "ORDER_PLACED", "OFFER_MADE", "ORDER_PLACED"]


async def test_a_turn_is_bounded(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, *[InboxType.OFFER_MADE] * 5)
    post.policy = POLICY.model_copy(update={"turn_events": 2})
    assert (await post.serve(webhook)).state is DeliveryState.MORE
    assert len(receiver.received) == 2
    post.policy = POLICY.model_copy(update={"slow_seconds": 1e-9})
    assert (await post.serve(webhook)).state is DeliveryState.MORE
    assert len(receiver.received) == 3


async def test_a_deleted_webhook_ends_its_process(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    async with post.database.transaction() as transaction:
        await endpoints.delete_endpoint(transaction, agent, webhook)
    assert (await post.serve(webhook)).state is DeliveryState.DELETED


async def test_an_agent_has_no_more_than_its_share(post: Post):
    agent = await post.agent()
    for _ in range(2):
        await post.webhook(agent, "https://agent.example/", max_per_agent=2)
    with pytest.raises(DomainError) as refused:
        await post.webhook(agent, "https://agent.example/", max_per_agent=2)
    assert refused.value.code == "webhook.too_many"


async def test_the_market_keeps_one_endpoint_per_format_for_an_agent(post: Post, receiver: Receiver):
    """A format of another context: it renders what it has something to say about, and signs in its own way."""
    agent = await post.agent()

    async def ensure(url):
        async with post.database.transaction() as transaction:
            return await endpoints.ensure_endpoint(
                transaction, agent, url, WebhookSource.INBOX, "SHOUTING", ["ORDER_PLACED", "OFFER_MADE"]
            )

    kept = await asyncio.gather(ensure("http://127.0.0.1:1/"), ensure("http://127.0.0.1:1/"))
    assert kept[0] == kept[1]
    await post.tell(agent, InboxType.OFFER_MADE, InboxType.ORDER_PLACED)

    class Shouting(StandardFormat):
        async def render(self, session, endpoint, event):
            assert (await session.execute(text("SELECT 1"))).scalar() == 1
            return None if event.type == "OFFER_MADE" else event.type.encode() + b"!"

        def sign(self, endpoint, outgoing):
            return {"Content-Type": "text/plain", "X-Signed": f"{outgoing.url}|{len(outgoing.body)}"}

    await post.change(kept[0], failed_tries=3, failing_since=datetime.now(UTC), next_attempt_at=datetime.now(UTC))
    assert await ensure(receiver.url) == kept[0]
    assert (await post.row(kept[0])).failed_tries == 0
    await settle(post.database)
    activities = HttpWebhookActivities(post.database, post.client, {"SHOUTING": Shouting(SECRET)}, POLICY)
    await ActivityEnvironment().run(activities.deliver_webhooks, WebhookStart(webhook_id=kept[0]))
    assert [got.body for got in receiver.received] == [b"ORDER_PLACED!"]
    assert receiver.received[0].headers["x-signed"] == f"{receiver.url}|13"
    with pytest.raises(ValueError, match="STANDARD"):
        async with post.database.transaction() as transaction:
            await endpoints.ensure_endpoint(transaction, agent, receiver.url, WebhookSource.INBOX, "STANDARD", [])
