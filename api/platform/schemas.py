"""Bases of what goes in and out, and the strings and numbers a request may hold."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, field_validator

from domain.platform.numbers import Whole
from domain.platform.texts import line, prose, visible_length

MAX_PRICE_CENTS = 100_000_000
MAX_INVENTORY = 1_000_000


def _line(value: Any) -> Any:
    return line(value) if isinstance(value, str) else value


def _prose(value: Any) -> Any:
    return prose(value) if isinstance(value, str) else value


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text must not hold the character NUL")
    return text


def _visible(text: str) -> str:
    _without_nul(text)
    if not visible_length(text):
        raise ValueError("a text must hold something that can be seen")
    return text


# Normalised first, measured afterwards.
Name = Annotated[str, BeforeValidator(_line), StringConstraints(min_length=1, max_length=200), AfterValidator(_visible)]
"""One line: a title, a name, a label."""
Note = Annotated[
    str, BeforeValidator(_prose), StringConstraints(min_length=1, max_length=1_000), AfterValidator(_visible)
]
"""A short text: a reason, a bio, a note."""
Prose = Annotated[
    str, BeforeValidator(_prose), StringConstraints(min_length=1, max_length=10_000), AfterValidator(_visible)
]
"""A long text: a message, a description."""
Reason = Annotated[
    str, BeforeValidator(_prose), StringConstraints(min_length=3, max_length=500), AfterValidator(_visible)
]
"""Why an operator looks or acts."""
PolicyText = Annotated[
    str, BeforeValidator(_prose), StringConstraints(min_length=1, max_length=10_000), AfterValidator(_visible)
]
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^https?://[!#-;=?-~]+$")]
"""Of ASCII alone, as RFC 3986 has it."""
Cents = Annotated[int, Whole(1, MAX_PRICE_CENTS)]
"""An amount in minor units."""
AmountOrZero = Annotated[int, Whole(0, MAX_PRICE_CENTS)]
Currency = Annotated[str, StringConstraints(max_length=3, pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""
Quantity = Annotated[int, Whole(1, MAX_INVENTORY)]
Inventory = Annotated[int, Whole(0, MAX_INVENTORY)]


class RequestModel(BaseModel):
    """A body. Unknown fields are refused, and so is what Postgres cannot hold."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        return _without_nul(value) if isinstance(value, str) else value


class ResponseModel(BaseModel):
    """An answer: made of a row's attributes or by keyword. Every field is always there, as its schema says."""

    model_config = ConfigDict(from_attributes=True, frozen=True, json_schema_serialization_defaults_required=True)


def example(*values: dict[str, Any]) -> ConfigDict:
    """The model's configuration with worked examples for the documentation."""
    return ConfigDict(json_schema_extra={"examples": [*values]})
