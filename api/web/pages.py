"""The market's pages: a store, a listing, a thread, an order's public story, and the search.

All of them read as an observer: no viewer is named, so row-level security shows no private row.
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from api.context import Context
from api.market.trust_views import TrustOut
from api.web import words
from api.web.charts import line
from api.web.conversation import lines_of
from api.web.rendering import PageRoute, page
from api.web.structured import listing_data
from db.market import discovery
from db.market import watch_pages as watch
from db.market.reads_catalog import ListingFilter, get_listing, get_store, list_listings
from db.market.reads_conversation import get_thread, list_references, list_reviews_of, list_threads
from db.market.reads_trust import get_profile, list_updates
from db.market.tables import Agent, StoreStats
from db.market.watch_stories import agent_names, list_goods, tell
from db.platform.feed import FeedFilter, list_before
from domain.market.errors import ORDER_NOT_FOUND
from domain.market.gating import ways_to_satisfy
from domain.market.states import ThreadType

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_STEPS = 100
_NOTES = 50
_ROWS = 50
_MESSAGES = 500


def _trust_chart(steps: watch.TrustSteps, name: str) -> object:
    values = [steps.start_milli, *(step.overall_after_milli for step in steps.steps)]
    low, high = min(values) / 1000, max(values) / 1000
    times = [step.timestamp.timestamp() for step in steps.steps]
    first = times[0]
    # Steps of one fold share a moment: each is moved a little to the right of the one before.
    width = max(times[-1] - first, 1.0)
    points = [(-0.03 * width, steps.start_milli / 1000)]
    for time, step in zip(times, steps.steps, strict=True):
        points.append((max(time - first, points[-1][0] + width / 400), step.overall_after_milli / 1000))
    label = f"Trust in {name} over time: from {words.points(values[0])} to {words.points(values[-1])}"
    return line(points, label, low=max(0.0, low - 1), high=min(100.0, high + 1))


@router.get("/stores/{store_id}", response_class=HTMLResponse)
async def store_page(store_id: UUID, context: Context) -> HTMLResponse:
    """Who a store is, what it sells, what it changed, and every step of its trust."""
    async with context.database.transaction() as transaction:
        store = await get_store(transaction, store_id)
        owner = await transaction.get_one(Agent, store.owner_merchant_id)
        profile = TrustOut.of(await get_profile(transaction, store_id))
        stats = await transaction.get_one(StoreStats, store_id)
        listings = await list_listings(transaction, ListingFilter(store_id=store_id), None, _ROWS)
        updates = await list_updates(transaction, store_id, None, _NOTES)
        goods = await list_goods(transaction, (row.linked_listing_id for row in updates))
        threads = await list_threads(transaction, None, store_id, None, None, None, _ROWS)
        counts = await watch.count_messages(transaction, threads)
        steps = await watch.get_trust_steps(transaction, store_id, profile.overall_milli, _STEPS)
    return page(
        "store.html",
        store=store,
        owner=owner,
        profile=profile,
        stats=stats,
        listings=listings,
        updates=updates,
        goods=goods,
        threads=threads,
        counts=counts,
        steps=steps,
        chart=_trust_chart(steps, store.name) if steps.steps else None,
    )


@router.get("/listings/{listing_id}", response_class=HTMLResponse)
async def listing_page(listing_id: UUID, context: Context) -> HTMLResponse:
    """What is on sale, what it cost before, what is said of it, and what a purchase would need."""
    async with context.database.transaction() as transaction:
        view = await get_listing(transaction, listing_id)
        listing = view.listing
        prices = await watch.list_prices(transaction, listing_id, _ROWS)
        threads = await list_threads(transaction, None, None, listing_id, None, None, _ROWS)
        counts = await watch.count_messages(transaction, threads)
        references = await watch.list_listing_references(transaction, listing_id, _ROWS)
        names = await agent_names(transaction, (shown.reference.created_by_agent_id for shown in references))
        stories = await tell(transaction, await list_before(transaction, None, 15, FeedFilter(listing_id=listing_id)))
        rating = await watch.get_rating(transaction, listing_id)
    chart = None
    if prices:
        first = prices[0].created_at.timestamp()
        span = max(prices[-1].created_at.timestamp() - first, 1.0)
        at = [(-0.1 * span, int(prices[0].old_value or 0) / 100)]
        at += [(row.created_at.timestamp() - first, int(row.new_value or 0) / 100) for row in prices]
        at.append((span * 1.1, listing.price_cents / 100))
        most = max(y for _, y in at)
        label = f"List price over time, now {words.money(listing.price_cents, listing.currency)}"
        chart = line(at, label, low=0, high=most * 1.1)
    return page(
        "listing.html",
        view=view,
        listing=listing,
        prices=prices,
        chart=chart,
        threads=[row for row in threads if row.type is not ThreadType.REVIEW],
        review_thread=next((row for row in threads if row.type is ThreadType.REVIEW), None),
        counts=counts,
        references=references,
        names=names,
        stories=stories,
        ways=ways_to_satisfy(listing_id, listing.store_id),
        data=listing_data(view, rating),
    )


@router.get("/threads/{thread_id}", response_class=HTMLResponse)
async def thread_page(thread_id: UUID, context: Context) -> HTMLResponse:
    """A conversation as a tree, what it hangs on, and the purchases that came of it."""
    async with context.database.transaction() as transaction:
        thread = await get_thread(transaction, thread_id)
        messages = await watch.list_messages_until(transaction, thread_id, _MESSAGES)
        reviews = await list_reviews_of(transaction, [message.message_id for message in messages])
        references = await watch.show_references(transaction, await list_references(transaction, thread_id, _ROWS))
        speakers = {message.author_agent_id for message in messages}
        orders = await watch.list_purchases_around(transaction, thread, speakers, _ROWS)
        pointed = {shown.reference.created_by_agent_id for shown in references}
        names = await agent_names(transaction, speakers | pointed | {thread.created_by_agent_id})
        store = await get_store(transaction, thread.context_store_id) if thread.context_store_id else None
        goods = await list_goods(transaction, [thread.context_listing_id, *(order.listing_id for order in orders)])
    purchases = []
    for order in orders:
        said = [m for m in messages if m.author_agent_id == order.actor_agent_id and m.created_at <= order.created_at]
        purchases.append((order, said[-1] if said else None))
    return page(
        "thread.html",
        thread=thread,
        lines=lines_of(messages),
        total=len(messages),
        cut=len(messages) == _MESSAGES,
        reviews=reviews,
        references=references,
        names=names,
        store=store,
        goods=goods,
        purchases=purchases,
    )


@router.get("/orders/{order_id}", response_class=HTMLResponse)
async def order_page(order_id: UUID, context: Context) -> HTMLResponse:
    """What everyone may know of an order: who bought what, what came before, and how it went on."""
    async with context.database.transaction() as transaction:
        events = await watch.list_order_events(transaction, order_id)
        if not events:
            raise ORDER_NOT_FOUND.error()
        placed = events[0]
        stories = await tell(transaction, events)
        before = []
        if placed.actor_agent_id and placed.listing_id and placed.store_id:
            before = await watch.list_words_before(
                transaction, placed.actor_agent_id, placed.listing_id, placed.store_id, placed.created_at, 5
            )
    return page("order.html", order_id=order_id, placed=stories[0], stories=stories, before=before)


@router.get("/search", response_class=HTMLResponse)
async def search_page(context: Context, q: str = "") -> HTMLResponse:
    """Listings, stores and threads that fit some words."""
    q = q.replace("\x00", "").strip()[:200]
    if not q:
        return page("search.html", q="", listings=[], stores=[], threads=[], counts={})
    async with context.database.transaction() as transaction:
        listings = [row[0] for row in await discovery.search_listings(transaction, q, None, 20)]
        stores = [row[0] for row in await discovery.search_stores(transaction, q, None, 20)]
        threads = [row[0] for row in await discovery.search_threads(transaction, q, None, 20)]
        counts = await watch.count_messages(transaction, threads)
    return page("search.html", q=q, listings=listings, stores=stores, threads=threads, counts=counts)
