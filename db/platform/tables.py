"""Tables that belong to no context: agents' keys, idempotency records, processed commands, limits."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import ForeignKey

from db.platform.rows import CreatedAt, Key, Meta, Row, pg_enum


class ApiKeyKind(StrEnum):
    AGENT = "AGENT"
    OPERATOR = "OPERATOR"


class ApiKey(Row, table="api_keys"):
    """A credential. Only the hash of its secret is kept; the key's id is part of what the caller sends."""

    key_id: Key
    kind: Annotated[ApiKeyKind, pg_enum(ApiKeyKind, "api_key_kind")]
    agent_id: Annotated[UUID | None, ForeignKey("agents.agent_id")]
    label: Annotated[str, {"server_default": ""}]
    secret_hash: bytes
    created_at: CreatedAt
    revoked_at: datetime | None


class IdempotencyRecord(Row, table="idempotency_records"):
    """One request with an Idempotency-Key. In flight while ``completed_at`` is null and the lease runs.

    ``holder``: the number of the process that is at it (``db.platform.presence``), whose end ends the lease.
    """

    command_id: Key
    scope: UUID
    key_hash: bytes
    request_hash: bytes
    created_at: CreatedAt
    lease_until: datetime | None
    holder: int | None
    completed_at: datetime | None
    status_code: int | None
    response_body: dict[str, Any] | None


class ProcessedCommand(Row, table="processed_commands"):
    """A process command an activity has carried out, and how it ended ("ok" or an error code)."""

    command_id: Key
    kind: str
    entity_id: UUID
    outcome: str
    created_at: CreatedAt


class OperatorAuditEntry(Row, table="operator_audit_log"):
    """What an operator did, and why."""

    audit_id: Key
    key_id: Annotated[UUID, ForeignKey("api_keys.key_id")]
    action: str
    reason: str
    meta: Meta
    created_at: CreatedAt


class RateLimitWindow(Row, table="rate_limit_windows", prefixes=["UNLOGGED"]):
    """A counter of the rate limiter; one row per limit, caller and window."""

    key: Annotated[str, {"primary_key": True}]
    count: int
    expires_at: datetime


class Heartbeat(Row, table="heartbeats"):
    """When a part last worked. Time after ``accounted_at`` is not yet known to be served or lost.

    ``resumed_at``: the first beat after a silence that is not recorded yet.
    """

    part: Annotated[str, {"primary_key": True}]
    beat_at: datetime
    accounted_at: datetime
    tolerated: timedelta
    resumed_at: datetime | None


class Outage(Row, table="outages"):
    """A time in which a part was away. ``dates_moved``: of parties who could not act."""

    outage_id: Key
    part: str
    began_at: datetime
    ended_at: datetime
    dates_moved: Annotated[int, {"server_default": "0"}]
    recorded_at: CreatedAt


class ExtendedDate(Row, table="extended_dates"):
    """A date that an outage moved. ``wait`` names it (``db/platform/waiting.py``)."""

    outage_id: Annotated[Key, ForeignKey("outages.outage_id")]
    wait: Annotated[str, {"primary_key": True}]
    entity_id: Key
    old_date: datetime
    new_date: datetime
