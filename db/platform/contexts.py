"""What contexts declare of their rows: invariants, waits, and what operators see of workflows' projections.

A context's part is ``PART`` in ``db/<name>/context.py``. ``DbParts`` puts those of all contexts together; audit,
outages and console read it and no list of their own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from db.platform.waiting import Wait
from domain.platform.contexts import ContextError, Contexts

Invariants = Mapping[int, tuple[str, str]]
"""By number: the sentence that holds after any crash, and the query that answers with the ids that breach it."""

K = TypeVar("K")
V = TypeVar("V")


Row = Mapping[str, Any]


def _is_not_closed(row: Row) -> bool:
    return row["closed_at"] is None


def _never(_: Row) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """A workflow type's projection as operators see it, without terms, by views that are empty for anybody else.

    ``kind`` is the prefix of its ids. ``projection``: the row of ``:id``. ``late``: queries of those whose date passed
    before ``:due``, as (id, store_id, due, waits_for). ``open``: those under way, as (id, store_id, status, since);
    empty where operators need no list. ``is_open(row)``: whether the process goes on, so that it needs a workflow;
    ``may_rest(row)``: whether an open one may do without for now.
    """

    kind: str
    projection: str
    late: tuple[str, ...] = ()
    open: str = ""
    is_open: Callable[[Row], bool] = _is_not_closed
    may_rest: Callable[[Row], bool] = _never


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that operators should know of besides late and failing workflows.

    ``query``: as (kind, id, store_id, since, due, waits_for), the most urgent first, by ``:now`` and ``:limit``.
    ``why(row, now)`` names it, ``help`` says what to do. ``urgent``: whether it needs a person, and is not just good to
    know.
    """

    why: Callable[[Row, datetime], str]
    query: str
    help: str
    urgent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DbPart:
    """What a context declares to audit, outages and console.

    ``waits``: the dates by which a party must act. ``not_awaited``: every other date column, with the reason.
    """

    name: str
    invariants: Invariants = field(default_factory=dict)
    waits: tuple[Wait, ...] = ()
    not_awaited: Mapping[tuple[str, str], str] = field(default_factory=dict)
    views: tuple[ProcessView, ...] = ()
    notices: tuple[Notice, ...] = ()


class DbParts:
    """The parts of all contexts."""

    def __init__(self, contexts: Contexts) -> None:
        """Raises ContextError where two contexts declare the same, or one what is not in its whole."""
        parts = contexts.parts("db", DbPart)
        self.invariants: Invariants = dict(sorted(_merged("invariant", (part.invariants for part in parts)).items()))
        self.not_awaited = _merged("date", (part.not_awaited for part in parts))
        self.notices = tuple(notice for part in parts for notice in part.notices)
        self.views = _merged("view", ({view.kind: view for view in part.views} for part in parts))
        ranks = contexts.lock_ranks
        waits = [wait for part in parts for wait in part.waits]
        for wait in waits:
            if wait.table not in ranks:
                raise ContextError(f"the wait {wait.name!r} locks rows of {wait.table}, which has no lock rank")
        # In the order in which rows are locked.
        self.waits = tuple(sorted(waits, key=lambda wait: ranks[wait.table]))
        self.awaited_parts = frozenset(part for wait in self.waits for part in wait.parts)
        unseen = {workflow.prefix for workflow in contexts.workflows} ^ self.views.keys()
        if unseen:
            raise ContextError(f"workflow types without a view for operators, or views of none: {sorted(unseen)}")

    def parts_judged_by(self, queue: str) -> frozenset[str]:
        """The parts that the dates which workflows of a queue judge depend on."""
        return frozenset().union(*(wait.parts for wait in self.waits if wait.parts[0] == queue))

    def parts_of(self, process: str) -> frozenset[str]:
        """The parts that the waits of a workflow type depend on, by the prefix of its ids."""
        return frozenset().union(*(wait.parts for wait in self.waits if wait.process == process))


def _merged(what: str, maps: Iterable[Mapping[K, V]]) -> dict[K, V]:
    merged: dict[K, V] = {}
    for each in maps:
        shared = merged.keys() & each.keys()
        if shared:
            raise ContextError(f"two contexts have the same {what}: {sorted(map(str, shared))}")
        merged |= each
    return merged
