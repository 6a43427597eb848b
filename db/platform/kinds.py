"""The column of a public event's kind: an enum of the database, to which each context's migration adds its kinds."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

from domain.platform.events import PublicEvent


class PublicKind(UserDefinedType[PublicEvent]):
    """Read as the member of whichever context's enum it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "activity_type"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], PublicEvent | None]:
        def process(value: Any) -> PublicEvent | None:
            return None if value is None else PublicEvent.named(value)

        return process
