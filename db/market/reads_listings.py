"""Reads of listings for answers: rows in the very shape a listing is shown in, each with its store and images."""

from functools import cache
from uuid import UUID

from sqlalchemy import Select, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by

from db.market import search
from db.market.reads_catalog import ListingFilter, listings_wanted
from db.market.tables import Listing, Product, ProductImage, Store
from db.platform.reading import LIMIT, Reads, Row
from db.platform.statements import Read
from domain.market.errors import LISTING_NOT_FOUND

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


def _listings() -> Select[*tuple[object, ...]]:
    return (
        select(
            Listing.c.listing_id,
            Listing.c.store_id,
            Listing.c.product_id,
            Store.c.name.label("store_name"),
            Product.c.title,
            Product.c.description,
            _IMAGES.label("images"),
            Listing.c.price_cents,
            Listing.c.currency,
            Listing.c.inventory_on_hand,
            Listing.c.status,
            Listing.c.delivery,
            Listing.c.promised_delivery_seconds,
            Listing.c.hero_only,
            Listing.c.created_at,
            Listing.c.updated_at,
        )
        .join(Product, Product.c.product_id == Listing.c.product_id)
        .join(Store, Store.c.store_id == Listing.c.store_id)
    )


_ONE = Read(_listings().where(Listing.c.listing_id == bindparam("listing_id")))


async def read_listing(reads: Reads, listing_id: UUID) -> Row:
    """Raises listing.not_found."""
    rows = await reads.rows(_ONE, listing_id=listing_id)
    if not rows:
        raise LISTING_NOT_FOUND.error()
    return rows[0]


@cache
def _page(given: frozenset[str]) -> Read:
    """Compiled once for each combination of what is given."""
    return Read(_listings().where(*listings_wanted(given)).order_by(Listing.c.listing_id.desc()).limit(LIMIT))


async def read_listings(reads: Reads, wanted: ListingFilter, before: UUID | None, limit: int) -> list[Row]:
    """Newest first. Listings of stores that are not open are left out unless their store is asked for."""
    values = wanted.values() | ({} if before is None else {"before": before})
    return await reads.rows(_page(frozenset(values)), limit=limit, **values)


@cache
def _hits(*, placed: bool) -> Read:
    on_sale = _listings().where(*search.ON_SALE)
    return Read(search.most_relevant(on_sale, Product.c.title, Listing.c.listing_id, placed=placed))


async def search_listings(reads: Reads, q: str, after: search.Place | None, limit: int) -> list[Row]:
    """Listings one can buy now, the most relevant first, each with its ``rank``."""
    return await reads.rows(_hits(placed=after is not None), **search.values(q, after, limit))
