"""Kinds of events: a context declares its own as enums, each kind with the words that a reader of a list needs."""

from enum import StrEnum
from functools import cache
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class EventKind(StrEnum):
    """A kind of event: its name, the colour of its tag on a page, and what the tag says."""

    colour: str
    word: str

    def __new__(cls, name: str, colour: str = "", word: str = "") -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.colour = colour
        member.word = word or name.replace("_", " ").lower()
        return member

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A field of a base takes the kinds of every context; one of a context's own enum takes its members."""
        if cls.__members__:
            return handler(source)
        return core_schema.no_info_plain_validator_function(cls.named, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        if cls.__members__:
            return handler(schema)
        return {"type": "string", "title": cls.__name__, "enum": [kind.value for kind in cls.all_kinds()]}

    @classmethod
    def all_kinds(cls) -> list[Self]:
        """Of every context that is imported."""
        return [kind for kinds in cls.__subclasses__() for kind in kinds]

    @classmethod
    def named(cls, name: str) -> Self:
        """The kind of that name, of whichever context. Raises ValueError when no imported context has one."""
        found = _find(cls, name)
        assert isinstance(found, cls)
        return found

    @property
    def anonymous(self) -> bool:
        """Whether an event of this kind hides its actor."""
        return False


class PublicEvent(EventKind):
    """The kinds of the public feed. Each context has an enum of its own below this one."""


class PrivateEvent(EventKind):
    """The kinds of the inboxes. Each context has an enum of its own below this one."""


@cache
def _find(base: type[EventKind], name: str) -> EventKind:
    for kinds in base.__subclasses__():
        if name in kinds.__members__:
            return kinds(name)
    # Without the name: a caller may have sent it.
    raise ValueError("no context has events of this kind")
