"""Outages on real rows: recorded once, with every date that somebody could not keep; nothing ends before that."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import Error

from config.contexts import CONTEXTS
from db.market import orders
from db.market.conversation import insert_message, insert_thread
from db.platform import writes
from db.platform.contexts import DbParts
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.outages import Recorded, api_beat, beat, listen, may_have_misjudged, silent_parts
from domain.checkout.processes import CHECKOUT_QUEUE
from domain.market import errors
from domain.market.processes import MARKET_PARTS, MARKET_QUEUE
from domain.market.states import ThreadType
from domain.platform.identity import AgentType
from domain.platform.outages import API_PART, OutagePolicy
from souk.stack.embedded import EmbeddedPostgres
from tests.activities.market.scene import Purchase, Scene
from tests.builders import Shop
from tests.databases import make_database, opened

ROWS = DbParts(CONTEXTS)
POLICY = OutagePolicy()
LEAST = timedelta(seconds=POLICY.least_left_seconds)
MANY = 100_000


@pytest.fixture(scope="module")
def owner_url(postgres: EmbeddedPostgres) -> str:
    """A database of its own: an outage moves every date in it."""
    return make_database(postgres, "outages")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker_database(owner_url: str) -> AsyncIterator[Database]:
    async with opened(owner_url, "worker") as database:
        yield database


@pytest.fixture(autouse=True)
def unheard(owner_url: str) -> None:
    """No part was ever heard of, and nothing recorded."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("TRUNCATE heartbeats, extended_dates, outages")


async def beats(scene: Scene, *parts: str) -> list[Recorded]:
    async with scene.database.transaction() as transaction:
        return await beat(transaction, ROWS, parts or (MARKET_QUEUE,), POLICY)


async def silent(scene: Scene, ago: str, part: str = MARKET_QUEUE) -> None:
    """The part was last heard of so long ago."""
    await beats(scene, part)
    scene.as_owner(
        "UPDATE heartbeats SET beat_at = now() - %s::interval, accounted_at = now() - %s::interval WHERE part = %s",
        ago, ago, part,
    )  # fmt: skip


async def told(scene: Scene, agent: UUID) -> list[tuple[str, datetime]]:
    """Which waits an agent heard of that were extended, and until when."""
    query = (
        "SELECT meta->>'wait', (meta->>'due_at')::timestamptz FROM inbox_events"
        " WHERE agent_id = :id AND type = 'DATE_EXTENDED' ORDER BY txid, seq"
    )
    return [tuple(row) for row in await scene.rows(query, id=agent)]


async def moved(scene: Scene, entity: UUID) -> int:
    """How many dates of it were moved."""
    return int(await scene.value("SELECT count(*) FROM extended_dates WHERE entity_id = :id", id=entity))


def placed_long_ago(purchase: Purchase) -> None:
    """With what made its buyer eligible."""
    purchase.scene.as_owner(
        "UPDATE interaction_evidence SET created_at = now() - interval '8 days' WHERE customer_id = %s", purchase.buyer
    )
    purchase.scene.as_owner(
        "UPDATE orders SET placed_at = now() - interval '7 days' WHERE order_id = %s", purchase.order_id
    )


async def missed_order(scene: Scene, due: str = "5 minutes") -> tuple[Shop, Purchase]:
    """A paid order whose promise passed so long ago, of which its merchant was reminded before."""
    shop = await scene.shop(delivery="SHIPPED")
    purchase = await scene.bought(shop, await scene.customer(shop))
    placed_long_ago(purchase)
    scene.as_owner(
        "UPDATE orders SET paid_at = placed_at, payment_source = 'CONFIRMED', promised_at = now() - %s::interval,"
        " remind_at = now() - interval '2 days', reminded_at = now() - interval '2 days' WHERE order_id = %s",
        due, purchase.order_id,
    )  # fmt: skip
    return shop, purchase


