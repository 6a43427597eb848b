"""Which endpoints have something to deliver, found by what is new or by the sweep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from db.platform import writes
from db.platform.console import list_noticed, name_operator
from db.platform.database import Database
from db.platform.events import notify, record_event
from db.platform.ids import new_id
from db.platform.keys import insert_key, random_secret
from db.platform.tables import ApiKeyKind
from db.webhooks import endpoints
from db.webhooks.context import PART
from db.webhooks.pending import (
    list_expected,
    list_failing,
    move_idle_cursors,
    read_bounds,
)
from db.webhooks.tables import WebhookEndpoint
from domain.market.states import ActivityType, InboxType
from domain.webhooks.states import PauseReason, WebhookSource
from tests.builders import make_shop
from tests.db.webhooks.webhook_rows import Rows
from tests.slow_commits import settle


async def test_an_inbox_event_concerns_its_agents_endpoints_that_want_it(worker_database: Database):
    rows, other = await Rows.make(worker_database), await Rows.make(worker_database)
    every, offers, orders = (
        await rows.webhook(),
        await rows.webhook(types=["OFFER_MADE"]),
        await rows.webhook(types=["ORDER_PLACED"]),
    )
    paused, waits = await rows.webhook(), await rows.webhook()
    await rows.webhook(WebhookSource.ACTIVITY, types=["STORE_UPDATE_POSTED"])
    await rows.change(paused, **endpoints.paused(PauseReason.BY_OWNER))
    async with worker_database.transaction() as transaction:
        await transaction.run(
            "UPDATE webhook_endpoints SET next_attempt_at = now() + interval '1 hour' WHERE webhook_id = %(id)s",
            {"id": waits},
        )
    since = await rows.horizon()
    await rows.tell(other.agent, InboxType.OFFER_MADE)
    assert await rows.both(since) == []
    await rows.tell(rows.agent, InboxType.OFFER_MADE)
    assert await rows.both(since) == [every, offers]
    since = await rows.horizon()
    assert await rows.concerned(since) == []
    await rows.tell(rows.agent, InboxType.ORDER_PLACED)
    assert await rows.concerned(since) == [every, orders]
    assert await rows.waiting() == [every, offers, orders]


@pytest.fixture
def made_up(owner_url: str) -> Iterator[None]:
    """Takes away public events that nothing stands behind: other tests audit the whole database."""
    yield
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "DELETE FROM activity_events WHERE (type = 'TRUST_UPDATED' AND trust_event_id IS NULL)"
            " OR (type = 'STORE_UPDATE_POSTED' AND store_update_id IS NULL)"
        )


@pytest.mark.usefixtures("made_up")
async def test_a_public_event_concerns_those_who_watch_its_place(worker_database: Database):
    rows = await Rows.make(worker_database)
    async with worker_database.transaction() as transaction:
        shop, other = await make_shop(transaction), await make_shop(transaction)
    activity = WebhookSource.ACTIVITY
    of_store = await rows.webhook(activity, store_id=shop.store_id)
    of_listing = await rows.webhook(activity, listing_id=shop.listing_id, types=["TRUST_UPDATED"])
    of_type = await rows.webhook(activity, types=["STORE_UPDATE_POSTED"])
    await rows.webhook(activity, store_id=other.store_id)
    since = await rows.horizon()
    async with worker_database.transaction() as transaction:
        record_event(transaction, ActivityType.TRUST_UPDATED, store_id=shop.store_id, listing_id=shop.listing_id)
    assert await rows.both(since) == [of_store, of_listing]
    async with worker_database.transaction() as transaction:
        record_event(transaction, ActivityType.STORE_UPDATE_POSTED, store_id=shop.store_id)
    assert await rows.both(since) == [of_store, of_listing, of_type]


async def test_what_runs_still_hides_what_came_later_and_is_found_afterwards(worker_database: Database):
    rows = await Rows.make(worker_database)
    webhook = await rows.webhook()
    since = await rows.horizon()
    async with worker_database.transaction() as transaction:
        notify(transaction, rows.agent, InboxType.OFFER_MADE)
        await writes.send(transaction)
        await rows.tell(rows.agent, InboxType.ORDER_PLACED)
        assert await rows.both_at_once(since) == []
        async with worker_database.transaction() as another:
            bounds = await read_bounds(another)
        assert bounds.unsettled
        later = bounds.horizon
    assert await rows.both(later) == [webhook]


async def test_a_test_event_waits_also_at_a_paused_endpoint(worker_database: Database):
    rows = await Rows.make(worker_database)
    webhook = await rows.webhook()
    await rows.change(webhook, **endpoints.paused(PauseReason.BY_OWNER))
    assert await rows.waiting() == []
    async with worker_database.transaction() as transaction:
        await endpoints.request_test(transaction, rows.agent, webhook, new_id())
    assert await rows.waiting() == [webhook]


async def test_processes_that_must_run_and_those_that_may(worker_database: Database):
    """One that waits for its next try must run: nothing else remembers the date."""
    rows = await Rows.make(worker_database)
    quiet, behind, failing, paused = [await rows.webhook(types=[kind]) for kind in _KINDS]
    for kind in _KINDS[1:]:
        await rows.tell(rows.agent, InboxType(kind))
    async with worker_database.transaction() as transaction:
        await transaction.run(
            "UPDATE webhook_endpoints SET failed_tries = 2, failing_since = now(), last_status = 500, "
            "next_attempt_at = now() + interval '1 day' WHERE webhook_id = %(id)s",
            {"id": failing},
        )
    await rows.change(paused, **endpoints.paused(PauseReason.GONE))
    await settle(worker_database)
    async with worker_database.transaction() as transaction:
        must, may = await list_expected(transaction)
        troubled = {found.webhook_id: found for found in await list_failing(transaction, 1_000)}
    mine = set(rows.made)
    assert mine & set(must) == {behind, failing}
    assert mine <= set(may)
    assert quiet not in troubled
    assert (troubled[failing].last_status, troubled[failing].failed_tries) == (500, 2)


_KINDS = ("TRUST_MOVED", "OFFER_MADE", "ORDER_PLACED", "REVIEW_POSTED")


async def test_a_look_costs_what_is_new_and_not_how_many_endpoints_there_are(worker_database: Database):
    """With nothing new neither log nor endpoints are read through."""
    rows = await Rows.make(worker_database)
    await rows.webhook()
    horizon = await rows.horizon()
    async with worker_database.transaction() as transaction:
        await transaction.run("SET LOCAL enable_seqscan = off", ())
        plan = await transaction.run(
            "EXPLAIN SELECT DISTINCT agent_id, type FROM inbox_events WHERE txid >= %(a)s AND txid < %(b)s",
            {"a": horizon, "b": horizon},
        )
        lines = "\n".join(row[0] for row in plan)
    assert "inbox_events_position_idx" in lines
    assert await rows.concerned(horizon) == []


async def test_an_idle_endpoint_keeps_up_and_one_that_is_owed_an_event_stays(worker_database: Database):
    rows = await Rows.make(worker_database)
    idle, owed = await rows.webhook(types=["TRUST_MOVED"]), await rows.webhook(types=["OFFER_MADE"])
    await rows.tell(rows.agent, InboxType.OFFER_MADE)
    before = await rows.horizon()

    async def places() -> dict[UUID, int]:
        async with worker_database.transaction() as transaction:
            return {key: (await transaction.get_one(WebhookEndpoint, key)).cursor_txid for key in (idle, owed)}

    started = await places()
    async with worker_database.transaction() as transaction:
        await move_idle_cursors(transaction, lag=1)
    moved = await places()
    assert moved[idle] >= before - 1 > started[idle]
    assert moved[owed] == started[owed]
    # What comes after the place it was moved to is found.
    await rows.tell(rows.agent, InboxType.TRUST_MOVED)
    assert await rows.waiting() == [idle, owed]


async def test_what_fails_is_shown_to_operators_at_once(worker_database: Database, api_database: Database):
    rows = await Rows.make(worker_database)
    failing, lately = await rows.webhook(), await rows.webhook()
    key_id = new_id()
    async with worker_database.transaction() as transaction:
        insert_key(transaction, key_id, ApiKeyKind.OPERATOR, None, "webhooks", random_secret())
        for webhook, hours in ((failing, 2), (lately, 0)):
            await transaction.run(
                "UPDATE webhook_endpoints SET failed_tries = 1, "
                "failing_since = now() - make_interval(hours => %(h)s) WHERE webhook_id = %(id)s",
                {"id": webhook, "h": hours},
            )
    async with api_database.session() as session:
        assert await list_noticed(session, PART.notices[0], datetime.now(UTC), 1_000) == []
        await name_operator(session, key_id)
        seen = {row["id"]: row for row in await list_noticed(session, PART.notices[0], datetime.now(UTC), 1_000)}
    assert set(seen) & set(rows.made) == {failing, lately}
    assert set(seen[failing]) == {"kind", "id", "store_id", "since", "due", "waits_for"}
