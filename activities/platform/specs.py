"""One declaration per workflow type: how it is found, started, told and judged.

Sweep, audit, doctor, console and the API restart, wake and list workflows by these declarations alone, so a type that
is declared is seen by all of them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from activities.platform.workflows import Process, wake_process
from db.platform.database import Database

RESUMED = "RESUMED"
"""The state of a workflow that was started anew, until its next step."""


@dataclass(frozen=True, slots=True)
class Due:
    """A workflow that should act by now. ``late`` says for operators what has not happened; None: nothing is wrong."""

    key: UUID
    late: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """By key: the workflows that must run, and those that may."""

    must: frozenset[UUID]
    may: frozenset[UUID]


async def _nothing_due(_: AsyncSession, __: int) -> Sequence[Due]:
    return ()


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """A workflow type whose ids are ``prefix/key``, the key being that of its projection's row.

    ``read(session, key)``: the row that ``start`` needs, of a projection that needs a workflow; None of any other.
    ``start(key, row)``: what it is started with, by ids that are in its projection's row and in what operators see of
    it. ``describe(start)``: all the engine is told when it is started anew. ``list_expected(session)``: which must and
    which may run. ``list_due(session, limit)``: those that should act by now, for the sweep.
    ``commands``: the kinds of processed commands that it carries out, each with the key as its entity.
    """

    type: str
    prefix: str
    read: Callable[[AsyncSession, UUID], Awaitable[Mapping[str, Any] | None]]
    start: Callable[[UUID, Mapping[str, Any]], BaseModel]
    describe: Callable[[BaseModel], Process]
    list_expected: Callable[[AsyncSession], Awaitable[Expected]]
    list_due: Callable[[AsyncSession, int], Awaitable[Sequence[Due]]] = _nothing_due
    commands: frozenset[str] = frozenset()

    def workflow_id(self, key: UUID) -> str:
        return f"{self.prefix}/{key}"

    async def load(self, session: AsyncSession, key: UUID) -> Process | None:
        """The workflow as it is started anew from its projection; None where that needs none."""
        row = await self.read(session, key)
        return None if row is None else self.restarted(key, row)

    def restarted(self, key: UUID, row: Mapping[str, Any]) -> Process:
        """The same, of a row at hand."""
        return self.describe(self.start(key, row))


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What a context does at every sweep besides waking: ``run(session)`` answers with how many rows it touched."""

    name: str
    run: Callable[[AsyncSession], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class ActivityContext:
    """What a context declares to sweep, audit, doctor and console."""

    name: str
    workflows: tuple[WorkflowSpec, ...]
    housekeeping: tuple[Housekeeping, ...] = ()


class WorkflowSpecs:
    """The workflow types of all contexts, found by a workflow's id or by a command's kind."""

    def __init__(self, contexts: Sequence[ActivityContext]) -> None:
        self.contexts = tuple(contexts)
        self.all = tuple(spec for context in contexts for spec in context.workflows)
        self._by_prefix = {spec.prefix: spec for spec in self.all}
        self._by_command = {kind: spec for spec in self.all for kind in spec.commands}
        if len(self._by_prefix) != len(self.all) or len(self._by_command) != sum(len(s.commands) for s in self.all):
            raise ValueError("two workflow types share a prefix or a command")

    @property
    def commands(self) -> frozenset[str]:
        return frozenset(self._by_command)

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(spec.type for spec in self.all)

    def by_prefix(self, prefix: str) -> WorkflowSpec | None:
        return self._by_prefix.get(prefix)

    def by_command(self, kind: str) -> WorkflowSpec:
        return self._by_command[kind]

    def find(self, workflow_id: str) -> tuple[WorkflowSpec, UUID]:
        """The type and the key of a workflow id. Raises ValueError for an id of no declared type."""
        prefix, _, key = workflow_id.partition("/")
        spec = self._by_prefix.get(prefix)
        if spec is None:
            raise ValueError(f"no workflow type has ids like {workflow_id!r}")
        return spec, UUID(key)

    async def list_expected(self, session: AsyncSession) -> tuple[set[str], set[str]]:
        """The workflow ids that must run, and those that may."""
        must: set[str] = set()
        may: set[str] = set()
        for spec in self.all:
            expected = await spec.list_expected(session)
            must |= {spec.workflow_id(key) for key in expected.must}
            may |= {spec.workflow_id(key) for key in expected.may}
        return must, may


@dataclass(frozen=True, slots=True)
class Restart:
    """Wakes workflows from their projections: the one place where one that is gone is started anew."""

    database: Database
    client: Client
    specs: WorkflowSpecs = field(repr=False)

    async def wake(self, spec: WorkflowSpec, key: UUID) -> bool:
        """Tell a workflow to look again, starting it where it does not run. False where its projection needs none.

        Raises RPCError when Temporal is away.
        """
        async with self.database.session() as session:
            process = await spec.load(session, key)
        if process is None:
            return False
        await wake_process(self.client, process)
        return True
