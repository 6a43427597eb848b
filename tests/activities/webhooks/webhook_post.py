"""One agent's webhook on a real Postgres, and the activity that serves it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select
from temporalio.testing import ActivityEnvironment

from activities.webhooks.delivery import HttpWebhookActivities
from activities.webhooks.formats import StandardFormat
from activities.webhooks.sending import webhook_client
from db.market.tables import InboxEvent
from db.platform import writes
from db.platform.database import Database
from db.platform.events import notify, record_event
from db.platform.ids import new_id
from db.platform.statements import Query
from db.webhooks import endpoints
from db.webhooks.tables import WebhookDeadLetter, WebhookEndpoint
from domain.market.states import ActivityType, InboxType
from domain.webhooks.commands import WebhookStart
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import WebhookSource
from tests.builders import make_agent
from tests.slow_commits import settle

SECRET = b"the tests' credential secret"
# Nothing here depends on how fast the machine is: no try times out, no turn ends early, no next try is due by itself.
POLICY = WebhookPolicy(
    allow_loopback=True,
    connect_timeout_seconds=30,
    timeout_seconds=60,
    slow_seconds=120,
    turn_seconds=120,
    retry_seconds=(120, *WebhookPolicy().retry_seconds[1:]),
)


_INBOX = Query(
    select(*InboxEvent.columns)
    .where(InboxEvent.c.agent_id == bindparam("agent"))
    .order_by(InboxEvent.c.txid, InboxEvent.c.seq),
    InboxEvent,
)


class Post:
    """One agent's webhook and the activity that serves it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.client = webhook_client(POLICY)
        self.policy = POLICY

    async def agent(self):
        async with self.database.transaction() as transaction:
            return await make_agent(transaction)

    async def webhook(self, agent, url, source=WebhookSource.INBOX, **more):
        fields = {"types": [], "store_id": None, "listing_id": None, "description": None, "max_per_agent": 10}
        # What may be read only later counts as new to an endpoint made before.
        await settle(self.database)
        async with self.database.transaction() as transaction:
            row = await endpoints.insert_endpoint(
                transaction, new_id(), agent, url=url, source=source, **(fields | more)
            )
        return row.webhook_id

    async def tell(self, agent, *types: InboxType):
        for kind in types:
            async with self.database.transaction() as transaction:
                notify(transaction, agent, kind, meta={"for": str(agent)})

    async def happen(self, type: ActivityType, **ids):
        async with self.database.transaction() as transaction:
            record_event(transaction, type, **ids)

    async def serve(self, webhook_id):
        """A turn of the delivery, once all that was committed may be read."""
        await settle(self.database)
        return await self.serve_at_once(webhook_id)

    async def serve_at_once(self, webhook_id):
        activities = HttpWebhookActivities(
            self.database, self.client, {"STANDARD": StandardFormat(SECRET)}, self.policy
        )
        return await ActivityEnvironment().run(activities.deliver_webhooks, WebhookStart(webhook_id=webhook_id))

    async def row(self, webhook_id) -> WebhookEndpoint:
        async with self.database.transaction() as transaction:
            return await transaction.get_one(WebhookEndpoint, webhook_id)

    async def dead(self, webhook_id) -> list[WebhookDeadLetter]:
        async with self.database.transaction() as transaction:
            return await endpoints.list_dead_letters(transaction, webhook_id, None, 10)

    async def change(self, webhook_id, **columns):
        async with self.database.transaction() as transaction:
            writes.change(transaction, await transaction.get_one(WebhookEndpoint, webhook_id), **columns)

    async def hurry(self, webhook_id):
        """The wait for the next try is over."""
        await self.change(webhook_id, next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))

    async def inbox(self, agent) -> list[InboxEvent]:
        async with self.database.transaction() as transaction:
            return await transaction.rows(_INBOX, agent=agent)
