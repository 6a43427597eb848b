"""What an operator may read of the market after a reason, and do. The transaction names its operator first."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def reveal_terms(session: AsyncSession, audit_id: UUID, entity: UUID) -> dict[str, Any]:
    """The terms behind a negotiation or an order. The entry ``audit_id`` was written in this transaction."""
    found = await session.scalar(
        text("SELECT souk_reveal_terms(:entity, :audit)"), {"entity": entity, "audit": audit_id}
    )
    return dict(found)


async def hide_message(session: AsyncSession, audit_id: UUID, message_id: UUID, *, hide: bool) -> bool:
    """Hide a message's words or show them again. The entry ``audit_id`` was written in this transaction.

    False when it is so already.
    """
    query = text("SELECT souk_hide_message(:message, :hide, :audit)")
    return bool(await session.scalar(query, {"message": message_id, "hide": hide, "audit": audit_id}))
