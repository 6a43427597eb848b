"""Commands: what a caller tells a workflow. Each is declared once, as the class of its message.

    class AcceptOffer(AnswerOffer):
        kind = "accept_offer"

The class says all there is to know of it: its kind, under which the workflow takes it as an update, an activity of the
same name carries it out and ``processed_commands`` remembers it; the workflow's type and which field has the id of
its projection; whether it opens that; its fields. The answer is ``Done`` or a refusal.
"""

from typing import Any, ClassVar
from uuid import UUID

from domain.platform.messages import Message


class Command(Message):
    """The base of every command. ``command_id`` comes from the caller's Idempotency-Key.

    ``workflow``: the type of the workflow it is for. ``key``: the field with the id of the workflow's projection.
    ``opens``: it is the workflow's first. ``told_again``: when its answer was never kept, the sweep has the workflow
    look; not where only the caller can go on.
    """

    kind: ClassVar[str]
    workflow: ClassVar[str]
    key: ClassVar[str]
    opens: ClassVar[bool] = False
    told_again: ClassVar[bool] = True

    command_id: UUID

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Raises ValueError for a kind that another command has. A class without a kind is a base of some."""
        super().__pydantic_init_subclass__(**options)
        if "kind" in vars(cls) and COMMANDS.setdefault(cls.kind, cls) is not cls:
            raise ValueError(f"two commands are called {cls.kind}")

    @property
    def entity_id(self) -> UUID:
        found = getattr(self, self.key)
        assert isinstance(found, UUID)
        return found


COMMANDS: dict[str, type[Command]] = {}
"""By kind, as far as their modules are loaded."""


def kinds_told_again(*workflows: str) -> frozenset[str]:
    """The kinds of these workflow types' commands that the sweep tells them of."""
    return frozenset(kind for kind, found in COMMANDS.items() if found.workflow in workflows and found.told_again)
