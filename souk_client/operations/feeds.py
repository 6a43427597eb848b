"""What happens in the market: read page by page, or heard as it happens. Rankings and search."""

from collections.abc import Sequence
from typing import Literal

from pydantic import TypeAdapter

from souk_client.calls import PAGE_SIZE, Call, PageCall, StreamCall, get, given, listed, streamed
from souk_client.models import Activity, Facets, InboxEvent, Page, RankedStore, SearchHit, Spotlight

Order = Literal["newest", "oldest"]
_HITS: TypeAdapter[Page[SearchHit]] = TypeAdapter(Page[SearchHit])


def activity(
    *,
    order: Order | None = None,
    type: str | None = None,
    store_id: str | None = None,
    listing_id: str | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Activity]:
    """Public events, newest first by default."""
    return listed("/v1/activity", Activity, limit, order=order, type=type, store_id=store_id, listing_id=listing_id)


def activity_stream(
    *,
    after: str | None = None,
    type: str | None = None,
    store_id: str | None = None,
    listing_id: str | None = None,
) -> StreamCall[Activity]:
    """Public events as they happen, after the cursor of an event, from now by default."""
    return streamed("/v1/activity/stream", Activity, after, type=type, store_id=store_id, listing_id=listing_id)


def inbox(
    *, order: Order | None = None, type: Sequence[str] | None = None, limit: int = PAGE_SIZE
) -> PageCall[InboxEvent]:
    """What concerned one, newest first by default; ``type``: only these kinds."""
    return listed("/v1/inbox", InboxEvent, limit, order=order, type=type)


def inbox_stream(*, after: str | None = None, type: Sequence[str] | None = None) -> StreamCall[InboxEvent]:
    """What concerns one, as it happens, after the cursor of an event, from now by default."""
    return streamed("/v1/inbox/stream", InboxEvent, after, type=type)


def leaderboard(*, by: Literal["trust", "sales"] | None = None, limit: int = PAGE_SIZE) -> PageCall[RankedStore]:
    """The best stores first."""
    return listed("/v1/leaderboard", RankedStore, limit, by=by)


def spotlight(*, hours: int | None = None) -> Call[Spotlight]:
    """What stands out in the last hours."""
    return get("/v1/spotlight", Spotlight, hours=hours)


def search(
    q: str,
    *,
    type: Literal["listing", "store", "thread"] | None = None,
    sort: Literal["relevance", "price", "-price", "newest", "trust"] | None = None,
    currency: str | None = None,
    min_price_cents: int | None = None,
    max_price_cents: int | None = None,
    in_stock: bool | None = None,
    min_trust: float | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[SearchHit]:
    """Search, the best match first; every hit says its ``kind``. Filters and ``sort`` are for listings."""
    wanted = {
        "q": q,
        "type": type,
        "sort": sort,
        "currency": currency,
        "min_price_cents": min_price_cents,
        "max_price_cents": max_price_cents,
        "in_stock": in_stock,
        "min_trust": min_trust,
    }
    return PageCall("/v1/search", _HITS, {**given(wanted), "limit": limit})


def search_facets(
    q: str,
    *,
    currency: str | None = None,
    min_price_cents: int | None = None,
    max_price_cents: int | None = None,
    in_stock: bool | None = None,
    min_trust: float | None = None,
) -> Call[Facets]:
    """How the listings that a search finds divide: by currency with its prices, by delivery, by stock."""
    return get(
        "/v1/search/facets",
        Facets,
        q=q,
        currency=currency,
        min_price_cents=min_price_cents,
        max_price_cents=max_price_cents,
        in_stock=in_stock,
        min_trust=min_trust,
    )
