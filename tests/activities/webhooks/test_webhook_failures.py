"""Deliveries that fail: what is tried again and when, what becomes a dead letter, who is paused."""

from datetime import UTC, datetime, timedelta

import pytest

from db.platform import writes
from db.webhooks import endpoints
from domain.market.states import InboxType
from domain.webhooks.states import DeliveryState
from tests.activities.webhooks.webhook_post import POLICY, Post
from tests.receiver import Receiver


async def test_a_failed_try_holds_the_line_and_is_sent_again_with_the_same_id(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE, InboxType.ORDER_PLACED)
    receiver.answer = lambda _: 500
    report = await post.serve(webhook)
    assert (report.state, report.failed_tries, report.last_status) == (DeliveryState.BACKING_OFF, 1, 500)
    assert report.next_look_at is not None
    again = await post.serve(webhook)
    assert again.next_look_at == report.next_look_at
    assert len(receiver.received) == 1
    await post.hurry(webhook)
    await post.serve(webhook)
    row = await post.row(webhook)
    assert (row.failed_tries, row.last_error) == (2, "the endpoint answered 500")
    assert row.failing_since is not None
    receiver.answer = lambda _: 200
    await post.hurry(webhook)
    assert (await post.serve(webhook)).delivered == 2
    ids = [got.id for got in receiver.received]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    row = await post.row(webhook)
    assert (row.failed_tries, row.failing_since, row.next_attempt_at) == (0, None, None)


async def test_a_crash_between_sending_and_recording_sends_again(post: Post, receiver: Receiver, monkeypatch):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)

    async def crash(*_, **__):
        raise ConnectionError("the database went away")

    with monkeypatch.context() as patched:
        patched.setattr("activities.webhooks.delivery.record_attempt", crash)
        with pytest.raises(ConnectionError):
            await post.serve(webhook)
    assert (await post.serve(webhook)).delivered == 1
    assert [got.id for got in receiver.received] == [receiver.received[0].id] * 2


async def test_the_last_try_makes_a_dead_letter_and_the_next_event_has_its_turn(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE, InboxType.ORDER_PLACED)
    poison = str((await post.inbox(agent))[0].inbox_event_id)
    receiver.answer = lambda message: 422 if message == poison else 204
    for _ in range(len(POLICY.retry_seconds) + 1):
        await post.hurry(webhook)
        await post.serve(webhook)
    assert [got.document["type"] for got in receiver.acknowledged] == ["ORDER_PLACED"]
    assert len(receiver.received) == len(POLICY.retry_seconds) + 2
    (letter,) = await post.dead(webhook)
    assert (str(letter.event_id), letter.tries, letter.last_status) == (poison, 10, 422)
    assert (await post.row(webhook)).failing_since is None

    receiver.answer = lambda _: 204
    receiver.received.clear()
    async with post.database.transaction() as transaction:
        await endpoints.replay(transaction, agent, webhook, (letter.txid, letter.seq - 1))
    await post.serve(webhook)
    assert receiver.received[0].id == poison
    assert [got.document["type"] for got in receiver.received] == ["OFFER_MADE", "ORDER_PLACED"]
    assert await post.dead(webhook) == []


async def test_a_dead_endpoint_is_paused_and_its_owner_told(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)
    receiver.answer = lambda _: 500
    await post.serve(webhook)
    await post.change(webhook, failing_since=datetime.now(UTC) - timedelta(days=5, seconds=1))
    await post.hurry(webhook)
    assert (await post.serve(webhook)).state is DeliveryState.PAUSED
    row = await post.row(webhook)
    assert (row.status, row.pause_reason) == ("PAUSED", "FAILING")
    notice = (await post.inbox(agent))[-1]
    assert (notice.type, notice.meta) == ("WEBHOOK_PAUSED", {"webhook_id": str(webhook), "reason": "FAILING"})
    sent = len(receiver.received)
    await post.tell(agent, InboxType.ORDER_PLACED)
    await post.serve(webhook)
    assert len(receiver.received) == sent

    receiver.answer = lambda _: 204
    async with post.database.transaction() as transaction:
        writes.change(transaction, await endpoints.lock_endpoint(transaction, agent, webhook), **endpoints.ACTIVE)
    await post.serve(webhook)
    assert [got.document["type"] for got in receiver.acknowledged] == ["OFFER_MADE", "WEBHOOK_PAUSED", "ORDER_PLACED"]


async def test_gone_pauses_at_once(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)
    receiver.answer = lambda _: 410
    assert (await post.serve(webhook)).state is DeliveryState.PAUSED
    assert (await post.row(webhook)).pause_reason == "GONE"
    assert [event.type for event in await post.inbox(agent)] == ["OFFER_MADE", "WEBHOOK_PAUSED"]


async def test_retry_after_is_honoured_as_seconds_and_as_a_date(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)
    date = datetime.now(UTC) + timedelta(hours=2)
    in_words = date.strftime("%a, %d %b %Y %H:%M:%S GMT")
    for header, seconds in (("3600", 3600), (in_words, 7200), ("soon", POLICY.retry_seconds[0])):
        receiver.answer = lambda _, header=header: (503, {"Retry-After": header})
        await post.change(webhook, failed_tries=0)
        await post.hurry(webhook)
        began = datetime.now(UTC)
        report = await post.serve(webhook)
        assert report.next_look_at is not None
        # A date does not move with the moment at which it is read; up to a tenth is added by chance.
        first = date if header == in_words else began + timedelta(seconds=seconds)
        last = datetime.now(UTC) + timedelta(seconds=seconds * 1.1)
        assert first - timedelta(seconds=1) <= report.next_look_at <= last + timedelta(seconds=1)


async def test_a_redirect_is_no_delivery_and_is_not_followed(post: Post, receiver: Receiver):
    agent = await post.agent()
    webhook = await post.webhook(agent, receiver.url)
    await post.tell(agent, InboxType.OFFER_MADE)
    receiver.answer = lambda _: (307, {"Location": receiver.url})
    await post.serve(webhook)
    assert len(receiver.received) == 1
    assert (await post.row(webhook)).last_error == "the endpoint redirects elsewhere"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook", "https://169.254.169.254/hook", "http://10.0.0.1/"])
async def test_addresses_that_cannot_be_reached_fail_in_words_without_the_address(post: Post, url: str):
    agent = await post.agent()
    webhook = await post.webhook(agent, url)
    await post.tell(agent, InboxType.OFFER_MADE)
    assert (await post.serve(webhook)).state is DeliveryState.BACKING_OFF
    row = await post.row(webhook)
    assert row.last_status is None
    assert row.last_error
    assert not any(part in row.last_error for part in ("127", "169", "10.0"))
