"""What the console reads: private processes without their terms, the operators' log, and terms after a reason.

Every transaction that reads here first names its operator; the views are empty for anybody else, and their
columns leave out prices, quantities and messages (migration 0002).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform import writes
from db.platform.contexts import DbParts, Notice, ProcessView, Row
from db.platform.keys import insert_audit_entry
from db.platform.reading import LIMIT
from db.platform.statements import Query
from db.platform.tables import ApiKey, OperatorAuditEntry
from db.platform.transactions import Transaction


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
    transaction: Transaction, audit_id: UUID, key_id: UUID, action: str, reason: str, meta: dict[str, int | str]
) -> bool:
    """Write an entry of the operators' log. False when this very command has written it before."""
    if await transaction.get(OperatorAuditEntry, audit_id) is not None:
        return False
    insert_audit_entry(transaction, audit_id, key_id, action, reason, meta)
    await writes.send(transaction)
    return True


_LOG = (
    select(*OperatorAuditEntry.columns, ApiKey.c.label)
    .join(ApiKey.table, ApiKey.c.key_id == OperatorAuditEntry.c.key_id)
    .order_by(OperatorAuditEntry.c.audit_id.desc())
    .limit(LIMIT)
)
_NEWEST = Query(_LOG, OperatorAuditEntry, str)
_BEFORE = Query(_LOG.where(OperatorAuditEntry.c.audit_id < bindparam("before")), OperatorAuditEntry, str)


async def list_audit(transaction: Transaction, before: UUID | None, limit: int) -> list[tuple[OperatorAuditEntry, str]]:
    """The operators' log with the label of each entry's key, newest first."""
    if before is None:
        return await transaction.rows(_NEWEST, limit=limit)
    return await transaction.rows(_BEFORE, before=before, limit=limit)
