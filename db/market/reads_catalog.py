"""Reads of stores, products and listings as the market shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.market.products import list_images
from db.market.search import matches
from db.market.tables import Listing, Product, ProductImage, Store, TrustProfile
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


def listing_query() -> Select[Listing, str, str, str]:
    return (
        select(Listing, Product.c.title, Product.c.description, Store.c.name)
        .join(Product, Product.c.product_id == Listing.c.product_id)
        .join(Store, Store.c.store_id == Listing.c.store_id)
    )


async def listing_views(session: AsyncSession, rows: Sequence[tuple[Listing, str, str, str]]) -> list[ListingView]:
    images = await list_images(session, [row[0].product_id for row in rows]) if rows else {}
    return [ListingView(*row, images[row[0].product_id]) for row in rows]


async def get_listing(session: AsyncSession, listing_id: UUID) -> ListingView:
    """Raises listing.not_found."""
    query = listing_query().where(Listing.c.listing_id == listing_id)
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise LISTING_NOT_FOUND.error()
    return (await listing_views(session, [row]))[0]


async def list_listings(
    session: AsyncSession, wanted: ListingFilter, before: UUID | None, limit: int
) -> list[ListingView]:
    """Newest first."""
    values = wanted.values() | ({} if before is None else {"before": before})
    query = listing_query().where(*listings_wanted(values)).order_by(Listing.c.listing_id.desc()).limit(limit)
    return await listing_views(session, list(await session.execute(query, values)))


async def get_product(session: AsyncSession, product_id: UUID) -> tuple[Product, list[ProductImage]]:
    """Raises product.not_found."""
    product = await session.get(Product, product_id)
    if product is None:
        raise PRODUCT_NOT_FOUND.error()
    return product, (await list_images(session, [product_id]))[product_id]


async def list_products(
    session: AsyncSession, store_id: UUID | None, before: UUID | None, limit: int
) -> list[tuple[Product, list[ProductImage]]]:
    """Newest first, with their images."""
    query = select(Product).order_by(Product.c.product_id.desc()).limit(limit)
    if store_id is not None:
        query = query.where(Product.c.store_id == store_id)
    if before is not None:
        query = query.where(Product.c.product_id < before)
    products = list(await session.scalars(query))
    images = await list_images(session, [product.product_id for product in products])
    return [(product, images[product.product_id]) for product in products]


async def get_store(session: AsyncSession, store_id: UUID) -> Store:
    """Raises store.not_found."""
    store = await session.get(Store, store_id)
    if store is None:
        raise STORE_NOT_FOUND.error()
    return store


async def list_stores(
    session: AsyncSession,
    owner_id: UUID | None,
    status: StoreStatus | None,
    q: str | None,
    before: UUID | None,
    limit: int,
) -> list[Store]:
    """Newest first."""
    query = select(Store).order_by(Store.c.store_id.desc()).limit(limit)
    if owner_id is not None:
        query = query.where(Store.c.owner_merchant_id == owner_id)
    if status is not None:
        query = query.where(Store.c.status == status)
    if q:
        query = query.where(matches(Store.c.name))
    if before is not None:
        query = query.where(Store.c.store_id < before)
    return list(await session.scalars(query, {"q": q}))
