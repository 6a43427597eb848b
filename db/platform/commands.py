"""Process commands that were carried out. Looked up under the locks of what they change."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from db.platform import writes
from db.platform.reading import LIMIT
from db.platform.statements import Query, among
from db.platform.tables import IdempotencyRecord, ProcessedCommand
from db.platform.transactions import Transaction, Unit
from domain.platform.commands import Command

_record, _command = IdempotencyRecord.table, ProcessedCommand.table
# Stable, unlike the clock's own time: an index can be asked for what lies before it.
_NOW = func.statement_timestamp()
_UNANSWERED = Query(
    select(*ProcessedCommand.columns)
    .join(_record, _record.c.command_id == _command.c.command_id)
    .where(
        _record.c.completed_at.is_(None),
        _record.c.lease_until < _NOW - timedelta(seconds=5),
        # What was given up before stays for as long as records are kept. It may be carried out a while later.
        _record.c.lease_until > _NOW - timedelta(days=2),
        among(_command.c.kind, "kinds"),
        _command.c.created_at > _NOW - timedelta(days=1),
    )
    .order_by(_command.c.created_at.desc())
    .limit(LIMIT),
    ProcessedCommand,
)


async def find_command(transaction: Transaction, command_id: UUID) -> ProcessedCommand | None:
    return await transaction.get(ProcessedCommand, command_id)


async def list_unanswered(transaction: Transaction, kinds: Iterable[str], limit: int) -> list[ProcessedCommand]:
    """Commands of the last day that were carried out and whose answers were never kept, the newest first.

    Where that is because worker and engine died in between, the process does not know of it either.
    """
    return await transaction.rows(_UNANSWERED, kinds=list(kinds), limit=limit)


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
