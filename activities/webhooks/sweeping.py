"""What a sweep does for webhooks: wakes endpoints that have something to deliver, forgets old dead letters."""

from temporalio.client import Client

from activities.webhooks.waking import wake_delivery
from db.session import Database
from db.webhooks.deliveries import purge_dead_letters
from db.webhooks.pending import list_waiting, move_idle_cursors
from domain.webhooks.policy import WebhookPolicy

_BATCH = 500


class WebhookSweep:
    """Finds what the listener has missed, or what a process that is gone has left."""

    def __init__(self, database: Database, client: Client, policy: WebhookPolicy) -> None:
        self._database = database
        self._client = client
        self._policy = policy

    async def sweep(self) -> int:
        """How many processes were woken."""
        async with self._database.transaction() as session:
            # Before it writes: readers of the feeds wait for every transaction that has written.
            waiting = await list_waiting(session, _BATCH)
            await purge_dead_letters(session, self._policy.dead_letter_retention_days)
            await move_idle_cursors(session)
        for webhook_id in waiting:
            await wake_delivery(self._client, webhook_id)
        return len(waiting)
