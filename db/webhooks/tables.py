"""Webhook endpoints and their dead letters."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import ForeignKey, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from db.platform.rows import Big, CreatedAt, Key, Row


class WebhookEndpoint(Row, table="webhook_endpoints"):
    """Where an agent wants its events, and how far they have come."""

    webhook_id: Key
    agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    url: str
    source: str
    format: Annotated[str, {"server_default": "STANDARD"}]
    types: Annotated[list[str], ARRAY(Text), {"server_default": text("'{}'")}]
    store_id: Annotated[UUID | None, ForeignKey("stores.store_id")]
    listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")]
    description: str | None
    status: Annotated[str, {"server_default": "ACTIVE"}]
    pause_reason: str | None
    secret_version: Annotated[int, {"server_default": "1"}]
    previous_secret_until: datetime | None
    cursor_txid: Big
    cursor_seq: Big
    failed_tries: Annotated[int, {"server_default": "0"}]
    failing_since: datetime | None
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    test_id: UUID | None
    test_requested_at: datetime | None
    test_sent_at: datetime | None
    test_status: int | None
    test_error: str | None
    created_at: CreatedAt

    @property
    def place(self) -> tuple[int, int]:
        """The last event that is done with."""
        return self.cursor_txid, self.cursor_seq


class WebhookDeadLetter(Row, table="webhook_dead_letters"):
    """An event that could not be delivered."""

    webhook_id: Annotated[Key, ForeignKey("webhook_endpoints.webhook_id", ondelete="CASCADE")]
    event_id: Key
    txid: Big
    seq: Big
    type: str
    occurred_at: datetime
    tries: int
    last_status: int | None
    last_error: str | None
    dead_at: CreatedAt
