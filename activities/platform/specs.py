"""One declaration per workflow type: how it is found, started, told and judged.

Sweep, audit, doctor, console and the API restart, wake and list workflows by these declarations alone, so a type that
is declared is seen by all of them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from temporalio.client import Client

from activities.platform.workflows import Process, wake_process
from db.platform.contexts import DbParts
from db.platform.database import Database
from db.platform.housekeeping import make_partitions, purge_old_records
from db.platform.transactions import Transaction
from domain.platform.commands import COMMANDS, Command, kinds_told_again
from domain.platform.contexts import ContextError, Contexts, WorkflowType
from domain.platform.policy import RetentionPolicy

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


async def _nothing_due(_: Transaction, __: int) -> Sequence[Due]:
    return ()


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """How workflows of a type are found, started anew and judged.

    ``read(transaction, key)``: the row that ``start`` needs, of a projection that needs a workflow; None of any other.
    ``start(key, row)``: what it is started with, by ids that are in its projection's row and in what operators see of
    it. ``describe(start, resumed)``: all the engine is told when it is started, anew or by its first command.
    ``list_expected(transaction)``: which must and which may run. ``list_due(transaction, limit)``: those that should
    act by now, for the sweep.
    """

    type: WorkflowType
    read: Callable[[Transaction, UUID], Awaitable[Mapping[str, Any] | None]]
    start: Callable[[UUID, Mapping[str, Any]], BaseModel]
    describe: Callable[[BaseModel, bool], Process]
    list_expected: Callable[[Transaction], Awaitable[Expected]]
    list_due: Callable[[Transaction, int], Awaitable[Sequence[Due]]] = _nothing_due

    def workflow_id(self, key: UUID) -> str:
        return f"{self.type.prefix}/{key}"

    async def load(self, transaction: Transaction, key: UUID) -> Process | None:
        """The workflow as it is started anew from its projection; None where that needs none."""
        row = await self.read(transaction, key)
        return None if row is None else self.restarted(key, row)

    def restarted(self, key: UUID, row: Mapping[str, Any]) -> Process:
        """The same, of a row at hand."""
        return self.describe(self.start(key, row), True)

    def commanded(self, command: Command, row: Mapping[str, Any]) -> Process:
        """The workflow that a command is for, as it is started where it does not run. ``row``: what ``start`` needs."""
        return self.describe(self.start(command.entity_id, row), not command.opens)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What a context does at every sweep besides waking: ``run(transaction)`` answers with how many rows it touched."""

    name: str
    run: Callable[[Transaction], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that waits for its owner or for operators, and no process is at fault: which, why, and what helps."""

    workflow_id: str
    why: str
    what: str
    help: str


async def _no_concerns(_: Transaction, __: int) -> Sequence[Concern]:
    return ()


@dataclass(frozen=True, slots=True)
class Workflows:
    """What a context does by a Souk's policies: its workflow types, its housekeeping, its concerns."""

    specs: tuple[WorkflowSpec, ...]
    housekeeping: tuple[Housekeeping, ...] = ()
    list_concerns: Callable[[Transaction, int], Awaitable[Sequence[Concern]]] = _no_concerns


def _purging(policy: RetentionPolicy) -> Housekeeping:
    async def purge(transaction: Transaction) -> int:
        return await purge_old_records(transaction, policy.records_days)

    return Housekeeping("rows_purged", purge)


P = TypeVar("P", bound=BaseModel)


class Policies:
    """The numbers that a Souk runs by, one set of each class."""

    def __init__(self, policies: Iterable[BaseModel]) -> None:
        self._by_class = {type(policy): policy for policy in policies}

    def of(self, kind: type[P]) -> P:
        """Raises KeyError for numbers that no context and no setting has."""
        found = self._by_class[kind]
        assert isinstance(found, kind)
        return found


@dataclass(frozen=True, slots=True)
class ActivityPart:
    """What a context declares to sweep, audit, doctor and console. ``build`` makes it for a Souk's policies."""

    name: str
    build: Callable[[Policies], Workflows]


class WorkflowSpecs:
    """The workflow types of all contexts, found by a workflow's id or a command's kind; ``rows``: what they read."""

    def __init__(self, contexts: Contexts, policies: Policies) -> None:
        """Raises ContextError where a workflow type is declared and not specified, or the other way round."""
        self.contexts = contexts
        self.policies = policies
        self.rows = DbParts(contexts)
        built = [part.build(policies) for part in contexts.parts("activities", ActivityPart)]
        self.all = tuple(spec for workflows in built for spec in workflows.specs)
        own = (Housekeeping("partitions_made", make_partitions), _purging(policies.of(RetentionPolicy)))
        self.housekeeping = (*own, *(task for workflows in built for task in workflows.housekeeping))
        self._concerns = tuple(workflows.list_concerns for workflows in built)
        if unlike := {spec.type for spec in self.all} ^ set(contexts.workflows):
            names = sorted(workflow.name for workflow in unlike)
            raise ContextError(f"workflow types without a specification, or specifications of none: {names}")
        self._by_name = {spec.type.name: spec for spec in self.all}
        self._by_prefix = {spec.type.prefix: spec for spec in self.all}
        self.commands = kinds_told_again(*self.types)

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(spec.type.name for spec in self.all)

    def by_name(self, workflow: str) -> WorkflowSpec:
        """Raises KeyError for a type that is not declared."""
        return self._by_name[workflow]

    def by_prefix(self, prefix: str) -> WorkflowSpec:
        """Raises KeyError for a prefix of no declared type."""
        return self._by_prefix[prefix]

    def by_command(self, kind: str) -> WorkflowSpec:
        """The type that takes a command. Raises KeyError for one that is not declared."""
        return self._by_name[COMMANDS[kind].workflow]

    def find(self, workflow_id: str) -> tuple[WorkflowSpec, UUID]:
        """The type and the key of a workflow id. Raises ValueError for an id of no declared type."""
        prefix, _, key = workflow_id.partition("/")
        spec = self._by_prefix.get(prefix)
        if spec is None:
            raise ValueError(f"no workflow type has ids like {workflow_id!r}")
        return spec, UUID(key)

    async def list_expected(self, transaction: Transaction) -> tuple[set[str], set[str]]:
        """The workflow ids that must run, and those that may."""
        must: set[str] = set()
        may: set[str] = set()
        for spec in self.all:
            expected = await spec.list_expected(transaction)
            must |= {spec.workflow_id(key) for key in expected.must}
            may |= {spec.workflow_id(key) for key in expected.may}
        return must, may

    async def list_concerns(self, transaction: Transaction, limit: int) -> list[Concern]:
        """What waits for owners or operators, the most urgent first in each context."""
        return [concern for of_context in self._concerns for concern in await of_context(transaction, limit)]


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
        async with self.database.transaction() as transaction:
            process = await spec.load(transaction, key)
        if process is None:
            return False
        await wake_process(self.client, process)
        return True
