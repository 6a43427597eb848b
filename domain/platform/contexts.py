"""A context, declared once: one file shows it whole, and each layer keeps the part of it that the layer can import.

``domain/<name>/context.py`` holds ``CONTEXT``, a ``ContextSpec``: all of the context that is plain data, and the list
of layers in which it has a part. A part is the constant ``PART`` of the layer's module of that name. A name with a
package before it (``tests.contexts:greetings``) stands for a context outside of Souk's own folders, laid out in the
same way.

Everything is checked when it is loaded: a part that is missing, has another context's name or is of another type, a
part that nobody declared, and names that two contexts share.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel

from domain.platform.access import Access
from domain.platform.events import PrivateEvent, PublicEvent
from domain.platform.operations import ACCESS as OPERATIONS

Layer = Literal["db", "activities", "worker", "api", "drills"]
_MODULES: Mapping[Layer, str] = {
    "db": "db.{name}.context",
    "activities": "activities.{name}.context",
    "worker": "worker.{name}",
    "api": "api.{name}.context",
    "drills": "souk.drills.{name}",
}
_WHOLE = "domain.{name}.context"


class ContextError(Exception):
    """A context is not declared as it should be."""


@dataclass(frozen=True, slots=True)
class WorkflowType:
    """A workflow type by name. Its workflows' ids are ``prefix/key``, the key being that of their projection's row."""

    name: str
    prefix: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSpec:
    """A context as one file shows it.

    ``tags``: the documentation's tags and what they say. ``queues``: the task queues of its worker. ``events``: the
    kinds of public events, ``inbox`` those of private ones, each with its words. ``locks``: the rank of each table
    whose rows it locks; whoever locks several takes the lowest rank first. ``access``: who may call each route, as
    ``METHOD /path``. ``limits``: rates of requests, in the notation of the ``limits`` library. ``policy``: its numbers,
    which settings hold under the context's name. ``parts``: the layers in which the rest is declared.
    """

    name: str
    summary: str
    parts: tuple[Layer, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    workflows: tuple[WorkflowType, ...] = ()
    events: type[PublicEvent] | None = None
    inbox: type[PrivateEvent] | None = None
    locks: Mapping[str, int] = field(default_factory=dict)
    access: Mapping[str, Access] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    policy: type[BaseModel] | None = None


class Part(Protocol):
    """What a layer's module declares of a context."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Part)


class Contexts:
    """Some contexts, in an order that holds wherever there is one."""

    def __init__(self, names: Sequence[str]) -> None:
        """``names``: as ``config/contexts.py`` lists them. Raises ContextError."""
        self._roots = {name.rpartition(":")[2]: name.rpartition(":")[0] for name in names}
        self.all = tuple(self._load_whole(name) for name in self._roots)
        self.queues = tuple(queue for spec in self.all for queue in spec.queues)
        self.workflows = tuple(workflow for spec in self.all for workflow in spec.workflows)
        self.tags = {tag: says for spec in self.all for tag, says in spec.tags.items()}
        self.access = {**OPERATIONS, **{route: access for spec in self.all for route, access in spec.access.items()}}
        self.limits = {limit: rate for spec in self.all for limit, rate in spec.limits.items()}
        self.lock_ranks = {table: rank for spec in self.all for table, rank in spec.locks.items()}
        _refuse_shared("context", [name.rpartition(":")[2] for name in names])
        _refuse_shared("queue", self.queues)
        _refuse_shared("route", [*OPERATIONS, *(route for spec in self.all for route in spec.access)])
        _refuse_shared("limit", [limit for spec in self.all for limit in spec.limits])
        _refuse_shared("tag", [tag for spec in self.all for tag in spec.tags])
        _refuse_shared("workflow type", [workflow.name for workflow in self.workflows])
        _refuse_shared("workflow id", [workflow.prefix for workflow in self.workflows])
        _refuse_shared("lock's table", [table for spec in self.all for table in spec.locks])
        _refuse_shared("lock's rank", [str(rank) for spec in self.all for rank in spec.locks.values()])
        for workflow in self.workflows:
            if workflow.queue not in self.queues:
                raise ContextError(f"{workflow.name} runs on {workflow.queue!r}, which no context declares")

    @property
    def kernel_queue(self) -> str:
        """The queue on which the kernel's own workflows run, the sweep and the audit."""
        return self.queues[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.all)

    @property
    def events(self) -> tuple[PublicEvent, ...]:
        """Every kind of public event."""
        return tuple(kind for spec in self.all if spec.events for kind in spec.events)

    @property
    def inbox(self) -> tuple[PrivateEvent, ...]:
        """Every kind of private event."""
        return tuple(kind for spec in self.all if spec.inbox for kind in spec.inbox)

    def parts(self, layer: Layer, kind: type[P]) -> tuple[P, ...]:
        """The contexts' parts in a layer. Raises ContextError where one is missing, undeclared or another's."""
        found = []
        for spec in self.all:
            module = self._module(_MODULES[layer], spec.name)
            if layer in spec.parts:
                found.append(_declared(_load(module), "PART", kind, spec.name))
            elif _exists(module):
                raise ContextError(f"{module} is there, but the context {spec.name!r} declares no part in {layer!r}")
        return tuple(found)

    def _load_whole(self, name: str) -> ContextSpec:
        return _declared(_load(self._module(_WHOLE, name)), "CONTEXT", ContextSpec, name)

    def _module(self, pattern: str, name: str) -> str:
        root = self._roots[name]
        return (f"{root}." if root else "") + pattern.format(name=name)


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # not even its folder


def _load(module: str) -> ModuleType:
    if not _exists(module):
        raise ContextError(f"{module} is missing: a context declares itself there")
    return import_module(module)


def _declared(module: ModuleType, constant: str, kind: type[P], name: str) -> P:
    found = getattr(module, constant, None)
    if not isinstance(found, kind):
        raise ContextError(f"{module.__name__}.{constant} must be a {kind.__name__}")
    if found.name != name:
        raise ContextError(f"{module.__name__}.{constant} is named {found.name!r}, not {name!r}")
    return found


def _refuse_shared(what: str, values: Iterable[str]) -> None:
    shared = sorted(value for value, count in Counter(values).items() if count > 1)
    if shared:
        raise ContextError(f"two contexts have the same {what}: {', '.join(shared)}")
