"""What the console reads: private processes without their terms, the operators' log, and terms after a reason.

Every transaction that reads here first names its operator; the views are empty for anybody else, and their
columns leave out prices, quantities and messages (migration 0002).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.contexts import DbParts, Notice, ProcessView, Row
from db.platform.tables import ApiKey, OperatorAuditEntry


async def name_operator(session: AsyncSession, key_id: UUID) -> None:
    """Say who reads, for the rest of the transaction."""
    await session.execute(text("SELECT set_config('souk.operator', :key, true)"), {"key": str(key_id)})


async def read_rows(session: AsyncSession, query: str, **values: Any) -> Sequence[Row]:
    return [dict(row) for row in (await session.execute(text(query), values)).mappings()]


async def get_last_call(session: AsyncSession, agent_id: UUID) -> datetime | None:
    """When one of the agent's keys was last used."""
    query = text("SELECT last_active_at FROM operator_agents WHERE agent_id = :id")
    last: datetime | None = await session.scalar(query, {"id": agent_id})
    return last


async def list_late(
    session: AsyncSession, contexts: DbParts, now: datetime, grace_seconds: float, limit: int
) -> Sequence[Row]:
    """Processes whose date passed more than ``grace_seconds`` ago without the process having moved."""
    branches = [
        f"SELECT '{view.kind}' AS kind, l.* FROM ({query}) l(id, store_id, due, waits_for)"  # noqa: S608 - our own
        for view in contexts.views.values()
        for query in view.late
    ]
    query = f"{' UNION ALL '.join(branches)} ORDER BY due LIMIT :limit"
    return await read_rows(session, query, due=now - timedelta(seconds=grace_seconds), limit=limit)


async def list_noticed(session: AsyncSession, notice: Notice, now: datetime, limit: int) -> Sequence[Row]:
    """What a notice finds, the most urgent first."""
    values = {"limit": limit} | ({"now": now} if ":now" in notice.query else {})
    query = f"SELECT * FROM ({notice.query}) n(kind, id, store_id, since, due, waits_for)"  # noqa: S608 - our own
    return await read_rows(session, query, **values)


async def list_open(session: AsyncSession, contexts: DbParts, limit: int) -> Sequence[Row]:
    """Processes under way, of the types that operators want a list of, the newest first."""
    branches = [
        f"SELECT '{view.kind}' AS kind, o.* FROM ({view.open}) o(id, store_id, status, since)"  # noqa: S608 - our own
        for view in contexts.views.values()
        if view.open
    ]
    return await read_rows(session, f"{' UNION ALL '.join(branches)} ORDER BY since DESC LIMIT :limit", limit=limit)


async def get_projection(session: AsyncSession, view: ProcessView, entity: UUID) -> Row | None:
    """The row of a process as operators see it."""
    rows = await read_rows(session, view.projection, id=entity)
    return rows[0] if rows else None


async def log_once(
    session: AsyncSession, audit_id: UUID, key_id: UUID, action: str, reason: str, meta: dict[str, int | str]
) -> bool:
    """Write an entry of the operators' log. False when this very command has written it before."""
    if await session.get(OperatorAuditEntry, audit_id) is not None:
        return False
    session.add(OperatorAuditEntry(audit_id=audit_id, key_id=key_id, action=action, reason=reason, meta=meta))
    await session.flush()
    return True


async def list_audit(session: AsyncSession, before: UUID | None, limit: int) -> list[tuple[OperatorAuditEntry, str]]:
    """The operators' log with the label of each entry's key, newest first."""
    query = (
        select(OperatorAuditEntry, ApiKey.label)
        .join(ApiKey, ApiKey.key_id == OperatorAuditEntry.key_id)
        .order_by(OperatorAuditEntry.audit_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(OperatorAuditEntry.audit_id < before)
    return [(row[0], row[1]) for row in await session.execute(query)]


async def revoke_any_key(session: AsyncSession, key_id: UUID) -> bool:
    """Revoke a key of any kind. Doing it again changes nothing. False when there is no such key."""
    known = await session.get(ApiKey, key_id)
    if known is not None and known.revoked_at is None:
        await session.execute(
            update(ApiKey)
            .where(ApiKey.key_id == key_id)
            .values(revoked_at=text("now()"))
            .execution_options(synchronize_session=False)
        )
    return known is not None
