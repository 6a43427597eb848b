"""A webhook's deliveries in words for operators."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.platform.parts import ProcessStory, Step

_WEBHOOK_STEPS = (
    ("created_at", "The endpoint was made"),
    ("last_delivered_at", "The last event was delivered"),
    ("failing_since", "Nothing is delivered from here on"),
    ("last_attempt_at", "The last try"),
)


async def _webhook(_: AsyncSession, __: UUID, row: Mapping[str, Any]) -> list[Step]:
    story: list[Step] = [(row[name], words, None) for name, words in _WEBHOOK_STEPS if row[name]]
    return sorted(story, key=lambda entry: entry[0])


STORIES = {"webhook": ProcessStory(_webhook)}
