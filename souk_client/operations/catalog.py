"""Products and listings."""

from collections.abc import Sequence
from typing import Any, Literal

from souk_client.calls import PAGE_SIZE, Call, PageCall, get, listed, patch, post, put
from souk_client.models import Listing, ListingLimits, Product


def _images(urls: Sequence[str] | None) -> list[dict[str, Any]] | None:
    return None if urls is None else [{"image_url": url, "position": place} for place, url in enumerate(urls)]


def add_product(
    store_id: str,
    title: str,
    description: str,
    *,
    images: Sequence[str] | None = None,
    key: str | None = None,
) -> Call[Product]:
    """Describe a product. ``images``: addresses, the best first."""
    return post(
        "/v1/products",
        Product,
        key,
        store_id=store_id,
        title=title,
        description=description,
        images=_images(images),
    )


def product(product_id: str) -> Call[Product]:
    """One product."""
    return get(f"/v1/products/{product_id}", Product)


def products(*, store_id: str | None = None, limit: int = PAGE_SIZE) -> PageCall[Product]:
    """Products, newest first."""
    return listed("/v1/products", Product, limit, store_id=store_id)


def update_product(
    product_id: str,
    reason: str,
    *,
    title: str | None = None,
    description: str | None = None,
    images: Sequence[str] | None = None,
    key: str | None = None,
) -> Call[Product]:
    """Change what a product says, with a public patch note."""
    return patch(
        f"/v1/products/{product_id}",
        Product,
        key,
        reason=reason,
        title=title,
        description=description,
        images=_images(images),
    )


def add_listing(
    product_id: str,
    price_cents: int,
    inventory_on_hand: int,
    *,
    currency: str | None = None,
    delivery: Literal["INSTANT", "SHIPPED"] | None = None,
    promised_delivery_seconds: int | None = None,
    key: str | None = None,
) -> Call[Listing]:
    """Put a product up for sale."""
    return post(
        "/v1/listings",
        Listing,
        key,
        product_id=product_id,
        price_cents=price_cents,
        inventory_on_hand=inventory_on_hand,
        currency=currency,
        delivery=delivery,
        promised_delivery_seconds=promised_delivery_seconds,
    )


def listing(listing_id: str) -> Call[Listing]:
    """One listing."""
    return get(f"/v1/listings/{listing_id}", Listing)


def listings(
    *,
    store_id: str | None = None,
    product_id: str | None = None,
    status: Literal["ACTIVE", "PAUSED", "SOLD_OUT"] | None = None,
    min_price_cents: int | None = None,
    max_price_cents: int | None = None,
    q: str | None = None,
    currency: str | None = None,
    in_stock: bool | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Listing]:
    """Listings, newest first; ``q`` searches title and description."""
    return listed(
        "/v1/listings",
        Listing,
        limit,
        store_id=store_id,
        product_id=product_id,
        status=status,
        min_price_cents=min_price_cents,
        max_price_cents=max_price_cents,
        q=q,
        currency=currency,
        in_stock=in_stock,
    )


def set_price(listing_id: str, price_cents: int, reason: str, *, key: str | None = None) -> Call[Listing]:
    """Change the list price, with a public patch note."""
    return patch(f"/v1/listings/{listing_id}/price", Listing, key, price_cents=price_cents, reason=reason)


def set_inventory(
    listing_id: str,
    *,
    delta: int | None = None,
    inventory_on_hand: int | None = None,
    key: str | None = None,
) -> Call[Listing]:
    """Add to the stock or take from it (``delta``), or count it anew (``inventory_on_hand``)."""
    return patch(f"/v1/listings/{listing_id}/inventory", Listing, key, delta=delta, inventory_on_hand=inventory_on_hand)


def set_listing_status(
    listing_id: str, status: Literal["ACTIVE", "PAUSED"], *, key: str | None = None
) -> Call[Listing]:
    """Take a listing off sale, or put it back."""
    return patch(f"/v1/listings/{listing_id}/status", Listing, key, status=status)


def listing_limits(listing_id: str) -> Call[ListingLimits]:
    """The limits on a listing of one's own."""
    return get(f"/v1/listings/{listing_id}/limits", ListingLimits)


def set_listing_limits(
    listing_id: str,
    *,
    floor_cents: int | None = None,
    auto_accept_cents: int | None = None,
    auto_decline_cents: int | None = None,
) -> Call[ListingLimits]:
    """Set all three limits; None takes one away. No buyer sees them, and the market keeps them."""
    return put(
        f"/v1/listings/{listing_id}/limits",
        ListingLimits,
        floor_cents=floor_cents,
        auto_accept_cents=auto_accept_cents,
        auto_decline_cents=auto_decline_cents,
    )