async def test_a_merchant_that_could_not_deliver_gets_its_time_back_and_hears_of_it(scene: Scene) -> None:
    shop, purchase = await missed_order(scene)
    await silent(scene, "10 minutes")
    old = await scene.value("SELECT promised_at FROM orders WHERE order_id = :id", id=purchase.order_id)
    # Not recorded yet: whoever looks now ends nothing, and comes again.
    held = await purchase.settle()
    assert await purchase.state() == ("PLACED", None, False)
    assert held.deadline is not None
    assert held.deadline > await scene.value("SELECT now()")
    (outage,) = await beats(scene)
    assert outage.dates_moved >= 1
    assert outage.ended_at - outage.began_at > timedelta(minutes=10)
    new = await scene.value("SELECT promised_at FROM orders WHERE order_id = :id", id=purchase.order_id)
    # Five minutes were left when the market went away; an hour is left at least.
    assert new == outage.ended_at + LEAST
    assert await told(scene, shop.merchant_id) == [("delivery", new)]
    assert await told(scene, purchase.buyer) == [("delivery", new)]
    kept = await scene.rows(
        "SELECT wait, old_date, new_date FROM extended_dates WHERE entity_id = :id", id=purchase.order_id
    )
    assert [tuple(row) for row in kept] == [("delivery", old, new)]
    # Reminded again before it can end.
    before = await purchase.settle()
    remind_at = await scene.value("SELECT remind_at FROM orders WHERE order_id = :id", id=purchase.order_id)
    assert before.deadline == remind_at == outage.ended_at + LEAST / 2
    scene.as_owner("UPDATE orders SET remind_at = now() - interval '6 s' WHERE order_id = %s", purchase.order_id)
    async with scene.database.transaction() as transaction:
        assert purchase.order_id in await orders.list_overdue_orders(transaction, MANY)
    await purchase.settle()
    assert (await scene.inbox(shop.merchant_id))[-1] == "DELIVERY_DUE_SOON"
    await purchase.tell("deliver_order", shop.merchant_id)
    assert (await purchase.state())[0] == "DELIVERED"
    assert "OFFER_BROKEN" not in await scene.facts(shop)


async def test_what_was_missed_before_the_outage_stays_missed(scene: Scene) -> None:
    shop, purchase = await missed_order(scene, due="20 minutes")
    await silent(scene, "10 minutes")
    assert len(await beats(scene)) == 1
    assert await moved(scene, purchase.order_id) == 0
    await purchase.settle()
    assert await purchase.state() == ("REFUNDED", "DELIVERY_MISSED", True)
    assert await told(scene, shop.merchant_id) == []


async def test_a_short_silence_counts_as_nothing(scene: Scene) -> None:
    _, purchase = await missed_order(scene, due="10 seconds")
    await silent(scene, "50 seconds")
    assert await beats(scene) == []
    await purchase.settle()
    assert await purchase.state() == ("REFUNDED", "DELIVERY_MISSED", True)


async def test_the_clock_of_a_long_wait_stands_still_and_its_reminder_moves_along(scene: Scene) -> None:
    shop = await scene.shop(delivery="SHIPPED")
    purchase = await scene.bought(shop, await scene.customer(shop))
    dates = "SELECT promised_at, remind_at FROM orders WHERE order_id = :id"
    [(promised, remind)] = await scene.rows(dates, id=purchase.order_id)
    placed_long_ago(purchase)
    await silent(scene, "2 hours")
    (outage,) = await beats(scene)
    length = outage.ended_at - outage.began_at
    assert tuple((await scene.rows(dates, id=purchase.order_id))[0]) == (promised + length, remind + length)


async def test_a_wait_that_began_during_the_outage_loses_only_the_rest_of_it(scene: Scene) -> None:
    """A question is a fact of the API, which needs no worker."""
    shop = await scene.shop()
    customer = await scene.customer()
    async with scene.database.transaction() as transaction:
        thread = await insert_thread(
            transaction, new_id(), customer, ThreadType.GENERAL, "Lamps", None, shop.listing_id, None
        )
        await writes.send(transaction)
        words = "Does this lamp shine in the dark?"
        await insert_message(
            transaction,
            new_id(),
            thread.thread_id,
            customer,
            AgentType.CUSTOMER,
            words,
            None,
            scene.policy,
        )
    read = "SELECT asked_at, due_at FROM support_questions WHERE customer_id = :id"
    await silent(scene, "2 hours")
    scene.as_owner("UPDATE support_questions SET asked_at = now() - interval '1 hour' WHERE customer_id = %s", customer)
    [(asked, due)] = await scene.rows(read, id=customer)
    (outage,) = await beats(scene)
    [(_, moved)] = await scene.rows(read, id=customer)
    assert moved == due + (outage.ended_at - asked)
    assert await told(scene, shop.merchant_id) == [("reply", moved)]
    # The reply is measured without the time that was given back.
    async with scene.database.transaction() as transaction:
        words = "It shines in the dark, and in the light."
        await insert_message(
            transaction,
            new_id(),
            thread.thread_id,
            shop.merchant_id,
            AgentType.MERCHANT,
            words,
            None,
            scene.policy,
        )
    [(inputs,)] = await scene.rows(
        "SELECT inputs FROM trust_facts WHERE store_id = :id AND reason = 'MERCHANT_REPLIED_IN_THREAD'",
        id=shop.store_id,
    )
    assert inputs["latency_ms"] < timedelta(minutes=30) / timedelta(milliseconds=1)


