"""Idempotency records: one row per request that carried an Idempotency-Key.

A record is claimed by inserting it; the unique index on (scope, key) lets one of any number of twins win.
A claim that names a lease is in flight until the lease ends; then a repetition takes it over and goes on
under the same ``command_id``. Row-level security shows a record only to the scope it belongs to.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import new_id
from db.platform.tables import IdempotencyRecord


@dataclass(frozen=True, slots=True)
class Claim:
    """The caller may carry the request out. ``resumed``: an earlier attempt began and did not end."""

    command_id: UUID
    resumed: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """The request was carried out: this is what was answered."""

    status_code: int
    text: str


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another attempt is at work; its lease ends in so many seconds."""

    seconds_left: float


@dataclass(frozen=True, slots=True)
class Reused:
    """The key belongs to another request."""


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def claim(
    session: AsyncSession, scope: UUID, key_hash: bytes, request_hash: bytes, lease_seconds: float | None
) -> Claim | Stored | InFlight | Reused:
    """Claim a request. Without a lease the claim lasts as long as the transaction; a twin waits for it."""
    fresh = new_id()
    lease = None if lease_seconds is None else func.clock_timestamp() + timedelta(seconds=lease_seconds)
    statement = insert(IdempotencyRecord).values(
        command_id=fresh, scope=scope, key_hash=key_hash, request_hash=request_hash, lease_until=lease
    )
    claimed = await session.scalar(
        statement.on_conflict_do_update(
            constraint="idempotency_records_key",
            set_={"lease_until": statement.excluded.lease_until},
            where=IdempotencyRecord.completed_at.is_(None)
            & (IdempotencyRecord.lease_until <= func.clock_timestamp())
            & (IdempotencyRecord.request_hash == request_hash),
        ).returning(IdempotencyRecord.command_id)
    )
    if claimed is not None:
        return Claim(claimed, resumed=claimed != fresh)
    left = func.extract("epoch", IdempotencyRecord.lease_until - func.clock_timestamp())
    query = select(IdempotencyRecord, left).where(
        IdempotencyRecord.scope == scope, IdempotencyRecord.key_hash == key_hash
    )
    record, seconds_left = (await session.execute(query)).one()
    if record.request_hash != request_hash:
        return Reused()
    if record.completed_at is not None:
        assert record.status_code is not None
        assert record.response_body is not None
        return Stored(record.status_code, record.response_body["json"])
    return InFlight(max(0.0, float(seconds_left or 0)))


async def complete(
    session: AsyncSession, command_id: UUID, status_code: int, text: str, *, personal: bool = False
) -> None:
    """Keep the answer. Kept as text, so that a repetition gets the same bytes; not for long when it is personal."""
    kept: dict[str, object] = {"json": text} | ({"personal": True} if personal else {})
    await session.execute(
        update(IdempotencyRecord)
        .where(IdempotencyRecord.command_id == command_id, IdempotencyRecord.completed_at.is_(None))
        .values(completed_at=func.clock_timestamp(), status_code=status_code, response_body=kept)
        .execution_options(synchronize_session=False)
    )


async def release(session: AsyncSession, command_id: UUID) -> None:
    """End the lease now: the next attempt goes on at once, under the same command id."""
    await session.execute(
        update(IdempotencyRecord)
        .where(IdempotencyRecord.command_id == command_id, IdempotencyRecord.completed_at.is_(None))
        .values(lease_until=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
