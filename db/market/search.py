"""Search: what matches, how well, and what comes first, for whoever reads the rows.

The rules of words are the database's (``souk_search_document``, ``souk_search_words``): accents, compatibility forms
and spelling are forgiven, and a whole sentence finds what holds enough of its words.
"""

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
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.elements import KeyedColumnElement

from db.market.tables import Listing, Store
from db.platform.reading import LIMIT
from domain.market.states import ListingStatus, StoreStatus

Place = tuple[float, UUID]
"""Where a search goes on: rank and id of the last hit."""

ON_SALE = (Listing.c.status == ListingStatus.ACTIVE, Store.c.status == StoreStatus.ACTIVE)
"""Listings one can buy now."""

_LEAST_COVERAGE = 0.3
"""The share of what is looked for that a hit holds: one word of three, two of four to six."""

_Q: BindParameter[str] = bindparam("q", type_=Text)
# The words are found once for a statement, and not once for a row or for each place that names them.
_ASKED = select(func.souk_search_words(_Q).label("words")).cte("asked").prefix_with("MATERIALIZED")
_WORDS = select(_ASKED.c.words).scalar_subquery()
_QUERY = select(func.souk_search_query(_ASKED.c.words)).scalar_subquery()
_AFTER = tuple_(bindparam("after_rank", type_=Double), bindparam("after_id", type_=Uuid))


def _document(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[Any]:
    """The column of the title's table that holds what is searched."""
    return literal_column(f"{title.table.name}.search_text")


def _coverage(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[float]:
    return func.souk_coverage(_document(title), _WORDS, type_=Double)


def _says(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[bool]:
    return _document(title).op("@@")(_QUERY) & (_coverage(title) >= _LEAST_COVERAGE)


def _holds(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[bool]:
    """Only stop words are looked for in the title as they stand."""
    return (func.numnode(_QUERY) == 0) & (func.strpos(func.souk_fold(title), func.souk_fold(_Q)) > 0)


def fits(title: KeyedColumnElement[str]) -> ColumnElement[bool]:
    """Whether one of a few rows at hand matches ``q``."""
    return or_(_says(title), _holds(title))


def matches(title: Column[str]) -> ColumnElement[bool]:
    """Whether a row of the title's table matches ``q``, found by the index of its documents.

    Two lists of keys, of which one is always empty: an OR of both conditions could use no index.
    """
    key = next(iter(title.table.primary_key))
    return key.in_(union_all(select(key).where(_says(title)), select(key).where(_holds(title))))


def relevance(title: Column[str] | KeyedColumnElement[str]) -> ColumnElement[float]:
    """How well a row matches: the share of the words it holds first, then where and how often it holds them."""
    return cast(_coverage(title) + func.ts_rank(_document(title), _QUERY), Double)


def first(
    query: Select[*tuple[Any, ...]],
    rank: ColumnElement[float],
    key: Column[UUID],
    *,
    placed: bool,
) -> Select[*tuple[Any, ...]]:
    """The rows of the highest ``rank`` first, each with it as the last column.

    Takes the parameters that ``values`` gives; ``placed``: only what comes after a place.
    """
    found = query.add_columns(rank.label("rank")).order_by(rank.desc(), key.desc()).limit(LIMIT)
    return found.where(tuple_(rank, key) < _AFTER) if placed else found


def most_relevant(
    query: Select[*tuple[Any, ...]],
    title: Column[str],
    key: Column[UUID],
    *,
    placed: bool,
) -> Select[*tuple[Any, ...]]:
    """The rows that match, the most relevant first."""
    return first(query.where(matches(title)), relevance(title), key, placed=placed)


def values(q: str, after: Place | None, limit: int) -> dict[str, Any]:
    """The parameters of ``most_relevant``."""
    place = {} if after is None else {"after_rank": after[0], "after_id": after[1]}
    return {"q": q, "limit": limit, **place}