async def test_every_wait_of_a_trade_is_extended(scene: Scene) -> None:
    """One row of each kind, each due in the middle of the outage."""
    shop = await scene.shop(delivery="INSTANT")
    standing = await scene.offer(shop, await scene.customer(shop))
    held = await scene.accepted(shop, await scene.customer(shop))
    returning = await scene.bought(shop, await scene.customer(shop))
    asking = await scene.bought(shop, await scene.customer(shop))
    await asking.tell("request_refund", asking.buyer, reason="It is red.")
    due = "now() - interval '5 minutes'"
    long_ago = "now() - interval '9 days'"
    scene.as_owner(
        f"UPDATE offers SET created_at = {long_ago}, expires_at = {due} WHERE offer_id = %s", standing.standing
    )
    scene.as_owner(
        f"UPDATE offers SET accepted_at = {long_ago}, purchase_by = {due} WHERE offer_id = %s", held.standing
    )
    scene.as_owner(
        f"UPDATE stock_holds SET created_at = {long_ago}, expires_at = {due} WHERE offer_id = %s", held.standing
    )
    for order in (returning, asking):
        scene.as_owner(
            f"UPDATE orders SET delivered_at = {long_ago}, return_window_closes_at = {due} WHERE order_id = %s",
            order.order_id,
        )
        scene.as_owner(
            f"UPDATE review_windows SET opened_at = {long_ago}, closes_at = {due} WHERE order_id = %s",
            order.order_id,
        )
    scene.as_owner(
        f"UPDATE orders SET refund_requested_at = {long_ago}, refund_answer_due_at = {due} WHERE order_id = %s",
        asking.order_id,
    )
    await silent(scene, "10 minutes")
    (outage,) = await beats(scene)
    until = outage.ended_at + LEAST
    assert await told(scene, standing.buyer) == [("offer-answer", until)]
    assert await told(scene, held.buyer) == [("purchase", until)]
    assert sorted(await told(scene, returning.buyer)) == [("return-window", until), ("review", until)]
    assert sorted(await told(scene, asking.buyer)) == [
        ("refund-answer", until), ("return-window", until), ("review", until),
    ]  # fmt: skip
    assert sorted(await told(scene, shop.merchant_id)) == [
        ("offer-answer", until), ("purchase", until), ("refund-answer", until),
    ]  # fmt: skip
    holds = "SELECT expires_at FROM stock_holds WHERE offer_id = :id"
    assert await scene.value(holds, id=held.standing) == until
    await standing.settle()
    await held.settle()
    await asking.settle()
    await returning.settle_window()
    assert (await standing.state())[0] == "PROPOSED"
    assert (await held.state())[0] == "ACCEPTED"
    assert await asking.state() == ("DELIVERED", None, False)
    assert (
        await scene.value("SELECT status::text FROM review_windows WHERE order_id = :id", id=returning.order_id)
        == "OPEN"
    )


async def test_two_workers_that_start_at_once_record_one_outage(scene: Scene) -> None:
    _, purchase = await missed_order(scene)
    await silent(scene, "10 minutes")
    found = await asyncio.gather(*(beats(scene) for _ in range(4)))
    assert sum(len(recorded) for recorded in found) == 1
    assert await moved(scene, purchase.order_id) == 1


