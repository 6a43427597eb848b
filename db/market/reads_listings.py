"""Reads of listings for answers: rows in the very shape a listing is shown in, each with its store and images."""

from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by

from db.market import search
from db.market.reads_catalog import LISTING_WANTED, ListingFilter, listing_query, listings_wanted
from db.market.tables import Agent, Listing, Product, ProductImage, Store, TrustProfile
from db.platform.database import Database
from db.platform.reading import LIMIT, Row
from db.platform.statements import Read
from domain.market.errors import LISTING_NOT_FOUND

Order = Literal["relevance", "price", "-price", "newest", "trust"]
"""What a search shows first: the best match, the lowest or the highest price, the newest, the most trusted store."""

_IMAGE = func.json_build_object("image_url", ProductImage.c.image_url, "position", ProductImage.c.position, type_=JSON)
_IMAGES = (
    select(
        func.coalesce(
            func.json_agg(aggregate_order_by(_IMAGE, ProductImage.c.position, ProductImage.c.product_image_id)),
            literal_column("'[]'::json"),
        )
    )
    .where(ProductImage.c.product_id == Product.c.product_id)
    .scalar_subquery()
)


def _listings() -> Select[*tuple[Any, ...]]:
    return listing_query().add_columns(_IMAGES.label("images"))


_ONE = Read(_listings().where(Listing.c.listing_id == bindparam("listing_id")))


async def read_listing(reads: Database, listing_id: UUID) -> Row:
    """Raises listing.not_found."""
    rows = await reads.rows(_ONE, listing_id=listing_id)
    if not rows:
        raise LISTING_NOT_FOUND.error()
    return rows[0]


@cache
def _page(given: frozenset[str]) -> Read:
    """Compiled once for each combination of what is given."""
    return Read(_listings().where(*listings_wanted(given)).order_by(Listing.c.listing_id.desc()).limit(LIMIT))


async def read_listings(reads: Database, wanted: ListingFilter, before: UUID | None, limit: int) -> list[Row]:
    """Newest first. Listings of stores that are not open are left out unless their store is asked for."""
    values = wanted.values() | ({} if before is None else {"before": before})
    return await reads.rows(_page(frozenset(values)), limit=limit, **values)


_RANKS: dict[Order, ColumnElement[float]] = {
    "relevance": search.relevance(Product.c.title),
    "price": cast(-Listing.c.price_cents, Double),
    "-price": cast(Listing.c.price_cents, Double),
    "newest": cast(func.extract("epoch", Listing.c.created_at), Double),
    "trust": cast(TrustProfile.c.rank_milli, Double),
}
"""What comes first: what has more of this."""


def _on_sale(given: frozenset[str]) -> Select[*tuple[object, ...]]:
    with_trust = _listings().add_columns(
        Agent.c.handle.label("store_handle"),
        TrustProfile.c.overall_score.label("store_trust"),
        TrustProfile.c.rated.label("store_rated"),
    )
    wanted = [*search.ON_SALE, *(LISTING_WANTED[name] for name in sorted(given))]
    return (
        with_trust.join(TrustProfile.table, TrustProfile.c.store_id == Store.c.store_id)
        .join(Agent.table, Agent.c.agent_id == Store.c.owner_merchant_id)
        .where(*wanted)
    )


@cache
def _hits(given: frozenset[str], order: Order, *, placed: bool) -> Read:
    return Read(search.first(_on_sale(given), _RANKS[order], Listing.c.listing_id, placed=placed))


async def search_listings(
    reads: Database, wanted: ListingFilter, order: Order, after: search.Place | None, limit: int
) -> list[Row]:
    """Listings one can buy now in an order, each with its ``rank`` and with its store's handle and trust."""
    values = wanted.values()
    read = _hits(frozenset(values), order, placed=after is not None)
    return await reads.rows(read, **(search.values(wanted.q or "", after, limit) | values))


@cache
def _facets(given: frozenset[str]) -> Read:
    found = _on_sale(given).cte("found").prefix_with("MATERIALIZED")
    kinds = {
        "currency": found.c.currency,
        "delivery": cast(found.c.delivery, Text),
        "in_stock": cast(found.c.inventory_on_hand > 0, Text),
    }
    counted = [
        select(
            literal(name).label("facet"),
            value.label("value"),
            func.count().label("listings"),
            # Amounts of several currencies are not compared.
            (func.min(found.c.price_cents) if name == "currency" else null()).label("min_price_cents"),
            (func.max(found.c.price_cents) if name == "currency" else null()).label("max_price_cents"),
        ).group_by(value)
        for name, value in kinds.items()
    ]
    together = union_all(*counted).subquery()
    return Read(select(together).order_by(together.c.facet, together.c.listings.desc(), together.c.value))


async def count_facets(reads: Database, wanted: ListingFilter) -> list[Row]:
    """How many of the listings that a search finds there are of each currency, kind of delivery, and in stock."""
    values = wanted.values()
    return await reads.rows(_facets(frozenset(values)), **values)
