"""Process commands that were carried out. Looked up under the locks of what they change."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import writes
from db.platform.tables import ProcessedCommand
from db.steps import Unit


async def find_command(session: AsyncSession, command_id: UUID) -> ProcessedCommand | None:
    return await session.get(ProcessedCommand, command_id)


def insert_command(unit: Unit, command_id: UUID, kind: str, entity_id: UUID, outcome: str = "ok") -> None:
    writes.insert(unit, ProcessedCommand, command_id=command_id, kind=kind, entity_id=entity_id, outcome=outcome)
