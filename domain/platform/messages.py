"""Messages between API, workflows and activities that every context knows. Those of a context build on ``Message``."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """Frozen, and encrypted on its way. A new field needs a default: recorded histories lack it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Done(Message):
    """The answer to an accepted command: which entity to read."""

    entity_id: UUID


class SweepReport(Message):
    """How many workflows a sweep woke, by the first part of their ids, and how many rows it tidied, by task.

    ``unanswered``: those told of a command whose answer was never kept.
    """

    woken: Mapping[str, int] = Field(default_factory=dict)
    tidied: Mapping[str, int] = Field(default_factory=dict)
    unanswered: int = 0


class AuditFinding(Message):
    """One invariant's result: how many breaches, and the first few ids."""

    invariant: int
    name: str
    breaches: int
    examples: list[str] = []
    checked: bool = True


class AuditReport(Message):
    """All invariants' results, from one look."""

    findings: list[AuditFinding]
