"""Full-text search: what matches, how well, and what comes first, for whoever reads the rows."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Double,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    tuple_,
)
from sqlalchemy.sql.elements import KeyedColumnElement

from db.market.tables import Listing, Store
from db.platform.reading import LIMIT
from domain.market.states import ListingStatus, StoreStatus

Place = tuple[float, UUID]
"""Where a search goes on: relevance and id of the last hit."""

ON_SALE = (Listing.c.status == ListingStatus.ACTIVE, Store.c.status == StoreStatus.ACTIVE)
"""Listings one can buy now."""

_Q: BindParameter[str] = bindparam("q", type_=Text)
_QUERY = func.plainto_tsquery("english", _Q)
_AFTER = tuple_(bindparam("after_rank", type_=Double), bindparam("after_id", type_=Uuid))


def _search_text(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[Any]:
    """The column of the title's table that holds what is searched."""
    return literal_column(f"{title.table.name}.search_text")


def matches(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[bool]:
    """Whether a row of the title's table matches ``q``; only stop words are looked for in the title as they stand."""
    in_title = func.strpos(func.lower(title), func.lower(_Q)) > 0
    return or_(_search_text(title).op("@@")(_QUERY), (func.numnode(_QUERY) == 0) & in_title)


def most_relevant(
    query: Select[*tuple[Any, ...]],
    title: Column[str],
    key: Column[UUID],
    *,
    placed: bool,
) -> Select[*tuple[Any, ...]]:
    """The rows that match, the most relevant first, each with its ``rank`` as the last column.

    Takes the parameters that ``values`` gives; ``placed``: only what comes after a place.
    """
    rank = cast(func.ts_rank(_search_text(title), _QUERY), Double)
    found = query.add_columns(rank.label("rank")).where(matches(title)).order_by(rank.desc(), key.desc()).limit(LIMIT)
    return found.where(tuple_(rank, key) < _AFTER) if placed else found


def values(q: str, after: Place | None, limit: int) -> dict[str, Any]:
    """The parameters of ``most_relevant``."""
    place = {} if after is None else {"after_rank": after[0], "after_id": after[1]}
    return {"q": q, "limit": limit, **place}
