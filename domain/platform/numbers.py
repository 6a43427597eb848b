"""Numbers that others send, by kind: whole numbers and lengths of time. One type for each, used everywhere.

Invariant: what the published schema lets through can be counted with. A whole number may be written ``900.0``, which
JSON Schema calls an integer too. A length of time is at least a millisecond, so that none rounds to nothing, and at
most a century, so that every date it leads to exists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict

LEAST_SECONDS = 0.001
MOST_SECONDS = 100 * 365 * 24 * 3600.0


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class Whole:
    """``Annotated[int, Whole(1, 5)]``: neither 1.5, nor "5", nor true is one; 5.0 is 5."""

    least: int
    most: int

    @property
    def __is_annotated_types_grouped_metadata__(self) -> Literal[True]:
        """Pydantic takes what iterating gives for so many annotations, so the bounds are in the published schema."""
        return True

    def __iter__(self) -> Iterator[object]:
        yield Strict()
        yield from Field(ge=self.least, le=self.most).metadata
        yield BeforeValidator(_whole)


Seconds = Annotated[float, Field(ge=LEAST_SECONDS, le=MOST_SECONDS, allow_inf_nan=False)]
"""A length of time that is one."""
SecondsOrZero = Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
