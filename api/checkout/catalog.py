"""The catalog: search, lookup, one product. Public, so a platform needs no proof here, only a profile.

A product of the protocol is a product of the market; its variants are the listings that sell it. An item's id in
carts and sessions is a variant's.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from api.checkout.bodies import Body, Id, Text
from api.checkout.documents import LookupDocument, ProductDocument, SearchDocument
from api.checkout.errors import refusals
from api.checkout.items import find_listing, item_names
from api.checkout.platforms import CallingPlatform, Platform
from api.context import AppContext, Context
from api.platform.schemas import AmountOrZero
from db.market.discovery import search_listings
from db.market.reads_catalog import ListingFilter, ListingView, get_listing, list_listings
from db.platform.transactions import Transaction
from domain.checkout.ucp import LOOKUP, SEARCH, VERSION, relevant_capabilities
from domain.checkout.ucp_documents import Document
from domain.market.errors import PRODUCT_NOT_FOUND
from domain.market.states import ListingStatus
from domain.platform.cursors import decode_cursor, encode_cursor
from domain.platform.errors import BAD_CURSOR, REQUEST_MALFORMED, REQUEST_TOO_LARGE, DomainError
from domain.platform.numbers import Whole

router = APIRouter(prefix="/catalog", tags=["ucp"])
_MAX_PAGE = 50
_MAX_IDS = 50
_MAX_VARIANTS = 50


class PriceFilterIn(Body):
    min: AmountOrZero | None = None
    max: AmountOrZero | None = None


class FiltersIn(Body):
    categories: list[Text] | None = Field(None, max_length=50)
    price: PriceFilterIn | None = None


class PaginationIn(Body):
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    limit: Annotated[int, Whole(1, 1_000_000)] = 10


class SearchIn(Body):
    """Without a query, the newest first. A larger ``limit`` than 50 is served as 50."""

    query: Annotated[Text, StringConstraints(max_length=200, strip_whitespace=True)] | None = None
    filters: FiltersIn | None = None
    pagination: PaginationIn = PaginationIn()
    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "lamp", "filters": {"price": {"max": 5000}}}]})


class LookupIn(Body):
    ids: Annotated[list[Id], Field(min_length=1, max_length=_MAX_IDS)]
    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["01920000-0000-7000-8000-000000000040"]}]})


class CatalogProductIn(Body):
    id: Id
    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "01920000-0000-7000-8000-000000000030"}]})


@dataclass
class _Found:
    """Listings by product, in the order they were found, and which of the asked ids led to which listing."""

    views: dict[UUID, dict[UUID, ListingView]] = field(default_factory=dict)
    asked: dict[UUID, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, view: ListingView, asked: str | None = None, match: str = "exact") -> None:
        self.views.setdefault(view.listing.product_id, {})[view.listing.listing_id] = view
        if asked is not None:
            self.asked.setdefault(view.listing.listing_id, []).append((asked, match))

    def listing_ids(self) -> list[UUID]:
        return [listing_id for views in self.views.values() for listing_id in views]


def _head(platform: Platform, root: str) -> Document:
    return {
        "version": VERSION,
        "status": "success",
        "capabilities": relevant_capabilities(platform.capabilities, root),
    }


@router.post(
    "/search", response_model=SearchDocument, responses=refusals(BAD_CURSOR, REQUEST_MALFORMED, REQUEST_TOO_LARGE)
)
async def search_catalog(body: SearchIn, platform: CallingPlatform, context: Context) -> SearchDocument:
    """What is on sale, by words and price. The market has no categories: a filter by one finds nothing."""
    platform.require(SEARCH)
    filters = body.filters or FiltersIn()
    price = filters.price or PriceFilterIn()
    limit = min(body.pagination.limit, _MAX_PAGE)
    cursor = body.pagination.cursor
    found = _Found()
    more: str | None = None
    if filters.categories:
        return SearchDocument({"ucp": _head(platform, SEARCH), "products": [], "pagination": {"has_next_page": False}})
    async with context.database.session() as session:
        if body.query and price.min is None and price.max is None:
            place = decode_cursor(cursor, float, UUID) if cursor else None
            hits = await search_listings(
                await Transaction.of(session), body.query, (place[0], place[1]) if place else None, limit + 1
            )
            for view, _ in hits[:limit]:
                found.add(view)
            if len(hits) > limit:
                more = encode_cursor(hits[limit - 1][1], hits[limit - 1][0].listing.listing_id)
        else:
            before = decode_cursor(cursor, UUID)[0] if cursor else None
            wanted = ListingFilter(
                status=ListingStatus.ACTIVE, min_price_cents=price.min, max_price_cents=price.max, q=body.query
            )
            views = await list_listings(await Transaction.of(session), wanted, before, limit + 1)
            for view in views[:limit]:
                found.add(view)
            if len(views) > limit:
                more = encode_cursor(views[limit - 1].listing.listing_id)
        products = await _products(session, context, found)
    page = {"has_next_page": True, "cursor": more} if more else {"has_next_page": False}
    return SearchDocument({"ucp": _head(platform, SEARCH), "products": products, "pagination": page})


@router.post("/lookup", response_model=LookupDocument, responses=refusals(REQUEST_MALFORMED, REQUEST_TOO_LARGE))
async def lookup_catalog(body: LookupIn, platform: CallingPlatform, context: Context) -> LookupDocument:
    """Products by the ids of products or variants; ids that stand for nothing are named in ``messages``."""
    platform.require(LOOKUP)
    found = _Found()
    messages = []
    async with context.database.session() as session:
        for index, asked in enumerate(dict.fromkeys(body.ids)):
            if not await _find(session, context, found, asked):
                content = "Not found: there is no such product or variant."
                messages.append({"type": "info", "code": "not_found", "content": content, "path": f"$.ids[{index}]"})
        products = await _products(session, context, found, correlated=True)
    answer = {"ucp": _head(platform, LOOKUP), "products": products}
    return LookupDocument(answer | ({"messages": messages} if messages else {}))


@router.post(
    "/product",
    response_model=ProductDocument,
    responses=refusals(PRODUCT_NOT_FOUND, REQUEST_MALFORMED, REQUEST_TOO_LARGE),
)
async def get_catalog_product(body: CatalogProductIn, platform: CallingPlatform, context: Context) -> ProductDocument:
    """One product whole, by its id or that of one of its variants."""
    platform.require(LOOKUP)
    found = _Found()
    async with context.database.session() as session:
        if not await _find(session, context, found, body.id):
            raise PRODUCT_NOT_FOUND.error()
        (product_id,) = found.views
        featured = next(iter(found.views[product_id].values()))
        for view in await list_listings(
            await Transaction.of(session), ListingFilter(product_id=product_id), None, _MAX_VARIANTS
        ):
            if view.listing.listing_id != featured.listing.listing_id:
                found.add(view)
        (document,) = await _products(session, context, found)
    return ProductDocument({"ucp": _head(platform, LOOKUP), "product": document})


async def _find(session: AsyncSession, context: AppContext, found: _Found, asked: str) -> bool:
    """Look for a listing, then for a product with listings."""
    listing_id = await find_listing(session, context, asked)
    if listing_id is not None:
        with suppress(DomainError):
            found.add(await get_listing(await Transaction.of(session), listing_id), asked)
            return True
    with suppress(ValueError):
        views = await list_listings(
            await Transaction.of(session), ListingFilter(product_id=UUID(asked)), None, _MAX_VARIANTS
        )
        for number, view in enumerate(views):
            found.add(view, asked, "featured" if number == 0 else "exact")
        return bool(views)
    return False


async def _products(
    session: AsyncSession, context: AppContext, found: _Found, *, correlated: bool = False
) -> list[Document]:
    names = await item_names(session, context, found.listing_ids())
    return [
        _product(list(views.values()), found if correlated else None, names, context.settings.own_url)
        for views in found.views.values()
    ]


def _product(views: Sequence[ListingView], found: _Found | None, names: dict[UUID, str], base_url: str) -> Document:
    first = views[0]
    prices = sorted(view.listing.price_cents for view in views)
    currency = first.listing.currency
    media = [{"type": "image", "url": image.image_url} for image in first.images]
    return {
        "id": str(first.listing.product_id),
        "title": first.title,
        "description": {"plain": first.description},
        "url": f"{base_url}/listings/{first.listing.listing_id}",
        "price_range": {
            "min": {"amount": prices[0], "currency": currency},
            "max": {"amount": prices[-1], "currency": currency},
        },
        "variants": [_variant(view, found, names, base_url) for view in views],
        **({"media": media} if media else {}),
    }


def _variant(view: ListingView, found: _Found | None, names: dict[UUID, str], base_url: str) -> Document:
    listing = view.listing
    on_sale = listing.status is ListingStatus.ACTIVE and listing.inventory_on_hand > 0
    document: Document = {
        "id": names.get(listing.listing_id, str(listing.listing_id)),
        "title": view.title,
        "description": {"plain": view.description},
        "url": f"{base_url}/listings/{listing.listing_id}",
        "price": {"amount": listing.price_cents, "currency": listing.currency},
        "availability": {"available": on_sale, "status": "in_stock" if on_sale else "out_of_stock"},
        "seller": {
            "name": view.store_name,
            "links": [{"type": "refund_policy", "url": f"{base_url}/stores/{listing.store_id}"}],
        },
    }
    if found is not None:
        document["inputs"] = [{"id": asked, "match": match} for asked, match in found.asked.get(listing.listing_id, ())]
    return document
