"""Webhook endpoints and their dead letters."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, Big, CreatedAt, Key


class WebhookEndpoint(Base):
    """Where an agent wants its events, and how far they have come."""

    __tablename__ = "webhook_endpoints"
    webhook_id: Mapped[Key]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    url: Mapped[str]
    source: Mapped[str]
    format: Mapped[str] = mapped_column(server_default="STANDARD")
    types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey("stores.store_id"))
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    description: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="ACTIVE")
    pause_reason: Mapped[str | None]
    secret_version: Mapped[int] = mapped_column(server_default="1")
    previous_secret_until: Mapped[datetime | None]
    cursor_txid: Mapped[Big]
    cursor_seq: Mapped[Big]
    failed_tries: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    last_delivered_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    test_id: Mapped[UUID | None]
    test_requested_at: Mapped[datetime | None]
    test_sent_at: Mapped[datetime | None]
    test_status: Mapped[int | None]
    test_error: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    @property
    def place(self) -> tuple[int, int]:
        """The last event that is done with."""
        return self.cursor_txid, self.cursor_seq


class WebhookDeadLetter(Base):
    """An event that could not be delivered."""

    __tablename__ = "webhook_dead_letters"
    webhook_id: Mapped[UUID] = mapped_column(
        ForeignKey("webhook_endpoints.webhook_id", ondelete="CASCADE"), primary_key=True
    )
    event_id: Mapped[Key]
    txid: Mapped[Big]
    seq: Mapped[Big]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    tries: Mapped[int]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    dead_at: Mapped[CreatedAt]
