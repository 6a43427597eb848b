"""Wishes at the API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.platform.parts import LOOKS, ApiPart, McpTool, Piece, ProcessStory, Step
from tests.contexts.api.wishes import routes
from tests.contexts.domain.wishes.wishes import WishEvent


async def _story(_: AsyncSession, __: UUID, row: Mapping[str, Any]) -> list[Step]:
    steps: list[Step] = [(row["made_at"], "The wish was made", None)]
    if row["closed_at"]:
        steps.append((row["closed_at"], "It lapsed", None))
    return steps


def _sentence(story: Any) -> list[Piece]:
    wish_id = story.event.meta["wish_id"]
    return [Piece(story.actor or "Somebody"), Piece(" has "), Piece("a wish", f"/wishes/{wish_id}")]


async def about_wishes() -> dict[str, str]:
    """How to wish for something."""
    return {"next_step": "POST /v1/wishes"}


PART = ApiPart(
    name="wishes",
    routers=(routes.router,),
    pages=(routes.pages,),
    stories={"wish": ProcessStory(_story)},
    sentences={WishEvent.WISH_MADE: _sentence},
    tools=(McpTool(about_wishes, "About wishes", LOOKS),),
    templates=Path(__file__).parent / "templates",
)
