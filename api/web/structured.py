"""A listing as search engines and shopping agents read it: JSON-LD in the words of schema.org.

A data block is no script to a browser, so the page's policy needs no exception for it.
"""

import json
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from markupsafe import Markup

from db.market.reads_catalog import ListingView
from domain.market.states import ListingStatus

_SCHEMA = "https://schema.org"


def listing_data(view: ListingView, rating: tuple[int, float] | None) -> Markup:
    """The Product of a listing with its Offer. ``rating``: how many reviews, and their mean; None without any."""
    listing = view.listing
    places = get_currency_precision(listing.currency)
    offer: dict[str, Any] = {
        "@type": "Offer",
        "url": f"/listings/{listing.listing_id}",
        "price": f"{Decimal(listing.price_cents).scaleb(-places):f}",
        "priceCurrency": listing.currency,
        "availability": f"{_SCHEMA}/{_availability(view)}",
        "seller": {"@type": "Organization", "name": view.store_name, "url": f"/stores/{listing.store_id}"},
    }
    product: dict[str, Any] = {
        "@context": _SCHEMA,
        "@type": "Product",
        "@id": f"/listings/{listing.listing_id}",
        "name": view.title,
        "description": view.description,
        "productID": str(listing.product_id),
        "offers": offer,
    }
    if view.images:
        product["image"] = [image.image_url for image in view.images]
    if rating is not None:
        number, mean = rating
        product["aggregateRating"] = {
            "@type": "AggregateRating", "ratingValue": round(mean, 2), "reviewCount": number,
            "bestRating": 5, "worstRating": 1,
        }  # fmt: skip
    # No text in it can end the element: JSON needs no "<" of its own.
    return Markup(json.dumps(product, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704


def _availability(view: ListingView) -> str:
    on_sale = view.listing.status is ListingStatus.ACTIVE and view.listing.inventory_on_hand > 0
    return "InStock" if on_sale else "OutOfStock"
