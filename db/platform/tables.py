"""Tables that belong to no context: agents' keys, idempotency records, processed commands, limits."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, CreatedAt, Key, Meta, pg_enum


class ApiKeyKind(StrEnum):
    AGENT = "AGENT"
    OPERATOR = "OPERATOR"


class ApiKey(Base):
    """A credential. Only the hash of its secret is kept; the key's id is part of what the caller sends."""

    __tablename__ = "api_keys"
    key_id: Mapped[Key]
    kind: Mapped[ApiKeyKind] = mapped_column(pg_enum(ApiKeyKind, "api_key_kind"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.agent_id"))
    label: Mapped[str] = mapped_column(server_default="")
    secret_hash: Mapped[bytes]
    created_at: Mapped[CreatedAt]
    revoked_at: Mapped[datetime | None]


class IdempotencyRecord(Base):
    """One request with an Idempotency-Key. In flight while ``completed_at`` is null and the lease runs.

    ``holder``: the number of the process that is at it (``db.platform.presence``), whose end ends the lease.
    """

    __tablename__ = "idempotency_records"
    command_id: Mapped[Key]
    scope: Mapped[UUID]
    key_hash: Mapped[bytes]
    request_hash: Mapped[bytes]
    created_at: Mapped[CreatedAt]
    lease_until: Mapped[datetime | None]
    holder: Mapped[int | None]
    completed_at: Mapped[datetime | None]
    status_code: Mapped[int | None]
    response_body: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class ProcessedCommand(Base):
    """A process command an activity has carried out, and how it ended ("ok" or an error code)."""

    __tablename__ = "processed_commands"
    command_id: Mapped[Key]
    kind: Mapped[str]
    entity_id: Mapped[UUID]
    outcome: Mapped[str]
    created_at: Mapped[CreatedAt]


class OperatorAuditEntry(Base):
    """What an operator did, and why."""

    __tablename__ = "operator_audit_log"
    audit_id: Mapped[Key]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.key_id"))
    action: Mapped[str]
    reason: Mapped[str]
    meta: Mapped[Meta]
    created_at: Mapped[CreatedAt]


class RateLimitWindow(Base):
    """A counter of the rate limiter; one row per limit, caller and window."""

    __tablename__ = "rate_limit_windows"
    __table_args__ = {"prefixes": ["UNLOGGED"]}
    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[datetime]


class Heartbeat(Base):
    """When a part last worked. Time after ``accounted_at`` is not yet known to be served or lost.

    ``resumed_at``: the first beat after a silence that is not recorded yet.
    """

    __tablename__ = "heartbeats"
    part: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]
    accounted_at: Mapped[datetime]
    tolerated: Mapped[timedelta]
    resumed_at: Mapped[datetime | None]


class Outage(Base):
    """A time in which a part was away. ``dates_moved``: of parties who could not act."""

    __tablename__ = "outages"
    outage_id: Mapped[Key]
    part: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    dates_moved: Mapped[int] = mapped_column(server_default="0")
    recorded_at: Mapped[CreatedAt]


class ExtendedDate(Base):
    """A date that an outage moved. ``wait`` names it (``db/platform/waiting.py``)."""

    __tablename__ = "extended_dates"
    outage_id: Mapped[UUID] = mapped_column(ForeignKey("outages.outage_id"), primary_key=True)
    wait: Mapped[str] = mapped_column(primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(primary_key=True)
    old_date: Mapped[datetime]
    new_date: Mapped[datetime]