async def test_who_is_killed_before_the_commit_has_recorded_nothing(scene: Scene) -> None:
    shop, purchase = await missed_order(scene)
    await silent(scene, "10 minutes")

    async def killed() -> None:
        async with scene.database.transaction() as transaction:
            assert len(await beat(transaction, ROWS, (MARKET_QUEUE,), POLICY)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await killed()
    assert await scene.value("SELECT count(*) FROM outages") == 0
    assert await told(scene, shop.merchant_id) == []
    await purchase.settle()
    assert (await purchase.state())[0] == "PLACED"
    assert len(await beats(scene)) == 1
    assert await moved(scene, purchase.order_id) == 1


async def test_a_look_that_began_before_holds_the_record_up_and_ends_nothing(scene: Scene) -> None:
    _, purchase = await missed_order(scene)
    await silent(scene, "10 minutes")
    async with scene.database.transaction() as transaction:
        silence = await listen(transaction, MARKET_PARTS)
        recording = asyncio.create_task(beats(scene))
        done, _ = await asyncio.wait({recording}, timeout=0.5)
        assert not done
        assert silence.holds(await scene.value("SELECT now()"))
    assert len(await recording) == 1
    assert (await purchase.settle()).deadline is not None


async def test_one_outage_of_two_parts_counts_once(scene: Scene) -> None:
    """The API was away for an hour, the worker for its middle."""
    shop = await scene.shop(delivery="SHIPPED")
    purchase = await scene.bought(shop, await scene.customer(shop))
    placed_long_ago(purchase)
    read = "SELECT promised_at FROM orders WHERE order_id = :id"
    promised = await scene.value(read, id=purchase.order_id)
    await beats(scene)
    scene.as_owner(
        "INSERT INTO outages (outage_id, part, began_at, ended_at)"
        " VALUES (%s, %s, now() - interval '40 minutes', now() - interval '20 minutes')",
        new_id(), MARKET_QUEUE,
    )  # fmt: skip
    scene.as_owner("DELETE FROM heartbeats WHERE part = %s OR true", API_PART)
    await beats(scene)
    scene.as_owner(
        "INSERT INTO heartbeats (part, beat_at, accounted_at, tolerated, resumed_at) VALUES"
        " ('api', now(), now() - interval '1 hour', '1 minute', now() - interval '1 second')"
        " RETURNING part"
    )
    (outage,) = await beats(scene)
    assert outage.part == API_PART
    moved = await scene.value(read, id=purchase.order_id)
    assert moved == promised + (outage.ended_at - outage.began_at) - timedelta(minutes=20)


async def test_a_silence_of_the_api_is_recorded_by_the_worker_when_it_is_over(
    scene: Scene, api_database: Database
) -> None:
    async def api_beats() -> None:
        async with api_database.transaction() as transaction:
            await api_beat(transaction, POLICY)

    _, purchase = await missed_order(scene)
    await api_beats()
    await api_beats()
    assert await beats(scene) == []
    scene.as_owner(
        "UPDATE heartbeats SET beat_at = now() - interval '10 minutes', accounted_at = now() - interval '10 minutes'"
        " WHERE part = 'api'"
    )
    # Nobody can reach the market: nothing ends, and it is no outage to record while it lasts.
    assert await beats(scene) == []
    await purchase.settle()
    assert (await purchase.state())[0] == "PLACED"
    await api_beats()
    await api_beats()
    (outage,) = await beats(scene)
    assert outage.part == API_PART
    assert await moved(scene, purchase.order_id) == 1
    assert await beats(scene) == []
    scene.as_owner("UPDATE orders SET promised_at = now() - interval '1 s' WHERE order_id = %s", purchase.order_id)
    await purchase.settle()
    assert (await purchase.state())[0] == "REFUNDED"


@pytest_asyncio.fixture
async def api_database(owner_url: str) -> AsyncIterator[Database]:
    async with opened(owner_url, "api") as database:
        yield database


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO outages (outage_id, part, began_at, ended_at) VALUES (gen_random_uuid(), 'api', now(), now())",
        "INSERT INTO heartbeats (part, beat_at, accounted_at, tolerated) VALUES ('x', now(), now(), '1 s')",
        "UPDATE heartbeats SET accounted_at = now() - interval '1 day'",
        "UPDATE outages SET dates_moved = 1",
        "INSERT INTO extended_dates SELECT gen_random_uuid(), 'x', gen_random_uuid(), now(), now() + interval '1 s'",
    ],
)
async def test_nobody_but_a_worker_can_make_an_outage_up(api_database: Database, statement: str) -> None:
    with pytest.raises(Error, match="permission denied"):
        async with api_database.transaction() as transaction:
            await transaction.run(statement, {})


async def test_what_is_recorded_cannot_be_rewritten(scene: Scene) -> None:
    await silent(scene, "10 minutes")
    await beats(scene)
    for statement in (
        "UPDATE outages SET began_at = now()",
        "DELETE FROM outages",
        "UPDATE extended_dates SET wait = 'x'",
    ):
        with pytest.raises(Error, match="permission denied"):
            async with scene.database.transaction() as transaction:
                await transaction.run(statement, {})


async def test_a_refusal_around_an_outage_is_not_final(scene: Scene) -> None:
    async def may(seconds: float, parts: Collection[str] = ROWS.parts_judged_by(MARKET_QUEUE)) -> bool:
        async with scene.database.transaction() as transaction:
            return await may_have_misjudged(transaction, parts, errors.ORDER_NOT_PLACED.error(), seconds)

    await silent(scene, "50 seconds")
    assert not await may(1)
    await silent(scene, "10 minutes")
    assert await may(1)
    await beats(scene)
    assert await may(60)
    assert not await may(0)


async def test_another_contexts_queue_holds_up_no_market(scene: Scene) -> None:
    await beats(scene)
    await silent(scene, "10 minutes", CHECKOUT_QUEUE)
    async with scene.database.transaction() as transaction:
        silence = await silent_parts(transaction)
    assert silence == {CHECKOUT_QUEUE}
    for kind in ("negotiation", "order", "review-window", "store-trust"):
        assert not silence & ROWS.parts_of(kind)
    assert CHECKOUT_QUEUE in ROWS.parts_of("checkout")
    assert CHECKOUT_QUEUE not in ROWS.parts_judged_by(MARKET_QUEUE)
    await beats(scene, CHECKOUT_QUEUE)
