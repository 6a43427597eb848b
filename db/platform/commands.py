"""Process commands that were carried out. Looked up under the locks of what they change."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform import writes
from db.platform.tables import IdempotencyRecord, ProcessedCommand
from db.platform.transactions import Unit
from domain.platform.commands import Command


async def find_command(session: AsyncSession, command_id: UUID) -> ProcessedCommand | None:
    return await session.get(ProcessedCommand, command_id)


async def list_unanswered(session: AsyncSession, kinds: Iterable[str], limit: int) -> list[ProcessedCommand]:
    """Commands of the last day that were carried out and whose answers were never kept, the newest first.

    Where that is because worker and engine died in between, the process does not know of it either.
    """
    # Stable, unlike the clock's own time: an index can be asked for what lies before it.
    now = func.statement_timestamp()
    query = (
        select(ProcessedCommand)
        .join(IdempotencyRecord, IdempotencyRecord.command_id == ProcessedCommand.command_id)
        .where(
            IdempotencyRecord.completed_at.is_(None),
            IdempotencyRecord.lease_until < now - timedelta(seconds=5),
            # What was given up before stays for as long as records are kept. It may be carried out a while later.
            IdempotencyRecord.lease_until > now - timedelta(days=2),
            ProcessedCommand.kind.in_(kinds),
            ProcessedCommand.created_at > now - timedelta(days=1),
        )
        .order_by(ProcessedCommand.created_at.desc())
        .limit(limit)
    )
    return list(await session.scalars(query))


def insert_command(unit: Unit, command: Command, outcome: str = "ok") -> None:
    """``outcome``: the code of a refusal that nevertheless changed something."""
    writes.insert(
        unit,
        ProcessedCommand,
        command_id=command.command_id,
        kind=command.kind,
        entity_id=command.entity_id,
        outcome=outcome,
    )
