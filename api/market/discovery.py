"""Discovery: leaderboard, spotlight, search."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.context import Context
from api.errors import errors
from api.market.views import LISTING, NOW, STORE, THREAD, ListingOut, StoreOut, ThreadOut, uid
from api.platform.pages import Page, PageQuery, answer
from api.platform.schemas import MAX_PRICE_CENTS, Currency, ResponseModel, example
from db.locks import clock
from db.market import discovery
from db.market.reads_catalog import ListingFilter
from db.market.reads_listings import Order, count_facets, search_listings
from db.market.reads_stores import Board, read_board
from db.platform.reading import Row
from domain.platform.cursors import encode_cursor
from domain.platform.errors import BAD_CURSOR

router = APIRouter(prefix="/v1", tags=["discovery"])
_SPOTS = 10


class RankedStoreOut(ResponseModel):
    """A store on the leaderboard. ``rank_milli`` is the lower Wilson bound of its score, in milli-points."""

    store_id: UUID
    name: str
    tagline: str | None
    overall_score: float
    rank_milli: int
    rated: bool
    orders_placed: int
    orders_delivered: int
    orders_refunded: int
    reviews_posted: int
    average_rating: float | None
    model_config = example(
        {
            "store_id": uid(0x20),
            "name": "Maps of nowhere",
            "tagline": "You are not here",
            "overall_score": 61.2,
            "rank_milli": 41_250,
            "rated": True,
            "orders_placed": 14,
            "orders_delivered": 12,
            "orders_refunded": 1,
            "reviews_posted": 9,
            "average_rating": 4.67,
        }
    )


class Discussed(ResponseModel):
    thread: ThreadOut
    messages: int
    model_config = example({"thread": THREAD, "messages": 31})


class Negotiated(ResponseModel):
    listing: ListingOut
    offers: int
    model_config = example({"listing": LISTING, "offers": 17})


class Rising(ResponseModel):
    store: StoreOut
    gained_milli: int
    model_config = example({"store": STORE, "gained_milli": 4_200})


class SpotlightOut(ResponseModel):
    since: datetime
    most_discussed: list[Discussed]
    most_negotiated: list[Negotiated]
    fastest_rising: list[Rising]
    model_config = example(
        {
            "since": NOW,
            "most_discussed": [{"thread": THREAD, "messages": 31}],
            "most_negotiated": [{"listing": LISTING, "offers": 17}],
            "fastest_rising": [{"store": STORE, "gained_milli": 4_200}],
        }
    )


class ListingHit(ListingOut):
    """With the handle of the store's owner, which no other has, and the store's trust."""

    kind: Literal["listing"] = "listing"
    store_handle: str
    store_trust: float
    store_rated: bool
    model_config = example(
        {**LISTING, "kind": "listing", "store_handle": "maps", "store_trust": 61.2, "store_rated": True}
    )


class StoreHit(StoreOut):
    kind: Literal["store"] = "store"
    model_config = example({**STORE, "kind": "store"})


class ThreadHit(ThreadOut):
    kind: Literal["thread"] = "thread"
    model_config = example({**THREAD, "kind": "thread"})


Hit = ListingHit | StoreHit | ThreadHit


class HitPage(Page[Hit]):
    """What a search found: every hit says what it is."""


def _ranked(row: Row) -> Row:
    """A row of the leaderboard in the shape of RankedStoreOut."""
    rating_sum, reviews = row.pop("rating_sum"), row["reviews_posted"]
    row["average_rating"] = round(rating_sum / reviews, 2) if reviews else None
    return row


@router.get("/leaderboard", response_model=Page[RankedStoreOut], responses=errors(BAD_CURSOR))
async def get_leaderboard(context: Context, paging: PageQuery, by: Board = "trust") -> Response:
    """Stores by trust (rated ones first, by what is certain of their score) or by orders delivered."""
    if by == "sales":
        sold = paging.after(int, UUID)
        rows = await read_board(context.reads, "sales", sold, paging.limit + 1)
        return paging.answer(rows, lambda row: encode_cursor(row["orders_delivered"], row["store_id"]), _ranked)
    place = paging.after(int, int, UUID)
    after = (bool(place[0]), place[1], place[2]) if place else None
    rows = await read_board(context.reads, "trust", after, paging.limit + 1)
    return paging.answer(
        rows, lambda row: encode_cursor(int(row["rated"]), row["rank_milli"], row["store_id"]), _ranked
    )


@router.get("/spotlight", responses=errors())
async def get_spotlight(context: Context, hours: Annotated[int, Query(ge=1, le=168)] = 24) -> SpotlightOut:
    """What the market talks about, haggles over and has come to trust in the last hours."""
    async with context.database.transaction() as transaction:
        since = (await clock(transaction)).replace(second=0, microsecond=0) - timedelta(hours=hours)
        found = await discovery.get_spotlight(transaction, since, _SPOTS)
    return SpotlightOut(
        since=since,
        most_discussed=[Discussed(thread=ThreadOut.model_validate(row), messages=n) for row, n in found.discussed],
        most_negotiated=[Negotiated(listing=ListingOut.of(view), offers=n) for view, n in found.negotiated],
        fastest_rising=[Rising(store=StoreOut.model_validate(row), gained_milli=n) for row, n in found.rising],
    )


def _hit(row: Row) -> Row:
    """A listing that was found in the shape of ListingHit."""
    del row["rank"]
    return row | {"kind": "listing"}


class FacetOut(ResponseModel):
    """How many listings have a value. Prices are given by currency, in its minor units."""

    facet: Literal["currency", "delivery", "in_stock"]
    value: str
    listings: int
    min_price_cents: int | None
    max_price_cents: int | None
    model_config = example(
        {"facet": "currency", "value": "USD", "listings": 12, "min_price_cents": 900, "max_price_cents": 4_500}
    )


class FacetsOut(ResponseModel):
    facets: list[FacetOut]


Words = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Bound = Annotated[int | None, Query(ge=0, le=MAX_PRICE_CENTS)]


def _listing_filter(
    q: Words,
    currency: Annotated[Currency | None, Query(description="ISO 4217; prices of others are other numbers")] = None,
    min_price_cents: Bound = None,
    max_price_cents: Bound = None,
    in_stock: Annotated[bool | None, Query(description="true: only what can be bought now")] = None,
    min_trust: Annotated[float | None, Query(ge=0, le=100, description="of the store's overall score")] = None,
) -> ListingFilter:
    return ListingFilter(
        q=q,
        currency=currency,
        min_price_cents=min_price_cents,
        max_price_cents=max_price_cents,
        in_stock=in_stock,
        min_trust=min_trust,
    )


WantedListings = Annotated[ListingFilter, Depends(_listing_filter)]


@router.get("/search/facets", response_model=FacetsOut, responses=errors())
async def search_facets(context: Context, wanted: WantedListings) -> Response:
    """How the listings that a search finds divide: by currency with its prices, by delivery, by stock."""
    return answer({"facets": await count_facets(context.reads, wanted)})


@router.get("/search", response_model=HitPage, responses=errors(BAD_CURSOR))
async def search(
    context: Context,
    paging: PageQuery,
    wanted: WantedListings,
    type: Literal["listing", "store", "thread"] = "listing",
    sort: Annotated[Order, Query(description="of listings: price is the lowest first, -price the highest")] = (
        "relevance"
    ),
) -> Page[Hit] | Response:
    """Search listings on sale, open stores, or threads by title.

    Accents and small misspellings are forgiven, and a whole sentence finds what holds enough of its words. Filters and
    ``sort`` are for listings; stores and threads come by relevance.
    """
    place = paging.after(float, UUID)
    after = (place[0], place[1]) if place else None
    limit = paging.limit + 1
    q = wanted.q or ""
    if type == "listing":
        rows = await search_listings(context.reads, wanted, sort, after, limit)
        return paging.answer(rows, lambda row: encode_cursor(row["rank"], row["listing_id"]), _hit)
    async with context.database.transaction() as transaction:
        if type == "store":
            stores = await discovery.search_stores(transaction, q, after, limit)
            return paging.page(
                stores, lambda row: StoreHit.model_validate(row[0]), lambda row: (row[1], row[0].store_id)
            )
        threads = await discovery.search_threads(transaction, q, after, limit)
    return paging.page(threads, lambda row: ThreadHit.model_validate(row[0]), lambda row: (row[1], row[0].thread_id))
