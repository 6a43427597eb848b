"""Lists as CSV (RFC 4180), for spreadsheets: as many rows as asked for, each with the cursor that goes on after it."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Response

from api.errors import Responses
from api.platform.pages import Paging
from domain.platform.cursors import encode_cursor

Kept = TypeVar("Kept")
MAX_ROWS = 5_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A value as text. What a spreadsheet would take for a formula is marked as text by an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        # Full-width signs are formulas as well.
        case str() if unicodedata.normalize("NFKC", value[:1]).startswith(_FORMULA):
            return f"'{value}"
    return str(value)


class CsvPaging(Paging):
    """The query parameters of an export: ``limit`` and ``cursor``."""

    def csv(
        self,
        name: str,
        columns: Iterable[str],
        rows: Sequence[Kept],
        values: Callable[[Kept], Mapping[str, Any]],
        key: Callable[[Kept], tuple[Any, ...]],
    ) -> Response:
        """A file of ``rows``, with a line of names first."""
        text = io.StringIO()
        lines = csv.writer(text)
        names = list(columns)
        lines.writerow([*names, "cursor"])
        for row in rows:
            found = values(row)
            lines.writerow([*(cell(found[column]) for column in names), encode_cursor(*key(row))])
        named = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "private, no-cache"}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8; header=present", headers=named)


async def csv_paging(
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 500,
    cursor: Annotated[str | None, Query(max_length=500, description="cursor of the last row before")] = None,
) -> CsvPaging:
    return CsvPaging(limit, cursor)


CsvQuery = Annotated[CsvPaging, Depends(csv_paging)]


def documented_csv(columns: Iterable[str], example: Mapping[str, Any]) -> Responses:
    """The 200 of an export for a route's ``responses``."""
    names = list(columns)
    text = io.StringIO()
    csv.writer(text).writerows([[*names, "cursor"], [*(cell(example[name]) for name in names), "WzFd"]])
    return {200: {"description": "A CSV file", "content": {"text/csv": {"example": text.getvalue()}}}}
