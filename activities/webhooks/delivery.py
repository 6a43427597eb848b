"""The delivery activity: reads the event that stands first in line, sends it, records what followed.

No transaction is open while a receiver takes its time, and nothing of a payload or an address leaves for Temporal
or the log. Reading and recording are two transactions; a crash between them sends the event again, with the same
id. A turn is bounded, so that endpoints with much to deliver, and slow ones, share the places fairly.
"""

import secrets
import time
from datetime import datetime
from uuid import UUID

import httpx
import structlog
from temporalio import activity

from activities.platform.heartbeats import heartbeating
from activities.webhooks.formats import Format, Formats, Outgoing
from activities.webhooks.sending import send
from activities.webhooks.signatures import WebhookActivities
from db import locks
from db.platform.database import Database
from db.platform.transactions import Transaction
from db.webhooks.deliveries import PendingEvent, find_next_event, record_attempt, record_test, skip_event
from db.webhooks.tables import WebhookEndpoint
from domain.webhooks.commands import DeliveryReport, WebhookStart
from domain.webhooks.delivery import Attempt, Consequence
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.states import DeliveryState, WebhookStatus

_log = structlog.get_logger("souk.webhooks")
_chance = secrets.SystemRandom()


class _Turn:
    """What one look at the endpoint found to do: a test, an event, or the state to report."""

    def __init__(self, endpoint: WebhookEndpoint, now: datetime) -> None:
        self.endpoint = endpoint
        self.now = now
        self.event: PendingEvent | None = None
        self.body: bytes | None = None
        self.state: DeliveryState | None = None
        self.taken: bool | None = None
        """Whether the receiver took what was sent; None when nothing was."""

    def report(self, state: DeliveryState, delivered: int, slow: bool | None) -> DeliveryReport:
        return DeliveryReport(
            state=state,
            next_look_at=self.endpoint.next_attempt_at if state is DeliveryState.BACKING_OFF else None,
            delivered=delivered,
            failed_tries=self.endpoint.failed_tries,
            last_status=self.endpoint.last_status,
            slow=slow,
        )


class HttpWebhookActivities(WebhookActivities):
    """The real one."""

    def __init__(self, database: Database, client: httpx.AsyncClient, formats: Formats, policy: WebhookPolicy) -> None:
        self._database = database
        self._client = client
        self._formats = formats
        self._policy = policy

    @heartbeating()
    async def deliver_webhooks(self, start: WebhookStart) -> DeliveryReport:
        began = time.monotonic()
        delivered = 0
        slow: bool | None = None
        for _ in range(self._policy.turn_events):
            turn = await self._look(start.webhook_id)
            if turn is None:
                return DeliveryReport(state=DeliveryState.DELETED, delivered=delivered)
            if turn.state is not None:
                return turn.report(turn.state, delivered, slow)
            sent_at = time.monotonic()
            delivered += await self._carry_out(turn)
            took_long = time.monotonic() - sent_at > self._policy.slow_seconds
            if turn.taken is not None:
                slow = took_long or not turn.taken
            if took_long or time.monotonic() - began > self._policy.turn_seconds or activity.is_worker_shutdown():
                return turn.report(DeliveryState.MORE, delivered, slow)
        return DeliveryReport(state=DeliveryState.MORE, delivered=delivered, slow=slow)

    async def _look(self, webhook_id: UUID) -> _Turn | None:
        async with self._database.session() as session:
            transaction = await Transaction.of(session)
            endpoint = await transaction.get(WebhookEndpoint, webhook_id)
            if endpoint is None:
                return None
            turn = _Turn(endpoint, await locks.clock(transaction))
            if endpoint.test_requested_at is not None and endpoint.test_sent_at is None:
                assert endpoint.test_id is not None
                turn.body = self._format(endpoint).render_test(endpoint, endpoint.test_id, endpoint.test_requested_at)
            elif endpoint.status != WebhookStatus.ACTIVE:
                turn.state = DeliveryState.PAUSED
            elif endpoint.next_attempt_at is not None and endpoint.next_attempt_at > turn.now:
                turn.state = DeliveryState.BACKING_OFF
            else:
                turn.event = await find_next_event(transaction, endpoint)
                if turn.event is None:
                    turn.state = DeliveryState.IDLE
                else:
                    turn.body = await self._format(endpoint).render(session, endpoint, turn.event)
            return turn

    def _format(self, endpoint: WebhookEndpoint) -> Format:
        """Raises KeyError for a format this worker does not know: an older one waits for a newer worker."""
        return self._formats[endpoint.format]

    async def _carry_out(self, turn: _Turn) -> int:
        """Send and record. Returns how many events were acknowledged."""
        endpoint, event = turn.endpoint, turn.event
        if event is None:
            assert endpoint.test_id is not None
            attempt = await self._send(turn, str(endpoint.test_id))
            async with self._database.transaction() as transaction:
                await record_test(transaction, endpoint.webhook_id, endpoint.test_id, attempt)
            return 0
        if turn.body is None:
            async with self._database.transaction() as transaction:
                await skip_event(transaction, endpoint.webhook_id, endpoint.place, event)
            return 0
        attempt = await self._send(turn, str(event.event_id))
        async with self._database.transaction() as transaction:
            consequence = await record_attempt(
                transaction, endpoint.webhook_id, endpoint.place, event, attempt, self._policy, _chance.random()
            )
        if consequence is not Consequence.DELIVERED:
            _log.info(
                "webhook.not_delivered",
                webhook_id=str(endpoint.webhook_id),
                event_id=str(event.event_id),
                status=attempt.status,
                consequence=consequence.value if consequence else "moved",
            )
            return 0
        return 1

    async def _send(self, turn: _Turn, message_id: str) -> Attempt:
        assert turn.body is not None
        outgoing = Outgoing(message_id=message_id, url=turn.endpoint.url, body=turn.body, sent_at=turn.now)
        headers = self._format(turn.endpoint).sign(turn.endpoint, outgoing)
        attempt = await send(self._client, outgoing.url, headers, outgoing.body, lambda: turn.now)
        turn.taken = attempt.delivered
        return attempt
