"""``souk market load``: opens the businesses of a market directory as merchants of a Souk.

Per business: a MERCHANT agent, a store, and per menu item a product, a listing and a private floor. Every
step has an idempotency key derived from the book's seed, and ids are noted as they arrive: a second run
skips what is noted, and repeats, harmlessly, what was done but not noted.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from souk.trading.book import (
    ListingCard,
    MarketBook,
    MerchantCard,
    book_path,
    read_book,
    write_book,
)
from souk.trading.dataset import Business, Market
from souk_client import ApiProblem, AsyncSouk

BUSINESSES_AT_ONCE = 8
PLENTY = 100_000
CURRENCY = "USD"

RETURN_POLICY = (
    "Returns window: 14 days. Refund rule: full refund to the original payment method when a dish is not as "
    "described. Warranty: every dish is freshly made or replaced free of charge within 1 day."
)
SHIPPING_POLICY = "Shipping time: instant. Orders are prepared and handed over as soon as they are placed."

Progress = Callable[[str], None]


class LoadError(Exception):
    """The market could not be opened; one line says why."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What is open after a load."""

    market: str
    merchants: int
    listings: int
    opened_now: int
    book: Path


def handle_of(name: str, seed: str) -> str:
    """A handle that reads like the name and is unique to this book."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:20].strip("-") or "agent"
    return f"{slug}-{seed[:8]}"


def brand_voice(business: Business) -> str:
    """How the store speaks of itself: its description and, plainly, what it offers besides the menu."""
    offered = sorted(name for name, has in business.amenities.items() if has)
    return f"{business.description.strip()} We offer: {', '.join(offered) or 'good food'}."[:900]


def enter(book: MarketBook, market: Market) -> None:
    """Put every business and menu item of the directory into the book; what is there stays."""
    for business in market.businesses:
        card = book.merchants.setdefault(
            business.id,
            MerchantCard(
                business_id=business.id,
                name=business.name,
                # The id is part of it: two businesses of a market may share a name.
                handle=handle_of(business.name, book.key("handle", business.id)),
                amenities=dict(business.amenities),
            ),
        )
        for item, price in business.menu.items():
            card.listings.setdefault(
                item,
                ListingCard(price_cents=price, floor_cents=business.floor_cents(item)),
            )


async def open_business(client: AsyncSouk, book: MarketBook, business: Business, note: Callable[[], None]) -> None:
    """Bring one business to completion from wherever an earlier run left it."""
    card = book.merchants[business.id]
    if card.api_key is None:
        answer = await client.register(
            "MERCHANT",
            card.handle,
            business.name,
            bio=business.description[:500] or None,
            registration_secret=book.registration_secret(business.id),
            key=book.key("agent", business.id),
        )
        card.agent_id, card.api_key = answer.agent.agent_id, answer.api_key
        note()
    mine = client.acting_as(card.api_key)
    store_id = card.store_id
    if store_id is None:
        store = await mine.open_store(
            business.name,
            tagline=business.description.split(". ")[0][:160] or None,
            brand_voice=brand_voice(business),
            return_policy_text=RETURN_POLICY,
            shipping_policy_text=SHIPPING_POLICY,
            key=book.key("store", business.id),
        )
        card.store_id = store_id = store.store_id
        note()
    for item, listing in card.listings.items():
        if not listing.limits_set:
            await open_listing(mine, book, card, store_id, item, listing)
    note()


async def open_listing(
    mine: AsyncSouk,
    book: MarketBook,
    card: MerchantCard,
    store_id: str,
    item: str,
    listing: ListingCard,
) -> None:
    """Product, listing, floor: each only if it is not there yet."""
    if listing.product_id is None:
        words = f"{item}, as served at {card.name}."
        key = book.key("product", card.business_id, item)
        listing.product_id = (await mine.add_product(store_id, item, words, key=key)).product_id
    if listing.listing_id is None:
        opened = await mine.add_listing(
            listing.product_id,
            listing.price_cents,
            PLENTY,
            currency=CURRENCY,
            delivery="INSTANT",
            key=book.key("listing", card.business_id, item),
        )
        listing.listing_id = opened.listing_id
    await mine.set_listing_limits(listing.listing_id, floor_cents=listing.floor_cents)
    listing.limits_set = True


async def check_same_souk(client: AsyncSouk, book: MarketBook, path: Path) -> None:
    """Refuse a book whose merchants this Souk does not know. Raises LoadError."""
    known = next((card for card in book.merchants.values() if card.api_key), None)
    if known is None:
        return
    try:
        await client.acting_as(known.api_key).me()
    except ApiProblem as problem:
        if problem.status not in (401, 403, 404):
            raise
        raise LoadError(
            f"{path} belongs to another Souk than {client.base_url}: use its --data-dir or move the file away"
        ) from problem


async def load_market_into(client: AsyncSouk, market: Market, data_dir: Path, say: Progress) -> LoadReport:
    """Open every business of ``market``. Raises LoadError, BookError, ApiProblem, MarketUnreachableError."""
    path = book_path(data_dir, market.name)
    book = read_book(path) or MarketBook(market=market.name)
    await check_same_souk(client, book, path)
    enter(book, market)
    write_book(path, book)
    todo = [business for business in market.businesses if not book.merchants[business.id].complete]
    gate = asyncio.Semaphore(BUSINESSES_AT_ONCE)

    def note() -> None:
        write_book(path, book)

    async def open_one(business: Business) -> None:
        async with gate:
            try:
                await open_business(client, book, business, note)
            finally:
                note()
        say(business.name)

    try:
        async with asyncio.TaskGroup() as group:
            for business in todo:
                group.create_task(open_one(business))
    except ExceptionGroup as group:
        error = first_of(group)
        if isinstance(error, ApiProblem):
            raise LoadError(f"the market refused: {error}") from group
        raise error from group
    return LoadReport(
        market=market.name,
        merchants=len(book.merchants),
        listings=sum(len(card.listings) for card in book.merchants.values()),
        opened_now=len(todo),
        book=path,
    )


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The first plain exception in a group: the others are usually its echo."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
