"""Reads of stores, products and listings as the market shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, select

from db.market.products import list_images
from db.market.search import matches
from db.market.tables import Listing, Product, ProductImage, Store, TrustProfile
from db.platform.reading import LIMIT
from db.platform.statements import Choice, Query, newest
from db.platform.transactions import Transaction
from domain.market.errors import LISTING_NOT_FOUND, PRODUCT_NOT_FOUND, STORE_NOT_FOUND
from domain.market.states import ListingStatus, StoreStatus


@dataclass(frozen=True, slots=True)
class ListingView:
    """A listing with what a buyer needs to see of its product and store."""

    listing: Listing
    title: str
    description: str
    store_name: str
    images: list[ProductImage]


@dataclass(frozen=True, slots=True)
class ListingFilter:
    store_id: UUID | None = None
    product_id: UUID | None = None
    status: ListingStatus | None = None
    min_price_cents: int | None = None
    max_price_cents: int | None = None
    q: str | None = None
    currency: str | None = None
    in_stock: bool | None = None
    min_trust: float | None = None

    def values(self) -> dict[str, Any]:
        """What is asked for, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value not in {None, ""}}


LISTING_WANTED: dict[str, ColumnElement[bool]] = {
    "store_id": Listing.c.store_id == bindparam("store_id"),
    "product_id": Listing.c.product_id == bindparam("product_id"),
    "status": Listing.c.status == bindparam("status"),
    "min_price_cents": Listing.c.price_cents >= bindparam("min_price_cents"),
    "max_price_cents": Listing.c.price_cents <= bindparam("max_price_cents"),
    "q": matches(Product.c.title),
    "currency": Listing.c.currency == bindparam("currency"),
    "in_stock": (Listing.c.inventory_on_hand > 0) == bindparam("in_stock", type_=Boolean),
    "min_trust": Listing.c.store_id.in_(
        select(TrustProfile.c.store_id).where(TrustProfile.c.overall_score >= bindparam("min_trust"))
    ),
    "before": Listing.c.listing_id < bindparam("before"),
}


def listings_wanted(given: Collection[str]) -> list[ColumnElement[bool]]:
    """Conditions for what is given. Listings of stores that are not open are left out unless their store is given."""
    wanted = [LISTING_WANTED[name] for name in sorted(given)]
    return wanted if "store_id" in given else [Store.c.status == StoreStatus.ACTIVE, *wanted]


def listing_query() -> Select[*tuple[Any, ...]]:
    """The columns of ``LISTING``, the last one as ``store_name``."""
    return (
        select(*Listing.columns, Product.c.title, Product.c.description, Store.c.name.label("store_name"))
        .select_from(Listing.table)
        .join(Product.table, Product.c.product_id == Listing.c.product_id)
        .join(Store.table, Store.c.store_id == Listing.c.store_id)
    )


LISTING = (Listing, str, str, str)


async def listing_views(transaction: Transaction, rows: Sequence[tuple[Listing, str, str, str]]) -> list[ListingView]:
    images = await list_images(transaction, [row[0].product_id for row in rows]) if rows else {}
    return [ListingView(*row, images[row[0].product_id]) for row in rows]


_LISTINGS = Choice(
    LISTING_WANTED,
    lambda wanted: Query(
        listing_query().where(*listings_wanted(wanted)).order_by(Listing.c.listing_id.desc()).limit(LIMIT), *LISTING
    ),
)
_LISTING = Query(listing_query().where(Listing.c.listing_id == bindparam("listing_id")), *LISTING)


async def get_listing(transaction: Transaction, listing_id: UUID) -> ListingView:
    """Raises listing.not_found."""
    rows = await transaction.rows(_LISTING, listing_id=listing_id)
    if not rows:
        raise LISTING_NOT_FOUND.error()
    return (await listing_views(transaction, rows))[0]


async def list_listings(
    transaction: Transaction, wanted: ListingFilter, before: UUID | None, limit: int
) -> list[ListingView]:
    """Newest first."""
    rows = await transaction.choose(_LISTINGS, **wanted.values(), before=before, limit=limit)
    return await listing_views(transaction, rows)


async def get_product(transaction: Transaction, product_id: UUID) -> tuple[Product, list[ProductImage]]:
    """Raises product.not_found."""
    product = await transaction.require(Product, product_id, PRODUCT_NOT_FOUND)
    return product, (await list_images(transaction, [product_id]))[product_id]


_PRODUCTS = Choice(
    {
        "store_id": Product.c.store_id == bindparam("store_id"),
        "before": Product.c.product_id < bindparam("before"),
    },
    lambda wanted: newest(Product, *wanted.values()),
)
_STORES = Choice(
    {
        "owner_id": Store.c.owner_merchant_id == bindparam("owner_id"),
        "status": Store.c.status == bindparam("status"),
        "q": matches(Store.c.name),
        "before": Store.c.store_id < bindparam("before"),
    },
    lambda wanted: newest(Store, *wanted.values()),
)


async def list_products(
    transaction: Transaction, store_id: UUID | None, before: UUID | None, limit: int
) -> list[tuple[Product, list[ProductImage]]]:
    """Newest first, with their images."""
    products = await transaction.choose(_PRODUCTS, store_id=store_id, before=before, limit=limit)
    images = await list_images(transaction, [product.product_id for product in products])
    return [(product, images[product.product_id]) for product in products]


async def get_store(transaction: Transaction, store_id: UUID) -> Store:
    """Raises store.not_found."""
    return await transaction.require(Store, store_id, STORE_NOT_FOUND)


async def list_stores(
    transaction: Transaction,
    owner_id: UUID | None,
    status: StoreStatus | None,
    q: str | None,
    before: UUID | None,
    limit: int,
) -> list[Store]:
    """Newest first."""
    asked = {"owner_id": owner_id, "status": status, "q": q or None, "before": before}
    return await transaction.choose(_STORES, **asked, limit=limit)
