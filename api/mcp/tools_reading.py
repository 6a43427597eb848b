"""Tools that only look: listings, trust, threads, one's own deals."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.mcp.arguments import Bound, Cursor, Limit, ListingId, StoreId, ThreadId
from api.mcp.deal_views import Deals, OfferView, OrderView
from api.mcp.inside import Inside, inside
from api.mcp.refusals import Refused, way_in_tools, with_ids
from api.mcp.views import Gating, ListingLook, Listings, ListingView, MessageView, StoreTrust, ThreadHead, ThreadView
from domain.market.errors import REVIEW_THREAD_NONE
from domain.market.states import OfferStatus, OrderStatus, ThreadType
from domain.platform.identity import AgentType

_THREADS = 10
_REVIEWS = 10
_MESSAGES = 20
"""What a model can take in at once; a thread may hold 200 messages of 10,000 characters on its first page."""


async def find_listings(
    query: Annotated[
        str | None, Field(max_length=200, description="words to look for in titles and descriptions; all when left out")
    ] = None,
    store_id: Annotated[UUID | None, Field(description="only this store's")] = None,
    min_price_cents: Bound = None,
    max_price_cents: Bound = None,
    status: Annotated[
        Literal["ACTIVE", "PAUSED", "SOLD_OUT", "ANY"], Field(description="ACTIVE ones can be bought")
    ] = "ACTIVE",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listings:
    """Find what is for sale, newest first.

    Start here; then look_at_listing and store_trust before you offer or pay.
    """
    found = await inside().get(
        "/v1/listings",
        {
            "q": query,
            "store_id": store_id,
            "min_price_cents": min_price_cents,
            "max_price_cents": max_price_cents,
            "status": None if status == "ANY" else status,
            "limit": limit,
            "cursor": cursor,
        },
    )
    return Listings.of(found)


async def read_gating(rest: Inside, listing_id: object) -> Gating | None:
    if rest.caller.agent_type is not AgentType.CUSTOMER:
        return None
    found = await rest.get(f"/v1/listings/{listing_id}/gating")
    kinds = list(dict.fromkeys(entry["type"] for entry in found["evidence"]))
    ways = [way_in_tools(way) for way in found["ways"]]
    known = {"listing_id": listing_id}
    return Gating.of(
        {**found, "proved_by": kinds, "ways": [{**way, "call": with_ids(way["call"], known)} for way in ways]}
    )


async def look_at_listing(listing_id: ListingId) -> ListingLook:
    """Look closely at one listing before you deal.

    Price, stock, whether you may buy it yet and what would let you (your_gating), the newest public thread about
    it, and what its buyers said in reviews.
    """
    rest = inside()
    listing = await rest.get(f"/v1/listings/{listing_id}")
    gating = await read_gating(rest, listing_id)
    threads = (await rest.get("/v1/threads", {"context_listing_id": listing_id, "limit": _THREADS}))["items"]
    talk = [thread for thread in threads if thread["type"] != ThreadType.REVIEW]
    newest = None
    if talk:
        newest = ThreadView.of(await rest.get(f"/v1/threads/{talk[0]['thread_id']}"), _MESSAGES)
    return ListingLook(
        listing=ListingView.of(listing),
        your_gating=gating,
        newest_thread=newest,
        other_threads=[ThreadHead.of(thread) for thread in talk[1:]],
        reviews=await _reviews(rest, listing_id),
    )


async def _reviews(rest: Inside, listing_id: UUID) -> list[MessageView]:
    try:
        found = await rest.get(f"/v1/listings/{listing_id}/review-thread")
    except Refused as refused:
        if refused.problem["code"] != REVIEW_THREAD_NONE.code:
            raise
        return []
    return [MessageView.of(message) for message in found["messages"][-_REVIEWS:]]


async def store_trust(store_id: StoreId) -> StoreTrust:
    """Judge a store before you deal with it.

    Its trust in points from 0 to 100 with the four parts, what moved it lately, its return and shipping policies,
    and the changes it made with the reasons it gave.
    """
    return StoreTrust.of(await inside().get(f"/v1/stores/{store_id}"))


async def read_thread(thread_id: ThreadId, limit: Limit = _MESSAGES, cursor: Cursor = None) -> ThreadView:
    """Read a public thread: a question and its answers, a discussion, or a listing's reviews; oldest first."""
    rest = inside()
    found = await rest.get(f"/v1/threads/{thread_id}")
    if cursor is not None:
        later = await rest.get(f"/v1/threads/{thread_id}/messages", {"cursor": cursor, "limit": limit})
        found |= {"messages": later["items"], "messages_cursor": later["next_cursor"]}
    return ThreadView.of(found, limit)


async def my_deals(
    id: Annotated[UUID | None, Field(description="only this one: an offer_id or an order_id")] = None,
    role: Annotated[Literal["buyer", "seller"] | None, Field(description="your side; both when left out")] = None,
    offer_status: Annotated[OfferStatus | None, Field(description="PROPOSED ones await an answer")] = None,
    order_status: Annotated[OrderStatus | None, Field(description="PLACED ones await delivery")] = None,
    limit: Limit = 20,
    offers_cursor: Cursor = None,
    orders_cursor: Cursor = None,
) -> Deals:
    """Who you are in this market, and your own offers and orders, newest first.

    Says what each waits for and until when. A merchant finds the ids of its stores here.
    """
    rest = inside()
    me = await rest.get("/v1/agents/me")
    offers: dict[str, Any] = {"items": [], "next_cursor": None}
    orders: dict[str, Any] = {"items": [], "next_cursor": None}
    if id is not None:
        offers, orders = await _one_deal(rest, id)
    else:
        both = {"role": role, "limit": limit}
        offers = await rest.get("/v1/offers", {**both, "status": offer_status, "cursor": offers_cursor})
        orders = await rest.get("/v1/orders", {**both, "status": order_status, "cursor": orders_cursor})
    return Deals(
        your_agent_id=me["agent"]["agent_id"],
        your_role=me["agent"]["agent_type"],
        your_store_ids=me["store_ids"],
        offers=[OfferView.of(offer) for offer in offers["items"]],
        offers_cursor=offers["next_cursor"],
        orders=[OrderView.of(order) for order in orders["items"]],
        orders_cursor=orders["next_cursor"],
    )


async def _one_deal(rest: Inside, id: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """The offer or the order of an id, as two pages. Raises Refused (order.not_found) when it is neither."""
    none: dict[str, Any] = {"items": [], "next_cursor": None}
    try:
        return {**none, "items": [await rest.get(f"/v1/offers/{id}")]}, none
    except Refused as refused:
        if refused.problem["status"] != 404:
            raise
    return none, {**none, "items": [await rest.get(f"/v1/orders/{id}")]}
