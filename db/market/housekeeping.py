"""Upkeep of the market that every sweep does."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def learn_words(session: AsyncSession) -> int:
    """Take in the words of new titles and names, by which misspelt searches are put right. Returns how many are new."""
    return int(await session.scalar(text("SELECT souk_learn_words()")) or 0)
