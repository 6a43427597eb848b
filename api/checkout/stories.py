"""A checkout session in words for operators."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.platform.parts import ProcessStory, Step

_CHECKOUT_STEPS = (
    ("created_at", "The session was opened"),
    ("attempted_at", "The buyer began to pay"),
    ("captured_at", "The payment was captured"),
)


async def _checkout(_: AsyncSession, __: UUID, row: Mapping[str, Any]) -> list[Step]:
    story: list[Step] = [(row[name], words, None) for name, words in _CHECKOUT_STEPS if row[name]]
    if row["closed_at"]:
        why = (row["close_reason"] or row["status"]).replace("_", " ").lower()
        story.append((row["closed_at"], f"The session ended: {why}", None))
    if row["owes_refund_since"]:
        story.append((row["owes_refund_since"], "An order was refunded, and its money is not paid back yet", None))
    return sorted(story, key=lambda entry: entry[0])


STORIES = {"checkout": ProcessStory(_checkout)}
