"""What a context declares to the API: routes and pages, who may call them, and the words of what it shows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from mcp_types import ToolAnnotations
from sqlalchemy.ext.asyncio import AsyncSession

from domain.platform.contexts import ContextError, Contexts
from domain.platform.events import PublicEvent

Step = tuple[datetime, str, str | None]
"""When something happened, what, and the page that shows it."""
TellStory = Callable[[AsyncSession, UUID, Mapping[str, Any]], Awaitable[list[Step]]]


async def _itself(_: AsyncSession, entity: UUID) -> Sequence[UUID]:
    return [entity]


@dataclass(frozen=True, slots=True)
class ProcessStory:
    """A process in words for operators: ``tell(session, key, row)``, by its projection's row and nothing private.

    ``list_waiting``: the ids of whatever of it may wait for a date.
    """

    tell: TellStory
    list_waiting: Callable[[AsyncSession, UUID], Awaitable[Sequence[UUID]]] = _itself


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool of the MCP server: its function, whose docstring models read, its title, and how harmless it is."""

    work: Callable[..., Any]
    title: str
    annotations: ToolAnnotations


LOOKS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
# Writes are idempotent under a request_id; without one, only where rules let nothing happen twice.
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
ENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False)
# Needs no request_id: the same call again changes nothing.
SETS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words, and where they lead. ``quiet``: a quotation, shown less loudly."""

    text: str
    href: str | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPart:
    """``routers`` are documented, ``pages`` are for people. ``stories`` by the first part of workflows' ids.

    ``sentences``: how an event is told, of an
    event with the names behind its ids; one that has none is told by its kind's word. ``templates``: the folder of its
    pages' templates, if they are not with all others. ``tools``: of the MCP server.
    """

    name: str
    routers: tuple[APIRouter, ...]
    pages: tuple[APIRouter, ...] = ()
    stories: Mapping[str, ProcessStory] = field(default_factory=dict)
    sentences: Mapping[PublicEvent, Callable[[Any], list[Piece]]] = field(default_factory=dict)
    templates: Path | None = None
    tools: tuple[McpTool, ...] = ()


class ApiParts:
    """The parts of all contexts."""

    def __init__(self, contexts: Contexts) -> None:
        """Raises ContextError where a workflow type has no story, or a story is of none."""
        self.contexts = contexts
        self.all = contexts.parts("api", ApiPart)
        self.routers = tuple(router for part in self.all for router in part.routers)
        self.pages = tuple(router for part in self.all for router in part.pages)
        self.tools = tuple(tool for part in self.all for tool in part.tools)
        self.stories = {kind: story for part in self.all for kind, story in part.stories.items()}
        if unlike := {workflow.prefix for workflow in contexts.workflows} ^ self.stories.keys():
            raise ContextError(f"workflow types without a story for operators, or stories of none: {sorted(unlike)}")
