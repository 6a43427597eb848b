"""Idempotency records: one row per request that carried an Idempotency-Key.

A record is claimed by inserting it; the unique index on (scope, key) lets one of any number of twins win.
A claim that names a lease is in flight until the lease ends, or until the process that holds it is dead; then a
repetition takes it over and goes on under the same ``command_id``. Row-level security shows a record only to the
scope it belongs to.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Double, Integer, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.platform.ids import new_id
from db.platform.presence import LOCK_CLASS
from db.platform.reading import Asked
from db.platform.statements import Query
from db.platform.tables import IdempotencyRecord
from db.platform.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Claim:
    """The caller may carry the request out. ``resumed``: an earlier attempt began and did not end."""

    command_id: UUID
    resumed: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """The request was carried out: this is what was answered. ``told``: the credential its secret was told to."""

    status_code: int
    text: str
    told: str | None = None


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another attempt is at work; its lease ends in so many seconds, or as soon as its process is dead."""

    seconds_left: float


@dataclass(frozen=True, slots=True)
class Reused:
    """The key belongs to another request."""


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


_records = IdempotencyRecord.table
_now = func.clock_timestamp()
_open = _records.c.completed_at.is_(None)
_INSERT = insert(_records).values(
    command_id=bindparam("command_id"),
    scope=bindparam("scope"),
    key_hash=bindparam("key_hash"),
    request_hash=bindparam("request_hash"),
    # Without a lease there is no end to it either.
    lease_until=_now + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("lease_seconds", type_=Double)),
    holder=bindparam("holder", type_=Integer),
)
# Granted, until this transaction ends, only where no living process holds it.
_HOLDER_IS_DEAD = func.pg_try_advisory_xact_lock_shared(LOCK_CLASS, _records.c.holder)
_CLAIM = Query(
    _INSERT.on_conflict_do_update(
        constraint="idempotency_records_key",
        set_={"lease_until": _INSERT.excluded.lease_until, "holder": _INSERT.excluded.holder},
        where=_open
        & (_records.c.request_hash == _INSERT.excluded.request_hash)
        & or_(_records.c.lease_until <= _now, _HOLDER_IS_DEAD),
    ).returning(_records.c.command_id)
)
_FOUND = Query(
    select(
        _records.c.request_hash,
        _records.c.completed_at,
        _records.c.status_code,
        _records.c.response_body,
        func.extract("epoch", _records.c.lease_until - _now).label("seconds_left"),
    ).where(_records.c.scope == bindparam("scope"), _records.c.key_hash == bindparam("key_hash"))
)
_OF_COMMAND = update(_records).where(_records.c.command_id == bindparam("command"), _open)
_COMPLETE = Query(
    _OF_COMMAND.values(
        completed_at=_now, status_code=bindparam("status_code"), response_body=bindparam("response_body")
    )
)
_RELEASE = Query(_OF_COMMAND.values(lease_until=_now))


async def claim(
    transaction: Transaction,
    scope: UUID,
    key_hash: bytes,
    request_hash: bytes,
    lease_seconds: float | None,
    holder: int | None = None,
) -> Claim | Stored | InFlight | Reused:
    """Claim a request. Without a lease the claim lasts as long as the transaction; a twin waits for it.

    ``holder``: the claiming process's number, by which others know that it is dead; None where it has none now.
    """
    fresh = new_id()
    claimed = await transaction.one_or_none(
        _CLAIM,
        command_id=fresh,
        scope=scope,
        key_hash=key_hash,
        request_hash=request_hash,
        lease_seconds=lease_seconds,
        holder=holder,
    )
    if claimed is not None:
        return Claim(claimed.command_id, resumed=claimed.command_id != fresh)
    [found] = await transaction.rows(_FOUND, scope=scope, key_hash=key_hash)
    if found.request_hash != request_hash:
        return Reused()
    if found.completed_at is not None:
        return Stored(found.status_code, found.response_body["json"], found.response_body.get("told"))
    return InFlight(max(0.0, float(found.seconds_left or 0)))


async def complete(
    transaction: Transaction,
    command_id: UUID,
    status_code: int,
    text: str,
    *,
    personal: bool = False,
    told: str | None = None,
) -> None:
    """Keep the answer. Kept as text, so that a repetition gets the same bytes; not for long when it is personal.

    ``told``: the credential to which the answer's secret, which is not in ``text``, was told.
    """
    query, values = completion(command_id, status_code, text, personal=personal, told=told)
    await transaction.run(query.text, query.parameters(values))


def completion(
    command_id: UUID, status_code: int, text: str, *, personal: bool = False, told: str | None = None
) -> Asked:
    """The same as a statement."""
    kept = {"json": text} | ({"personal": True} if personal else {}) | ({"told": told} if told else {})
    return _COMPLETE, {"command": command_id, "status_code": status_code, "response_body": kept}


async def release(transaction: Transaction, command_id: UUID) -> None:
    """End the lease now: the next attempt goes on at once, under the same command id."""
    await transaction.run(_RELEASE.text, _RELEASE.parameters({"command": command_id}))
